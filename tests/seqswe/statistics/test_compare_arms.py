import numpy as np
import pytest
from scipy import stats

from seqswe.statistics import (
    EQUIVALENCE_MARGIN,
    PowerPlan,
    Word,
    alpha_of_look,
    compare_arms,
    compare_memories,
    detectable_effect,
    holm,
    intraclass_correlation,
    judge,
    late_lift,
    power_of,
    run_effect_p,
    share_interval,
    two_way,
)


def outcomes(lift, n=200, k=5, seed=5):
    rng = np.random.default_rng(seed)
    p = rng.beta(0.327, 0.491, (n, 1))
    rates = p + lift / 0.6 * (1 - p) if lift >= 0 else p * (1 + lift / 0.4)
    return (rng.random((n, k)) < rates).astype(float), (rng.random((n, k)) < p).astype(float)


@pytest.mark.parametrize(("lift", "word"), [(0.2, Word.GAIN), (-0.2, Word.HARM)])
def test_a_clear_lift_is_named(lift, word):
    assert compare_arms(*outcomes(lift)).verdict.word is word


def test_a_lift_that_grows_is_learning():
    rng = np.random.default_rng(6)
    x, p = np.linspace(0, 1, 200)[:, np.newaxis], rng.random((200, 1)) * 0.6
    y1, y0 = (rng.random((200, 5)) < p + 0.4 * x).astype(float), rng.random((200, 5)) < p
    lift = compare_arms(y1, y0)
    assert lift.slope.low > 0
    assert lift.verdict.word is Word.LEARNING
    assert compare_arms(y1[::-1], y0[::-1]).verdict.word is Word.GAIN
    assert judge(lift.overall, growth=[None, lift.slope]).word is Word.LEARNING
    assert judge(lift.overall, growth=[None]).word is Word.GAIN


def test_a_share_has_an_interval_within_its_bounds():
    y = np.zeros((50, 3))
    assert share_interval(y).low == 0.0
    assert 0.05 < share_interval(y).high < 0.1
    y[0] = 1.0
    p, z, n = 1 / 50, stats.t.ppf(0.975, 49), 50 - 1
    theirs = stats.binomtest(1, 50).proportion_ci(method="wilson")
    assert share_interval(y).low == pytest.approx(theirs.low, abs=0.001)
    assert share_interval(y).high == pytest.approx(theirs.high, abs=0.01)
    # All runs of a task agree, so 50 tasks are the whole sample: n_e = p(1 − p)/V = N − 1.
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
    assert share_interval(y).high == pytest.approx(middle + half)
    with pytest.raises(ValueError, match="0 to 1"):
        share_interval(y + 1)


def test_runs_that_differ_by_more_than_their_tasks_explain_are_told():
    rng = np.random.default_rng(2)
    steady = rng.random((100, 5)) < 0.4
    lucky = rng.random((100, 5)) < [0.2, 0.3, 0.4, 0.5, 0.6]
    assert not compare_arms(steady, steady).diagnostics.iid.runs_differ
    assert compare_arms(steady, lucky).diagnostics.iid.runs_differ
    assert run_effect_p(np.ones((10, 3))) is None


def test_the_f_test_of_runs_is_that_of_a_balanced_layout():
    y = np.random.default_rng(3).normal(size=(400, 4))
    f = 400 * np.var(y.mean(axis=0), ddof=1) / y.var(axis=1, ddof=1).mean()
    assert run_effect_p(y) == pytest.approx(stats.f.sf(f, 3, 1200), abs=0.003)


def test_looks_share_one_level():
    assert [alpha_of_look(look) for look in (1, 2, 3)] == pytest.approx([0.04, 0.005, 0.01 / 6])
    assert sum(map(alpha_of_look, range(1, 10_000))) < 0.05
    with pytest.raises(ValueError, match="counted from 1"):
        alpha_of_look(0)


def test_power_is_that_of_the_design_and_not_of_what_was_found():
    estimate = two_way(*outcomes(0.1))
    assert power_of(estimate, detectable_effect(estimate)) == pytest.approx(0.8, abs=0.02)
    assert power_of(estimate, 0.0) == pytest.approx(0.05)
    assert power_of(two_way(np.ones((9, 3)), np.zeros((9, 3))), 0.1) is None


def test_a_noisy_comparison_is_inconclusive_and_says_what_it_could_see():
    lift = compare_arms(*outcomes(0.0, n=30))
    assert lift.verdict.word is Word.INCONCLUSIVE
    assert lift.verdict.detectable == detectable_effect(lift.overall) > EQUIVALENCE_MARGIN


def test_a_tight_null_is_equivalent():
    assert compare_arms(*outcomes(0.0, n=3000, k=10)).verdict.word is Word.EQUIVALENT


def test_under_three_runs_the_word_is_prefixed():
    y1, y0 = outcomes(0.3)
    verdict = compare_arms(y1[:, :2], y0).verdict
    assert str(verdict) == "SINGLE-RUN GAIN"


@pytest.mark.parametrize(
    ("n", "gain", "word"),
    [
        (5, 1.0, Word.INCONCLUSIVE),
        (6, 1.0, Word.GAIN),
        (6, -1.0, Word.HARM),
        (99, 0.0, Word.INCONCLUSIVE),
        (100, 0.0, Word.EQUIVALENT),
    ],
)
def test_without_spread_few_tasks_conclude_nothing(n, gain, word):
    y0 = np.zeros((n, 3)) if gain >= 0 else np.ones((n, 3))
    assert judge(two_way(y0 + gain, y0)).word is word


def test_diagnostics_count_and_measure():
    y1 = np.array([[1, 1, 1], [0, 0, 0], [1, 0, 1], [0, 0, 0]])
    y0 = np.array([[0, 0], [1, 1], [1, 0], [0, 0]])
    shown = compare_arms(y1, y0, missing=2).diagnostics
    assert (shown.wins, shown.losses, shown.ties, shown.missing) == (2, 1, 1, 2)
    assert (shown.n, shown.k1, shown.k0) == (4, 3, 2)
    assert shown.sequential.deterministic is False
    assert shown.sequential.deff_run is not None


def test_one_run_has_no_run_diagnostics():
    noise = compare_arms([[1], [0], [1]], [[0], [0], [1]]).diagnostics.sequential
    assert (noise.icc, noise.deff_run, noise.sigma_run, noise.deterministic) == (None,) * 4


def test_a_deterministic_agent_is_recognised():
    y1 = np.repeat([[1.0], [0.0], [1.0], [1.0]], 4, axis=1)
    noise = compare_arms(y1, y1).diagnostics.sequential
    assert noise.deterministic is True
    assert noise.sigma_run == 0.0
    assert noise.deff_run is None
    assert noise.icc == 1.0


def test_means_equal_up_to_rounding_are_ties():
    y1 = np.full((4, 3), 0.1)
    y0 = np.full((4, 7), 0.1)
    assert compare_arms(y1, y0).diagnostics.ties == 4


def test_icc_of_independent_outcomes_is_near_zero():
    y = np.random.default_rng(0).random((2000, 4))
    assert intraclass_correlation(y) == pytest.approx(0.0, abs=0.03)


def test_late_lift_is_the_lift_of_the_last_third():
    y1 = np.repeat(np.r_[np.zeros(6), np.ones(3)][:, np.newaxis], 3, axis=1)
    assert late_lift(y1, np.zeros((9, 3))).estimate == 1.0
    assert compare_arms(y1, np.zeros((9, 3))).overall.estimate == pytest.approx(1 / 3)


def test_a_short_stream_has_no_late_lift_and_no_slope():
    lift = compare_arms(np.eye(2), np.zeros((2, 2)))
    assert lift.late is None
    assert lift.slope is None


def test_holm_against_a_hand_computed_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.5]) == pytest.approx([1.0, 1.0])
    assert holm([]).size == 0
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        holm([0.5, np.nan])


def test_holm_can_withhold_a_verdict():
    y1, y0 = outcomes(0.05, seed=1)
    alone = two_way(y1, y0)
    assert alone.excludes_zero
    assert judge(alone, adjusted_p=0.2).word is Word.INCONCLUSIVE
    good, base = outcomes(0.2)
    lifts = compare_memories({"good": good, "same": base, "once": base[:, :1]}, base)
    assert lifts["good"].adjusted_p == pytest.approx(2 * lifts["good"].overall.p)
    assert lifts["good"].verdict.word is Word.GAIN
    assert lifts["once"].adjusted_p is None


def test_a_plan_needs_two_tasks():
    with pytest.raises(ValueError, match="at least 2 tasks"):
        PowerPlan(n=1, k1=3, k0=3)
