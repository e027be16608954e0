"""Secondary estimates in analysis and reports: known answers, plain words, nothing made up."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from seqswe.analysis import Analysis, Secondary, analyse
from seqswe.reports.csv_report import CsvReport
from seqswe.reports.html import HtmlReport
from seqswe.reports.json_report import JsonReport
from seqswe.reports.junit import JUnitReport
from seqswe.reports.markdown import MarkdownReport
from seqswe.runs.store import RunDirectory, TestCounts
from seqswe.statistics import SWE_BENCH_CL_WARNING, swe_bench_cl
from tests.seqswe.conftest import PlantRun, outcomes_of, rollout

TASKS = 60


def told(analysis: Analysis, name: str, run: str = "episodic") -> Secondary:
    (found,) = [s for s in analysis.secondary if (s.run, s.name) == (run, name)]
    return found


def add_arm(run: RunDirectory, arm: str, values: np.ndarray) -> None:
    """Rollouts of one more arm, of the first so many tasks."""
    arms = (*run.info.experiment.arm, arm)
    run.extend(replace(run.info, experiment=replace(run.info.experiment, arm=arms)))
    lines = [
        rollout(arm, seed, position, resolved=bool(resolved))
        for (position, seed), resolved in np.ndenumerate(values)
    ]
    with (run.root / "rollouts.jsonl").open("a") as journal:
        journal.writelines(json.dumps(line.as_json()) + "\n" for line in lines)


def test_late_lift_and_jumpstart_are_lifts_of_their_tasks(plant: PlantRun) -> None:
    made = outcomes_of(TASKS, 3, lift=0.2)
    analysis = analyse([plant(made)])
    paired = made["sequential"].mean(axis=1) - made["iid"].mean(axis=1)
    assert told(analysis, "late_lift").estimate == pytest.approx(paired[40:].mean())
    early = told(analysis, "jumpstart")
    assert (early.estimate, early.n) == (pytest.approx(paired[:6].mean()), 6)
    assert early.low is not None
    cold = told(analysis, "cold_start_penalty")
    assert cold.estimate == pytest.approx(TASKS * (paired[40:].mean() - paired.mean()))
    assert cold.unit == "tasks"


def test_a_lift_that_never_came_is_censored(plant: PlantRun) -> None:
    same = outcomes_of(TASKS, 3, lift=0.0)["iid"]
    analysis = analyse([plant({"iid": same, "sequential": same})])
    found = told(analysis, "time_to_threshold")
    assert (found.estimate, found.low, found.high) == (None, None, None)
    assert "| not shown |" in MarkdownReport().render(analysis).decode()


def test_regret_and_gap_closed_come_from_an_oracle_beside_it(plant: PlantRun) -> None:
    made = outcomes_of(TASKS, 3, lift=0.15)
    best = {**made, "sequential": np.ones((TASKS, 3), bool)}
    runs = [plant(made), plant(best, name="best", memory="oracle")]
    analysis = analyse(runs)
    assert told(analysis, "regret").estimate == pytest.approx(TASKS - made["sequential"].sum() / 3)
    gain, most = made["sequential"].mean() - made["iid"].mean(), 1 - made["iid"].mean()
    assert told(analysis, "gap_closed").estimate == pytest.approx(gain / most)
    assert not [s for s in analysis.secondary if s.run == "oracle" and s.name == "regret"]


@pytest.mark.parametrize(
    "settings", [{"feedback": "none"}, {"agent": "other"}, {"delivery": "file"}]
)
def test_an_oracle_that_was_asked_something_else_is_no_measure(
    plant: PlantRun, settings: dict[str, str]
) -> None:
    made = outcomes_of(TASKS, 3, lift=0.15)
    other = plant(made, name="best", memory="oracle", **settings)
    analysis = analyse([plant(made), other])
    assert "regret" not in {s.name for s in analysis.secondary}
    assert "Regret and gap closed need a run" in MarkdownReport().render(analysis).decode()


def test_their_forgetting_comes_from_a_replay_of_all_tasks(plant: PlantRun) -> None:
    made = outcomes_of(TASKS, 3, lift=0.2)
    lost = made["sequential"].copy()
    lost[:20] = False
    for name, again, known in (("all", lost, lost), ("half", lost[:30], None)):
        run = plant(made, name=name)
        add_arm(run, f"replay-{len(again)}", again)
        analysis = analyse([run])
        theirs = swe_bench_cl(made["sequential"], made["iid"], known)
        assert analysis.swe_bench_cl[0].metrics == theirs
        assert (theirs.forgetting is None) is (known is None)
        assert [probe.kind for probe in analysis.probes] == ["retention"]
        assert "need frozen or replay arms" not in MarkdownReport().render(analysis).decode()


def test_without_such_arms_transfer_is_not_made_up(plant: PlantRun) -> None:
    analysis = analyse([plant(outcomes_of(TASKS, 3, lift=0.2))])
    assert analysis.swe_bench_cl[0].metrics.forgetting is None
    text = MarkdownReport().render(analysis).decode()
    assert "Transfer and forgetting need frozen or replay arms" in text


def test_pass_at_k_and_pass_hat_k_bracket_the_mean(plant: PlantRun) -> None:
    made = outcomes_of(TASKS, 3, lift=0.2)
    analysis = analyse([plant(made)])
    for arm in ("iid", "sequential"):
        some, every = (
            next(s for s in analysis.secondary if (s.name, s.contrast) == (name, arm)).estimate
            for name in ("pass_at_k", "pass_hat_k")
        )
        assert some == made[arm].any(axis=1).mean()
        assert every == made[arm].all(axis=1).mean()


def test_every_report_holds_them_and_labels_what_is_not_ours(plant: PlantRun) -> None:
    analysis = analyse([plant(outcomes_of(TASKS, 3, lift=0.2))])
    data = json.loads(JsonReport().render(analysis))
    by_name = {found["name"]: found for found in data["secondary"]}
    assert set(by_name) > {"late_lift", "slope", "jumpstart", "cold_start_penalty"}
    assert by_name["slope"]["interval"][0] < by_name["slope"]["estimate"]
    (theirs,) = data["swe_bench_cl"]
    assert theirs["warning"] == SWE_BENCH_CL_WARNING
    assert theirs["cl_score"] == pytest.approx(
        theirs["accuracy"] + theirs["forward_transfer"] + theirs["aulc"]
    )
    for text in (MarkdownReport().render(analysis), HtmlReport().render(analysis)):
        assert b"Secondary estimates" in text
        assert b"theirs, for comparison only" in text
        assert b"a third of its weight" in text


def test_short_sequences_have_none(plant: PlantRun) -> None:
    analysis = analyse([plant(outcomes_of(6, 3, lift=0.2))])
    assert analysis.secondary == ()
    assert b"Secondary estimates" not in MarkdownReport().render(analysis)


def test_one_seed_gives_no_p_value_in_any_format(plant: PlantRun) -> None:
    """SINGLE-RUN everywhere, and neither `p = …` nor a number in a field called p."""
    analysis = analyse([plant(outcomes_of(TASKS, 1, lift=0.3))])
    data = json.loads(JsonReport().render(analysis))
    assert list(values_of(data, "p")) + list(values_of(data, "p_unadjusted"))
    assert not any(p is not None for key in ("p", "p_unadjusted") for p in values_of(data, key))
    assert all(c["verdict"].startswith("SINGLE-RUN ") for c in data["contrasts"])
    for maker in (MarkdownReport, HtmlReport, JUnitReport):
        text = maker().render(analysis).decode().partition('<script type="application/json"')[0]
        assert "SINGLE-RUN" in text
        assert "p = " not in text
        assert "p &lt; " not in text
    assert b"SINGLE-RUN" not in CsvReport().render(analysis)  # rollouts alone: nothing is judged


def values_of(data: object, key: str) -> list[object]:
    """Every value under a key, at any depth."""
    if isinstance(data, list):
        return [found for item in data for found in values_of(item, key)]
    if not isinstance(data, dict):
        return []
    mine = [data[key]] if key in data else []
    return mine + [found for value in data.values() for found in values_of(value, key)]


def test_quarantined_tests_are_counted_beside_the_policies(plant: PlantRun) -> None:
    counts = TestCounts(fail_to_pass=70, pass_to_pass=12_345, quarantined=9, quarantined_tasks=2)
    run = plant(outcomes_of(TASKS, 3, lift=0.2), tests=counts)
    assert RunDirectory.open(run.root).info.tests == counts
    text = MarkdownReport().render(analyse([run])).decode()
    assert "70 FAIL\\_TO\\_PASS, 12,345 PASS\\_TO\\_PASS" in text
    assert "| Quarantined tests | 9 in 2 tasks (flaky when validated, so never graded) |" in text
    data = json.loads(JsonReport().render(analyse([run])))
    assert data["runs"][0]["tests"]["quarantined"] == 9


def test_a_run_of_an_earlier_version_says_that_it_was_not_recorded(plant: PlantRun) -> None:
    text = MarkdownReport().render(analyse([plant(outcomes_of(TASKS, 3, lift=0.2))])).decode()
    assert "| Quarantined tests | not recorded by the version that made this run |" in text
