"""Arms beside the headline: what they show has known answers, and it stays out of the headline."""

import json

import numpy as np
import pytest

from seqswe.analysis import analyse
from seqswe.comparison.baseline import of_run
from seqswe.comparison.compare import compare
from seqswe.reports.json_report import JsonReport
from seqswe.reports.markdown import markdown
from seqswe.statistics import Word
from tests.seqswe.conftest import outcomes_of

N, SEEDS = 40, 3
MADE = outcomes_of(N, SEEDS, lift=0.1)
BASE = MADE["iid"]


def better(share):
    """The baseline, with some of its failures turned into successes."""
    lifted = np.random.default_rng(3).random(BASE.shape) < share
    return BASE | lifted


ARMS = {
    **MADE,
    "frozen-0": BASE,
    "frozen-20": better(0.3),
    "frozen-30": better(0.6),
    "replay-10": np.ones_like(BASE),
    "replay-without-own-10": BASE,
    "reversed": np.ones_like(BASE),
}
STARTS = {"frozen-20": (20, N), "frozen-30": (30, N), "replay-10": (0, 10),
          "replay-without-own-10": (0, 10),
          **{f"window-{m}": (30, N) for m in (10, 20, 30)}}  # fmt: skip


def as_planned(found):
    """Only rollouts that the arm was to run at all."""
    start, end = STARTS.get(found.arm, (0, N))
    return found if start <= found.position < end else None


@pytest.fixture
def run(plant):
    return plant(ARMS, change=as_planned)


@pytest.fixture
def analysis(run):
    return analyse([run])


def test_nothing_is_missing_from_arms_that_run_a_part(analysis):
    assert analysis.complete
    assert {arm.arm: arm.tasks for arm in analysis.arms} == {
        "iid": 40, "sequential": 40, "frozen-0": 40, "frozen-20": 20, "frozen-30": 10,
        "replay-10": 10, "replay-without-own-10": 10, "reversed": 40,
    }  # fmt: skip
    assert all(arm.complete for arm in analysis.arms)
    assert all(arm.outcomes["resolved"].missing == 0 for arm in analysis.arms)


def test_all_doses_stand_on_the_tasks_after_the_largest(analysis):
    doses = {p.learnt: p.estimate for p in analysis.probes if p.kind == "dose"}
    assert {dose: found.n for dose, found in doses.items()} == {0: 10, 20: 10, 30: 10}
    assert doses[0].estimate == 0.0
    for dose, share in ((20, 0.3), (30, 0.6)):
        known = better(share)[30:].mean() - BASE[30:].mean()
        assert doses[dose].estimate == pytest.approx(known)
        assert doses[dose].low < known < doses[dose].high


def test_windows_tell_old_lessons_from_new_ones_of_equal_number(plant):
    made = {**ARMS, "window-10": better(0.1), "window-20": better(0.2), "window-30": better(0.5)}
    analysis = analyse([plant(made, change=as_planned)])
    found = {(p.kind, p.arm, p.baseline): p for p in analysis.probes if p.learnt}
    tail = {arm: values[30:].mean() for arm, values in made.items()}
    for kind, arm, baseline, learnt in (
        ("window", "window-10", "iid", 10),
        ("window", "window-30", "iid", 10),
        ("fading", "window-10", "window-30", 10),
        ("older lessons", "frozen-30", "window-30", 30),
    ):
        probe = found[kind, arm, baseline]
        assert probe.estimate.estimate == pytest.approx(tail[arm] - tail[baseline])
        assert (probe.estimate.n, probe.estimate.p, probe.learnt) == (10, None, learnt)
    table = markdown(analysis).split("## Age at equal dose")[1].split("##")[0]
    assert "| fading | 10 tasks | window-10 − window-30 |" in table


def test_one_window_alone_says_nothing_of_fading(plant):
    made = {**MADE, "window-30": better(0.5)}
    analysis = analyse([plant(made, change=as_planned)])
    assert [p.kind for p in analysis.probes] == ["window"]


def test_retention_transfer_and_order_have_known_answers(analysis):
    found = {(p.kind, p.arm, p.baseline): p.estimate.estimate for p in analysis.probes}
    early = {arm: values[:10].mean() for arm, values in ARMS.items()}
    known = {
        ("retention", "replay-10", "sequential"): 1.0 - early["sequential"],
        ("transfer", "replay-without-own-10", "iid"): 0.0,
        ("own lesson", "replay-10", "replay-without-own-10"): 1.0 - early["iid"],
        ("order", "reversed", "iid"): 1.0 - BASE.mean(),
    }
    for key, value in known.items():
        assert found[key] == pytest.approx(value), key


def test_the_headline_is_the_same_without_them(plant, analysis):
    plain = analyse([plant(MADE, name="plain")])
    assert analysis.sentences == plain.sentences
    assert [c.name for c in analysis.contrasts] == [c.name for c in plain.contrasts]
    assert analysis.headlines()[0].lift == plain.headlines()[0].lift
    assert any(text.startswith("DIAGNOSTIC: replay-10") for text in analysis.warnings)
    assert not any("DIAGNOSTIC" in text for text in plain.warnings)


def test_a_diagnostic_arm_that_resolves_something_does_not_choose_the_headline(plant):
    nothing = {arm: np.zeros_like(BASE) for arm in MADE}
    analysis = analyse([plant({**nothing, "reversed": np.ones_like(BASE)})])
    assert analysis.headline_outcome.name == "reciprocal_rank"


def test_diagnostic_arms_alone_have_no_headline(plant):
    analysis = analyse([plant({"iid": BASE, "reversed": np.ones_like(BASE)})])
    assert analysis.contrasts == ()
    assert analysis.headlines() == ()
    assert [p.kind for p in analysis.probes] == ["order"]


def test_diagnostic_arms_stand_apart_in_every_report(analysis):
    text = markdown(analysis)
    arms, _, rest = text.partition("## Contrasts")
    assert "frozen-20" in arms
    assert "| reversed |" not in arms
    doses = rest.split("## Dose and response")[1].split("##")[0]
    assert doses.count("\\_") == 0
    assert [line.split("|")[1].strip() for line in doses.splitlines() if "− iid" in line] == [
        "0 tasks", "20 tasks", "30 tasks",
    ]  # fmt: skip
    diagnostic = rest.split("## Diagnostic arms, no results")[1]
    assert "reversed" in diagnostic
    assert "retention" in diagnostic
    data = json.loads(JsonReport().render(analysis))
    assert {p["kind"] for p in data["probes"]} == {
        "dose", "retention", "transfer", "own lesson", "order",
    }  # fmt: skip
    assert {a["arm"] for a in data["arms"] if a["diagnostic"]} == {
        "replay-10", "replay-without-own-10", "reversed",
    }  # fmt: skip


def test_a_missing_rollout_of_a_probe_leaves_its_task_with_the_other_seeds(plant):
    def change(found):
        lost = (found.arm, found.position, found.seed) == ("frozen-20", 35, 1)
        return None if lost else as_planned(found)

    analysis = analyse([plant(ARMS, change=change)])
    assert not analysis.complete
    doses = [p.estimate.n for p in analysis.probes if p.kind == "dose"]
    assert doses == [10, 10, 10]
    assert all(p.estimate.p is None for p in analysis.probes)


def test_a_dose_that_helps_the_more_is_learning(plant):
    """A lift that is there from the start and does not grow, but does with the dose."""
    steady = {"iid": BASE, "sequential": better(0.5)}
    doses = {"frozen-0": BASE, "frozen-10": better(0.3), "frozen-20": better(0.9)}
    starts = {"frozen-10": 10, "frozen-20": 20}

    def planned(found):
        return found if found.position >= starts.get(found.arm, 0) else None

    without = analyse([plant(steady, name="without")]).headlines()[0]
    within = analyse([plant({**steady, **doses}, change=planned)]).headlines()[0]
    assert (without.verdict.word, within.verdict.word) == (Word.GAIN, Word.LEARNING)


def test_a_gate_compares_no_probe_unless_asked(run):
    side = of_run(run)
    found = compare(side, side)
    assert found.main.arm == "sequential"
    assert {change.arm for change in found.others} == {"iid"}
