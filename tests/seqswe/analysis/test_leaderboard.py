"""The leaderboard: what is pooled, what is said of it, and what is left out."""

from dataclasses import replace

import numpy as np
import pytest

from seqswe.agent import Usage
from seqswe.analysis.leaderboard import leaderboard
from seqswe.analysis.leaderboard_words import sentences
from seqswe.analysis.streams import Streams, streams_of_runs
from seqswe.errors import IncompleteError, UnknownName, UsageError
from seqswe.models.meter import MemoryUsage
from seqswe.runs.outcomes import RESOLVED
from seqswe.statistics import two_way
from tests.seqswe.conftest import failed, outcomes_of

CODEBASES = ("ash", "beech", "cedar", "date", "elm", "fir")
TASKS = 12


@pytest.fixture
def board(plant):
    """Runs of {memory: lift} on the first `codebases`, and their leaderboard."""

    def make(memories, codebases=5, *, lonely=(), change=lambda r: r, **settings):
        return leaderboard(streams_of_runs(runs(memories, codebases, lonely, change, settings)))

    def runs(memories, codebases, lonely, change, settings):
        return [
            planted(plant, memory, codebase, lift, number, lonely, change, settings)
            for number, codebase in enumerate(CODEBASES[:codebases])
            for memory, lift in memories.items()
        ]

    return make


def planted(plant, memory, codebase, lift, number, lonely=(), change=lambda r: r, settings=None):
    outcomes = outcomes_of(TASKS, 3, lift=lift, seed=number)
    if memory in lonely:
        del outcomes["iid"]
    return plant(
        outcomes, name=f"{codebase}-{memory}", codebase=codebase, memory=memory,
        named=codebase + "-{}", change=change, **(settings or {}),
    )  # fmt: skip


def row(found, memory):
    return next(row for row in found.rows if row.memory == memory)


def test_the_mean_is_of_codebases_not_of_tasks(board):
    found = board({"episodic": 0.2, "recency": 0.0})
    cells = row(found, "episodic").cells.values()
    assert row(found, "episodic").lift.estimate == pytest.approx(
        np.mean([cell.lift.estimate for cell in cells])
    )
    assert row(found, "episodic").lift.codebases == 5
    assert found.outcome is RESOLVED


def test_memories_are_compared_in_their_sequential_arms(board):
    found = board({"episodic": 0.2, "git_history": 0.0})
    for codebase, estimate in row(found, "episodic").against.by_codebase.items():
        streams = [row(found, name).cells[codebase].stream for name in ("episodic", "git_history")]
        first, second = (stream.values["resolved"] for stream in streams)
        assert estimate == two_way(first, second, coupled=streams[0].coupled)


@pytest.mark.parametrize(("kind", "said"), [("full", False), ("symptom", True)])
def test_how_tasks_are_told_is_said_where_it_is_not_usual(board, kind, said):
    found = board({"episodic": 0.2, "recency": 0.0}, statement=kind)
    assert (
        any(text.startswith("Tasks are told by their symptom") for text in sentences(found)) is said
    )


def test_git_history_is_the_reference_where_it_was_run(board):
    found = board({"episodic": 0.3, "git_history": 0.0, "recency": 0.3})
    assert found.reference == "git_history"
    assert row(found, "git_history").against is None
    assert any("Better than git_history" in text for text in sentences(found))


def test_without_a_reference_the_report_says_how_to_name_one(board):
    found = board({"episodic": 0.3, "recency": 0.0})
    assert found.reference == ""
    assert any("name one with --reference" in text for text in sentences(found))


def test_the_p_against_the_reference_is_holms(board):
    found = board({"git_history": 0.0, "episodic": 0.3, "recency": 0.3})
    against = [row(found, name).against for name in ("episodic", "recency")]
    raw = sorted(a.pooled.p for a in against)
    assert sorted(a.p for a in against) == pytest.approx([2 * raw[0], max(2 * raw[0], raw[1])])


def test_memories_that_differ_clearly_have_other_ranks_and_tiers(board):
    found = board({"episodic": 0.4, "recency": -0.4, "random": -0.4}, 6)
    assert row(found, "episodic").ranks == (1, 1)
    assert row(found, "episodic").tier == 1
    assert row(found, "recency").ranks[0] >= 2
    assert found.rows[0].memory == "episodic"
    assert any("tier 2: " in text for text in sentences(found))


def test_equal_memories_have_no_rank_of_their_own(board):
    found = board({"episodic": 0.0, "recency": 0.0})
    assert {row.ranks for row in found.rows} == {(1, 2)}
    assert any("No two memories can be told apart" in text for text in sentences(found))


def test_under_four_codebases_lifts_are_listed_and_not_pooled(board):
    found = board({"episodic": 0.3, "recency": 0.0}, 3)
    assert not found.pooled
    assert {row.ranks for row in found.rows} == {None}
    assert any("Nothing is pooled" in text for text in sentences(found))


def test_four_codebases_have_an_interval_and_no_p(board):
    found = board({"episodic": 0.3, "git_history": 0.0}, 4)
    assert found.rows[0].lift.p is None
    assert row(found, "episodic").against.p is None
    assert found.rows[0].ranks is None


def test_an_unfinished_run_is_shown_said_and_left_out(board):
    def change(made):
        return failed(made) if made.instance_id == "ash-3" and made.arm == "sequential" else made

    found = board({"episodic": 0.2, "recency": 0.0}, change=change)
    assert not found.complete
    assert row(found, "episodic").cells["ash"].lift is not None
    assert not row(found, "episodic").cells["ash"].counted
    assert row(found, "episodic").lift.codebases == 4
    assert "episodic on ash (3 of 72 rollouts have no verdict)" in found.warnings[0]
    assert sentences(found)[0].startswith("INCOMPLETE ")


def test_a_memory_that_was_not_run_everywhere_is_said(plant):
    runs = [
        planted(plant, memory, codebase, 0.1, number)
        for number, codebase in enumerate(CODEBASES)
        for memory in ("episodic", "recency")
        if (memory, codebase) != ("recency", "fir")
    ]
    found = leaderboard(streams_of_runs(runs))
    assert row(found, "recency").lift.codebases == 5
    assert any("NOT RUN: recency on fir" in text for text in found.warnings)


def test_a_run_without_an_iid_arm_is_lent_one_that_recalled_nothing(board):
    found = board({"episodic": 0.2, "recency": 0.0}, lonely=("recency",))
    stream = row(found, "recency").cells["ash"].stream
    assert stream.lender == "episodic"
    assert row(found, "recency").lift is not None
    said = (
        "The i.i.d. arm of episodic serves others too, since it recalled nothing: recency on all."
    )
    assert said in found.warnings


def test_what_is_lent_must_be_finished_as_well(plant):
    def change(made):
        return failed(made) if made.arm == "iid" and made.position == 3 else made

    lent = [
        planted(plant, "recency", "ash", 0.1, 1, ("recency",)),
        planted(plant, "episodic", "ash", 0.1, 1, change=change),
        planted(plant, "recency", "elm", 0.1, 2, ("recency",)),
        planted(plant, "episodic", "elm", 0.1, 2, change=change),
        planted(plant, "random", "elm", 0.1, 2),
    ]
    found = leaderboard(streams_of_runs(lent))
    ash, elm = (row(found, "recency").cells[name] for name in ("ash", "elm"))
    assert (ash.stream.lender, ash.counted) == ("episodic", False)
    assert (elm.stream.lender, elm.counted) == ("random", True)


def test_an_iid_arm_that_recalls_is_nobody_elses(board):
    def change(made):
        return replace(made, recalled_bytes=9)

    found = board({"episodic": 0.2, "recency": 0.0}, lonely=("recency",), change=change)
    assert row(found, "recency").lift is None
    assert any("NO I.I.D. ARM: recency on all" in text for text in found.warnings)
    assert row(found, "recency").ranks is not None


def test_runs_over_other_tasks_meet_on_those_they_share(plant):
    runs = [
        planted(plant, memory, codebase, 0.1, number, settings={"limit": limit})
        for number, codebase in enumerate(CODEBASES[:5])
        for memory, limit in (("episodic", 0), ("git_history", 8))
    ]
    for run in runs:
        if run.info.experiment.limit:
            lines = (run.root / "rollouts.jsonl").read_text().splitlines(keepends=True)
            kept = [line for line in lines if int(line.split('"position": ')[1].split(",")[0]) < 8]
            (run.root / "rollouts.jsonl").write_text("".join(kept))
    found = leaderboard(streams_of_runs(runs))
    assert row(found, "episodic").against.by_codebase["ash"].n == 8
    assert any("tasks that two share (8 are in all)" in text for text in found.warnings)


@pytest.mark.parametrize("whose", ["memory", "user"])
def test_the_models_of_memory_and_user_are_in_the_cost(board, whose):
    def change(made):
        carried = made.arm == "sequential"
        taken = {"cost_usd": 0.02 * carried, "prompt_tokens": 50 * carried}
        theirs = MemoryUsage(calls=1, **taken) if whose == "memory" else Usage(**taken)
        return replace(
            made,
            usage=Usage(cost_usd=0.02, prompt_tokens=100, completion_tokens=0),
            **{f"{whose}_usage": theirs},
        )

    ratios = row(board({"episodic": 0.1, "recency": 0.0}, change=change), "episodic").ratios
    assert np.exp(ratios["total_cost"].estimate) == pytest.approx(2.0)
    assert np.exp(ratios["total_tokens"].estimate) == pytest.approx(1.5)


@pytest.mark.parametrize(
    "unknown", [{"memory_usage": MemoryUsage(calls=1)}, {"user_usage": Usage()}]
)
def test_a_cost_that_nobody_knows_is_not_nothing(board, unknown):
    def change(made):
        return replace(made, usage=Usage(cost_usd=0.02), **unknown)

    found = board({"episodic": 0.1, "recency": 0.0}, change=change)
    assert "total_cost" not in row(found, "episodic").ratios


def test_two_memories_of_one_name_are_told_apart_by_their_settings(plant):
    runs = [
        plant(
            outcomes_of(TASKS, 3, lift=0.1, seed=number), name=f"{codebase}-{k}",
            codebase=codebase, memory="episodic", memory_option=(f"k={k}",),
        )
        for number, codebase in enumerate(CODEBASES[:2])
        for k in (1, 5)
    ]  # fmt: skip
    found = leaderboard(streams_of_runs(runs))
    assert {row.memory for row in found.rows} == {"episodic k=1", "episodic k=5"}


def test_the_same_memory_twice_on_a_codebase_is_refused(plant):
    runs = [plant(outcomes_of(TASKS, 3, lift=0.1), name=name) for name in ("a", "b")]
    with pytest.raises(UsageError, match="both of episodic on ledgerlite"):
        streams_of_runs(runs)


def test_another_agent_is_refused(plant):
    runs = [
        plant(outcomes_of(TASKS, 3, lift=0.1), name=name, agent=name, codebase=name)
        for name in ("localizer", "repair")
    ]
    with pytest.raises(UsageError, match="differ in agent"):
        streams_of_runs(runs)


def test_settings_that_differ_beside_the_memory_are_said(plant):
    runs = [
        plant(outcomes_of(TASKS, 3, lift=0.1), name=name, codebase=name, command_seconds=seconds)
        for name, seconds in (("ash", 10.0), ("elm", 20.0))
    ]
    assert "The runs differ in command_seconds" in leaderboard(streams_of_runs(runs)).warnings[-1]


def test_a_run_without_a_sequential_arm_is_refused(plant):
    run = plant({"iid": outcomes_of(TASKS, 3, lift=0.1)["iid"]})
    with pytest.raises(UsageError, match="no sequential arm"):
        streams_of_runs([run])


def test_nothing_graded_is_no_leaderboard(plant):
    runs = [
        plant(outcomes_of(TASKS, 3, lift=0.1), name=name, codebase=name, change=failed)
        for name in ("ash", "elm")
    ]
    with pytest.raises(IncompleteError, match="nothing is graded"):
        streams_of_runs(runs)


def test_a_reference_that_was_not_run_is_unknown(board, plant):
    found = streams_of_runs([planted(plant, "episodic", c, 0.1, 1) for c in CODEBASES[:2]])
    assert isinstance(found, Streams)
    with pytest.raises(UnknownName, match="recensy"):
        leaderboard(found, "recensy")


def test_few_seeds_and_injected_bugs_are_said(plant):
    runs = [
        plant(
            outcomes_of(TASKS, 2, lift=0.1), name=name, codebase=name, memory="recency",
            synthetic=name == "elm",
        )
        for name in ("ash", "elm")
    ]  # fmt: skip
    warnings = leaderboard(streams_of_runs(runs)).warnings
    assert any("FEW SEEDS: under 3 for every run." in text for text in warnings)
    assert any("SYNTHETIC: the bugs of elm" in text for text in warnings)
