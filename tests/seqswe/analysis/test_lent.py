"""One iid arm for many memories: lent where their recalls are seen to be the same."""

from dataclasses import replace

import pytest

from seqswe.analysis import analyse
from seqswe.errors import UsageError
from seqswe.plugins import build
from seqswe.runs.lending import EmptyRecalls
from seqswe.runs.store import RunDirectory
from tests.seqswe.conftest import outcomes_of

TWO = outcomes_of(24, 3, lift=0.2)
CHAIN = {"sequential": TWO["sequential"]}
NOTHING = EmptyRecalls("none")
for task in range(24):
    NOTHING.see(f"task-{task}", [])


@pytest.fixture
def lender(plant):
    return plant(TWO, name="lender")


def noted(run, recalls=NOTHING.digest):
    """The run, with what its memory recalled when it was empty."""
    return RunDirectory(run.root, replace(run.info, empty_recalls=recalls))


def test_a_run_of_another_memory_is_compared_with_the_lent_arm(plant, lender):
    mine = noted(plant(CHAIN, name="mine", memory="vectors"))
    found = analyse([mine], lender).headlines()[0].lift.overall
    whole = analyse([lender]).headlines()[0].lift.overall
    assert (found.low, found.high, found.k0) == (whole.low, whole.high, 3)
    assert not analyse([mine]).headlines()


def test_the_report_says_whose_arm_it_is(plant, lender):
    mine = noted(plant(CHAIN, name="mine", memory="vectors"))
    said = "\n".join(analyse([mine], lender).warnings)
    assert f"BASELINE: the iid arm is that of {lender.root} (memory 'episodic', results " in said


def test_an_own_arm_that_recalled_nothing_gives_way_to_the_lent_one(plant, lender):
    other = {**TWO, "iid": ~TWO["iid"]}
    mine = plant(other, name="mine", memory="vectors")
    found = analyse([mine], lender)
    assert found.headlines()[0].lift.iid.estimate == pytest.approx(TWO["iid"].mean())
    assert found.runs[0].graded == 24 * 6


def test_a_lender_that_is_reported_too_keeps_its_own_arm(plant, lender):
    mine = noted(plant(CHAIN, name="mine", memory="vectors"))
    both = analyse([lender, mine], lender)
    assert len(both.headlines()) == 2
    assert sum(text.count("BASELINE: ") for text in both.warnings) == 1


def test_what_is_not_all_there_of_the_lent_arm_is_not_final(plant):
    lender = plant(
        TWO, name="lender", change=lambda r: r if r.arm == "sequential" or r.seed else None
    )
    mine = noted(plant(CHAIN, name="mine", memory="vectors"))
    assert not analyse([mine], lender).headlines()[0].final


def recalling(found):
    return replace(found, recalled=1, recalled_bytes=9) if found.arm == "iid" else found


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "nobody has seen what the memory of"),
        ({"feedback": "none"}, "differ in feedback"),
        ({"agent": "repair"}, "differ in agent"),
        ({"delivery": "mcp"}, "can hand an agent more than its recalls show"),
    ],
)
def test_what_is_not_the_same_is_refused(plant, lender, settings, said):
    with pytest.raises(UsageError, match=said):
        analyse([plant(CHAIN, name="mine", memory="vectors", **settings)], lender)


def test_another_sequence_is_refused(plant, lender):
    short = {"sequential": TWO["sequential"][:20]}
    with pytest.raises(UsageError, match="differ in sequence"):
        analyse([noted(plant(short, name="mine"))], lender)


def test_a_memory_that_recalls_something_when_empty_is_refused(plant, lender):
    other = EmptyRecalls("git_history")
    other.see("task-0", [{"origins": ["history:1"], "score": 1.0, "text": "A fix."}])
    with pytest.raises(UsageError, match="recall different things when they are empty"):
        analyse([noted(plant(CHAIN, name="mine"), other.digest)], lender)


def test_the_same_recalls_byte_for_byte_are_the_same_arm(plant):
    runs = [
        plant(TWO, name=memory, memory=memory, change=recalling, files=True)
        for memory in ("one", "other")
    ]
    assert analyse(runs[:1], runs[1]).headlines()[0].lift.overall.k0 == 3


def test_a_run_without_an_iid_arm_lends_none(plant):
    mine = noted(plant(CHAIN, name="mine"))
    with pytest.raises(UsageError, match="has no iid arm to lend"):
        analyse([mine], noted(plant(CHAIN, name="lender")))


def test_seeds_that_recall_different_things_share_no_arm():
    seen = EmptyRecalls("random")
    seen.see("a", [])
    with pytest.raises(UsageError, match="recalls other things with other seeds"):
        seen.see("a", [{"text": "x"}])


def test_the_note_is_in_no_older_run(plant):
    assert "empty_recalls" not in plant(TWO).info.data()


def test_own_rollouts_of_a_replaced_arm_do_not_speak_for_the_lent_one(plant, lender):
    five = outcomes_of(24, 5, lift=0.2)
    mine = plant(five, name="mine", memory="vectors", change=lambda r: replace(r, confidence=0.5))
    scores = [s for s in analyse([mine], lender).secondary if s.name == "brier"]
    assert [s.contrast for s in scores] == ["sequential"]
    assert scores[0].estimate == pytest.approx(0.25)


def test_an_arm_that_has_not_seen_every_task_lends_nothing(plant):
    begun = plant(TWO, name="lender", change=lambda r: r if r.position < 20 else None)
    mine = noted(plant(CHAIN, name="mine", memory="vectors"))
    with pytest.raises(UsageError, match="has no rollout yet of 4 of 24 tasks"):
        analyse([mine], begun)


@pytest.mark.parametrize("name", ["json", "markdown", "html", "junit"])
def test_every_report_shows_a_lent_arm(plant, lender, name):
    mine = noted(plant(CHAIN, name="mine", memory="vectors"))
    text = build("report", name).render(analyse([mine], lender)).decode()
    assert "sequential" in text
    assert "iid" in text
