"""The analysis of planted runs: known numbers, honest denominators, words that hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from seqswe.agent import Usage
from seqswe.analysis import analyse
from seqswe.errors import IncompleteError, UsageError
from seqswe.runs.rollout import Rollout
from seqswe.statistics import Word
from tests.seqswe.conftest import PlantRun, failed, outcomes_of


def identical(tasks: int, seeds: int, lift: float) -> dict[str, np.ndarray]:
    """Planted outcomes where every seed repeats the first."""
    made = outcomes_of(tasks, 1, lift=lift)
    return {arm: np.repeat(values, seeds, axis=1) for arm, values in made.items()}


def test_identical_seeds_reach_the_paired_t_test(plant: PlantRun) -> None:
    made = identical(80, 3, 0.2)
    (primary,) = analyse([plant(made)]).headlines()
    known = stats.ttest_rel(made["sequential"][:, 0].astype(float), made["iid"][:, 0].astype(float))
    low, high = known.confidence_interval()
    assert primary.estimate == pytest.approx(
        made["sequential"].mean() - made["iid"].mean(), abs=1e-12
    )
    assert (primary.low, primary.high) == pytest.approx((low, high))
    assert primary.p == pytest.approx(known.pvalue)
    assert primary.deterministic


def test_identical_seeds_are_said_to_be_one(plant: PlantRun) -> None:
    analysis = analyse([plant(identical(80, 3, 0.2))])
    assert all(arm.deterministic for arm in analysis.arms)
    assert "All seeds gave identical results" in analysis.sentences[0]


def test_a_planted_lift_is_learning_and_swapped_arms_are_harm(plant: PlantRun) -> None:
    made = outcomes_of(150, 5, lift=0.2)
    (gain,) = analyse([plant(made)]).headlines()
    swapped = {"iid": made["sequential"], "sequential": made["iid"]}
    (loss,) = analyse([plant(swapped, name="swapped")]).headlines()
    assert gain.verdict.word is Word.LEARNING
    assert loss.lift.verdict.word is Word.HARM
    assert loss.estimate == pytest.approx(-gain.estimate)


def test_both_denominators_and_dropped_tasks(plant: PlantRun) -> None:
    def change(found: Rollout) -> Rollout | None:
        if found.position == 3 and found.arm == "sequential" and found.seed == 0:
            return failed(found)
        return None if (found.position, found.seed) == (7, 1) and found.arm == "iid" else found

    made = outcomes_of(40, 3, lift=0.2)
    analysis = analyse([plant(made, change=change)])
    iid, sequential = analysis.of_arm("episodic", "iid"), analysis.of_arm("episodic", "sequential")
    assert (iid.rollouts, iid.graded) == (120, 119)
    assert iid.resolved == made["iid"].sum() - made["iid"][7, 1]
    assert (sequential.rollouts, sequential.graded) == (120, 119)
    (primary,) = analysis.headlines()
    # The agent draws the same dice by seed, so a rollout without its partner does not count.
    lift = made["sequential"].astype(float) - made["iid"]
    lift[3, 0] = lift[7, 1] = np.nan
    assert primary.estimate == pytest.approx(np.nanmean(lift, axis=1).mean())
    assert (primary.lift.overall.n, primary.lift.diagnostics.missing) == (40, 0)
    assert not analysis.complete
    assert analysis.warnings[0].startswith("INCOMPLETE: 2 of 240 rollouts have no verdict (1 f")
    (failure,) = analysis.failures
    assert (failure.cause, failure.count, failure.graded) == ("sandbox_failed", 1, False)


def test_before_the_end_there_is_no_test_and_no_word(plant: PlantRun) -> None:
    made = outcomes_of(60, 3, lift=0.4)

    def change(found: Rollout) -> Rollout | None:
        return found if found.position < 25 else None

    analysis = analyse([plant(made, change=change)])
    (primary,) = analysis.headlines()
    assert (primary.p, primary.verdict) == (None, None)
    lift = made["sequential"][:25].mean() - made["iid"][:25].mean()
    sentence = analysis.sentences[0]
    assert sentence.startswith("INCOMPLETE RUN: ")
    assert f"so far +{100 * lift:.1f} points" in sentence
    assert not any(word in sentence for word in (*Word, "p =", "p <", "interval"))
    assert "did better" not in sentence
    assert analyse([plant(made, name="whole")]).headlines()[0].p < 0.05


def test_a_chain_that_stops_biases_nothing(plant: PlantRun) -> None:
    """The lift ramps, so that dropping the tasks that one chain lacks would leave its start."""
    made = outcomes_of(300, 5, lift=0.2)

    def change(found: Rollout) -> Rollout | None:
        return (
            None
            if found.arm == "sequential" and found.seed == 4 and found.position >= 100
            else found
        )

    (primary,) = analyse([plant(made, change=change)]).headlines()
    others = made["sequential"][:, :4].mean() - made["iid"].mean()
    listwise = made["sequential"][:100].mean() - made["iid"][:100].mean()
    assert primary.lift.overall.n == 300
    assert primary.estimate == pytest.approx(others, abs=0.01)
    assert listwise < primary.estimate - 0.05


def test_a_run_that_was_added_to_after_a_look_pays_for_it(plant: PlantRun) -> None:
    run = plant(outcomes_of(60, 3, lift=0.2))
    (first,) = analyse([run]).headlines()
    run.extend(replace(run.info, looks=3))
    analysis = analyse([run])
    (third,) = analysis.headlines()
    assert (first.lift.overall.level, third.lift.overall.level) == (0.95, 1 - 0.01 / 6)
    assert third.low < first.low
    assert "look 3, tested at 99.83 %" in analysis.warnings[0]
    assert "99.833 % interval" in analysis.sentences[0]


def test_agents_that_draw_other_dice_in_each_arm_are_not_paired(plant: PlantRun) -> None:
    made = outcomes_of(60, 3, lift=0.2)
    paired, apart, unknown = (
        analyse([plant(made, name=name, agent=agent)]).headlines()[0].lift
        for name, agent in (("a", "repair"), ("b", "command"), ("c", "mine:Agent"))
    )
    assert (paired.coupled, apart.coupled, unknown.coupled) == (True, False, False)
    run = plant(made, name="d", agent="mine:Agent")
    run.extend(replace(run.info, coupled=True))
    assert analyse([run]).headlines()[0].lift == paired


def test_arms_that_are_equal_everywhere_are_said_to_be(plant: PlantRun) -> None:
    for tasks, word in ((60, "NO DIFFERENCE"), (120, "EQUIVALENT")):
        same = outcomes_of(tasks, 3, lift=0.0)["iid"]
        run = plant({"iid": same, "sequential": same}, name=word)
        analysis = analyse([run])
        (primary,) = analysis.headlines()
        assert (primary.low, primary.high) == (-3 / tasks, 3 / tasks)
        assert analysis.sentences[0].startswith(f"{word}: ")
        assert f"no difference in {tasks} tasks: at most {300 / tasks:.1f}" in analysis.sentences[0]
        assert "p = " not in analysis.sentences[0]


def test_runs_of_the_baseline_that_differ_are_warned_of(plant: PlantRun) -> None:
    made = outcomes_of(100, 3, lift=0.0)
    made["iid"][:, 0] = True
    warnings = analyse([plant(made)]).warnings
    assert any(
        text.startswith("RUNS DIFFER: the runs of iid (episodic) differ") for text in warnings
    )
    assert not any(
        "RUNS DIFFER" in text
        for text in analyse([plant(outcomes_of(100, 3, lift=0.0), name="b")]).warnings
    )


def test_a_rate_of_one_per_cent_has_an_interval(plant: PlantRun) -> None:
    rare = np.zeros((100, 3), bool)
    rare[40] = True
    analysis = analyse([plant({"iid": rare, "sequential": rare})])
    mean = analysis.of_arm("episodic", "iid").outcomes["resolved"].mean
    assert (mean.estimate, mean.low > 0.001, mean.high < 0.06) == (0.01, True, True)
    empty = analyse([plant({"iid": rare & False, "sequential": rare}, name="none")])
    none = empty.of_arm("episodic", "iid").outcomes["resolved"].mean
    assert (none.low, 0.03 < none.high < 0.05) == (0.0, True)


def test_a_curve_keeps_the_places_of_the_sequence_where_tasks_were_dropped(
    plant: PlantRun,
) -> None:
    def change(found: Rollout) -> Rollout:
        return failed(found) if found.position < 10 else found

    (primary,) = analyse([plant(outcomes_of(40, 3, lift=0.2), change=change)]).headlines()
    assert primary.curve is not None
    assert (primary.curve.position[0], primary.curve.position[-1]) == (11.0, 40.0)


def test_a_seed_that_never_started_does_not_empty_the_comparison(plant: PlantRun) -> None:
    def change(found: Rollout) -> Rollout | None:
        return None if found.arm == "sequential" and found.seed == 2 else found

    analysis = analyse([plant(outcomes_of(40, 3, lift=0.2), change=change)])
    (primary,) = analysis.headlines()
    # Its partner in the other arm, which draws the same dice, goes with it.
    assert (primary.lift.overall.n, primary.lift.overall.k1, primary.dropped_seeds) == (40, 2, 2)
    assert "INCOMPLETE" in analysis.warnings[0]


def test_under_three_seeds_there_is_no_p_value(plant: PlantRun) -> None:
    analysis = analyse([plant(outcomes_of(40, 1, lift=0.3))])
    (primary,) = analysis.headlines()
    assert primary.p is None
    assert str(primary.lift.verdict).startswith("SINGLE-RUN ")
    assert analysis.sentences[0].startswith("SINGLE-RUN ")
    assert "no p-value" in analysis.sentences[0]


def test_nothing_graded_is_an_error_not_a_zero(plant: PlantRun) -> None:
    run = plant(outcomes_of(10, 3, lift=0.0), change=failed)
    with pytest.raises(IncompleteError, match="nothing is graded"):
        analyse([run])
    with pytest.raises(IncompleteError):
        analyse([plant(outcomes_of(10, 3, lift=0.0), name="empty", change=lambda _: None)])


def test_the_same_run_twice_is_refused(plant: PlantRun) -> None:
    run = plant(outcomes_of(10, 3, lift=0.0))
    with pytest.raises(UsageError, match="once"):
        analyse([run, run])


def test_an_agent_that_only_ranks_is_judged_by_rank_and_told_so(plant: PlantRun) -> None:
    analysis = analyse(
        [plant(identical(60, 3, 0.2), change=lambda found: replace(found, resolved=False))]
    )
    assert analysis.headline_outcome.name == "reciprocal_rank"
    assert "not tasks resolved" in analysis.sentences[-1]


def test_an_agent_that_does_nothing_stays_with_resolved(plant: PlantRun) -> None:
    analysis = analyse(
        [
            plant(
                identical(60, 3, 0.0),
                change=lambda found: replace(found, resolved=False, ranking=()),
            )
        ]
    )
    assert analysis.headline_outcome.name == "resolved"
    (primary,) = analysis.headlines()
    assert (primary.estimate, primary.p) == (0.0, 1.0)


def test_costs_are_compared_by_ratio_and_cheaper_is_better(plant: PlantRun) -> None:
    analysis = analyse([plant(outcomes_of(60, 3, lift=0.1))])
    (cost,) = [c for c in analysis.contrasts if c.outcome.name == "cost"]
    assert (cost.scale, cost.estimate) == ("ratio", pytest.approx(-0.2))
    assert cost.verdict.word is Word.GAIN


def test_a_cost_that_is_no_number_is_missing_and_said(plant: PlantRun) -> None:
    def change(found: Rollout) -> Rollout:
        strange = found.position == 2 and found.seed == 0
        said = {"usage": Usage(), "usage_refused": ("cost_usd: inf",)}
        return replace(found, **said) if strange else found

    analysis = analyse([plant(outcomes_of(30, 3, lift=0.1), change=change)])
    (cost,) = [c for c in analysis.contrasts if c.outcome.name == "cost"]
    assert (cost.lift.overall.n, cost.lift.diagnostics.missing) == (30, 0)
    assert any(
        "2 of 180 rollouts report impossible numbers (the first: cost_usd: inf)" in text
        for text in analysis.warnings
    )
    assert "2 of 180 rollouts report no steps: taken as missing." in analysis.warnings
    assert analysis.complete


def test_several_memories_are_judged_together(plant: PlantRun) -> None:
    runs = [
        plant(outcomes_of(80, 3, lift=lift, seed=seed), name=name, memory=name)
        for seed, (name, lift) in enumerate([("a", 0.06), ("b", 0.05), ("c", 0.2)])
    ]
    analysis = analyse(runs)
    raw = [c.lift.overall.p for c in analysis.headlines()]
    order = np.argsort(raw)
    expected = np.empty(3)
    expected[order] = np.minimum(1, np.maximum.accumulate(np.sort(raw) * [3, 2, 1]))
    assert [c.p for c in analysis.headlines()] == pytest.approx(list(expected))
    assert [run.label for run in analysis.runs] == ["a", "b", "c"]


def test_without_a_baseline_arms_are_shown_and_nothing_is_compared(plant: PlantRun) -> None:
    analysis = analyse([plant({"sequential": outcomes_of(20, 3, lift=0.1)["sequential"]})])
    assert analysis.contrasts == ()
    (said,) = analysis.warnings
    assert said.startswith("Nothing to compare: only sequential was run (baseline: iid). ")


def test_the_tool_tax_is_the_baseline_against_nothing(plant: PlantRun) -> None:
    made = outcomes_of(20, 3, lift=0.1)
    analysis = analyse([plant({**made, "nomem": made["iid"]})])
    names = [c.name for c in analysis.contrasts if c.outcome.name == "resolved"]
    assert names == ["sequential − iid", "iid − nomem"]


def test_a_half_written_line_is_said(plant: PlantRun) -> None:
    run = plant(outcomes_of(20, 3, lift=0.1))
    with (run.root / "rollouts.jsonl").open("a") as journal:
        journal.write('{"arm": "ii')
    assert "half written" in analyse([run]).warnings[0]
