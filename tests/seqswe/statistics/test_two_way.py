import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from seqswe.statistics import (
    drop_missing,
    interval_mean,
    log_position_design,
    position_design,
    share_difference,
    stream_interval,
    two_way,
)
from seqswe.statistics.clusters import run_noise


@pytest.fixture
def arms():
    rng = np.random.default_rng(3)
    p = rng.beta(0.327, 0.491, (80, 1))
    return (rng.random((80, 5)) < p).astype(float), (rng.random((80, 4)) < p).astype(float)


def test_task_variance_is_the_paired_t_of_scipy(arms):
    y1, y0 = arms
    ours = two_way(y1, y0)
    theirs = stats.ttest_rel(y1.mean(axis=1), y0.mean(axis=1))
    assert ours.estimate / np.sqrt(ours.task_variance) == pytest.approx(theirs.statistic)


def test_one_run_per_arm_gives_the_paired_interval_and_no_p_value(arms):
    y1, y0 = arms[0][:, :1], arms[1][:, :1]
    ours = two_way(y1, y0)
    theirs = stats.ttest_rel(y1[:, 0], y0[:, 0]).confidence_interval()
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    assert ours.single_run
    assert ours.p is None
    assert ours.run_variance == 0.0


@pytest.mark.parametrize(("runs", "tested"), [(1, False), (2, False), (3, True)])
def test_a_p_value_needs_three_sequence_runs(arms, runs, tested):
    estimate = two_way(arms[0][:, :runs], arms[1])
    assert (estimate.p is not None) is tested
    assert estimate.single_run is not tested


def test_a_baseline_needs_three_runs_too(arms):
    estimate = two_way(arms[0], arms[1][:, :2])
    assert estimate.p is None
    assert estimate.single_run


def test_runs_of_the_baseline_that_differ_widen_the_interval(arms):
    lucky = arms[1].copy()
    lucky[:, 0] = 1.0
    assert two_way(arms[0], arms[1]).run_variance < 0.001
    assert two_way(arms[0], lucky).run_variance > 0.01


def test_swapping_the_arms_flips_the_sign(arms):
    there = two_way(*arms)
    back = two_way(*arms[::-1])
    assert back.estimate == -there.estimate
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
    assert back.p == pytest.approx(there.p)


def test_identical_runs_have_no_run_variance(arms):
    same = [np.repeat(arm[:, :1], 5, axis=1) for arm in arms]
    estimate = two_way(*same)
    assert estimate.run_variance == 0.0
    assert estimate.dof == pytest.approx(79)


def test_hand_computed_variance_between_runs():
    # Run means 1, 0, 0 and 0: s_R² = 1/4; no task varies apart from that: s_W² = 1/2 · 1/4.
    y1 = np.array([[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    estimate = two_way(y1, np.zeros((2, 4)))
    assert estimate.estimate == 0.25
    assert estimate.task_variance == 0.0
    assert estimate.run_variance == pytest.approx((1 / 4 - 1 / 8) / 4)
    # ν = V² / [(s_R²/K)²/(K−1)] = (1/32)² / [(1/16)²/3] = .75, and four runs know of three.
    assert estimate.dof == 3.0


def test_no_spread_at_all_falls_back_on_signs():
    gain = two_way(np.ones((8, 3)), np.zeros((8, 3)))
    assert (gain.low, gain.high, gain.se) == (1.0, 1.0, 0.0)
    assert gain.p == 2.0**-7
    assert two_way(np.ones((8, 3)), np.ones((8, 3))).p == 1.0


def test_rounding_is_no_noise():
    values = np.repeat([[0.1 + 0.2], [0.3], [0.3]], 3, axis=1)
    assert two_way(values, np.zeros((3, 3))).se == 0.0


def test_slope_is_the_ols_slope_of_the_differences(arms):
    paired = arms[0].mean(axis=1) - arms[1].mean(axis=1)
    slope = two_way(*arms, position_design(80)).estimate
    assert slope == pytest.approx(stats.linregress(np.linspace(0, 1, 80), paired).slope)
    log = two_way(*arms, log_position_design(80)).estimate
    assert log == pytest.approx(stats.linregress(np.log(np.arange(1, 81)), paired).slope)


def test_a_mean_carries_tasks_and_runs(arms):
    mean = interval_mean(arms[0])
    assert mean.estimate == pytest.approx(arms[0].mean())
    assert mean.p is None
    assert mean.k0 == 0
    lucky = arms[0].copy()
    lucky[:, 0] = 1.0
    assert interval_mean(lucky).run_variance > mean.run_variance


def test_a_flat_array_is_one_run():
    assert two_way([1, 0, 1, 0], [0, 0, 1, 0]).k1 == 1


@pytest.mark.parametrize(
    ("y1", "y0", "says"),
    [
        ([[np.nan], [1.0]], [[0.0], [1.0]], "drop_missing"),
        ([[1.0], [1.0]], [[0.0]], "pair them by task"),
        ([[1.0]], [[0.0]], "add tasks"),
        ([], [], "at least one"),
        (np.ones((2, 2, 2)), np.ones((2, 2)), "tasks, runs"),
    ],
)
def test_bad_input_says_what_to_do(y1, y0, says):
    with pytest.raises(ValueError, match=says):
        two_way(y1, y0)


@pytest.mark.parametrize(
    ("design", "says"), [(np.ones((4, 2)), "singular"), (np.ones((3, 1)), "one row per task")]
)
def test_a_bad_design_is_refused(design, says):
    with pytest.raises(ValueError, match=says):
        two_way(np.eye(4), np.zeros((4, 3)), design)


def test_a_task_that_an_arm_lacks_leaves_both():
    nan = np.nan
    (y1, y0), dropped = drop_missing([[nan, nan], [1.0, nan], [1.0, 0.0]], [[0.0], [1.0], [1.0]])
    assert dropped == 1
    assert np.array_equal(y1, [[1.0, nan], [1.0, 0.0]], equal_nan=True)
    assert y0.tolist() == [[1.0], [1.0]]
    with pytest.raises(ValueError, match="nothing is left"):
        drop_missing([nan])


def test_a_rollout_without_its_partner_leaves_coupled_arms():
    nan = np.nan
    (y1, y0), dropped = drop_missing(
        [[1.0, nan], [1.0, 0.0]], [[nan, 1.0], [1.0, 1.0]], coupled=True
    )
    assert dropped == 1
    assert (y1.tolist(), y0.tolist()) == ([[1.0, 0.0]], [[1.0, 1.0]])
    with pytest.raises(ValueError, match=r"\[1, 2\] runs"):
        drop_missing([[1.0], [0.0]], np.ones((2, 2)), coupled=True)


def test_a_missing_rollout_leaves_its_task_with_the_others(arms):
    y1 = arms[0].copy()
    y1[7, 0] = np.nan
    means = np.r_[y1[:7].mean(axis=1), y1[7, 1:].mean(), y1[8:].mean(axis=1)]
    estimate = two_way(y1, arms[1])
    assert estimate.estimate == pytest.approx((means - arms[1].mean(axis=1)).mean())
    assert estimate.n == 80
    assert estimate.se == pytest.approx(two_way(*arms).se, rel=0.05)


def test_noise_between_runs_does_not_depend_on_which_rollouts_there_are():
    rng = np.random.default_rng(12)
    luck = 0.1 * rng.standard_normal((300, 1, 5))
    whole = luck + 0.3 * rng.standard_normal((300, 200, 5))
    holes = np.where(rng.random(whole.shape) < 0.3, np.nan, whole)
    kept = [y[np.isfinite(y).any(axis=1)] for y in holes]
    noises = [run_noise(y, np.full(len(y), 1 / len(y))) for y in kept]
    found = np.mean([noise.between - noise.within for noise in noises])
    assert found == pytest.approx(0.01 / 5, rel=0.12)


@pytest.mark.parametrize("n", [20, 100])
@pytest.mark.parametrize("runs", [2, 3, 5])
def test_arms_that_are_equal_everywhere_have_no_noise(n, runs):
    y = (np.random.default_rng(n).random((n, runs)) < [0.9, 0.5, 0.4, 0.3, 0.2][:runs]).astype(
        float
    )
    for coupled in (True, False):
        estimate = two_way(y, y, coupled=coupled)
        assert (estimate.estimate, estimate.low, estimate.high) == (0.0, 0.0, 0.0)
        shown = share_difference(estimate)
        assert (shown.low, shown.high) == (-3 / n, 3 / n)


@pytest.mark.parametrize(("changed", "wide"), [(1, True), (2, True), (3, False)])
def test_arms_that_differ_on_a_task_or_two_are_known_no_better_than_equal_ones(changed, wide):
    y = np.random.default_rng(4).random((60, 3)) < 0.5
    other = y.copy()
    other[:changed, 0] ^= True
    estimate = two_way(other.astype(float), y.astype(float), coupled=True)
    assert estimate.differing == changed
    shown = share_difference(estimate)
    assert (shown.high - shown.low == pytest.approx(6 / 60)) is wide
    assert estimate.high - estimate.low < 6 / 60


def test_luck_that_the_arms_share_cancels_in_coupled_ones():
    rng = np.random.default_rng(4)
    dice, luck = rng.random((200, 5)), 0.15 * rng.standard_normal((1, 5))
    y1, y0 = (dice < 0.55 + luck).astype(float), (dice < 0.5 + luck).astype(float)
    paired, apart = two_way(y1, y0, coupled=True), two_way(y1, y0)
    assert paired.estimate == pytest.approx(apart.estimate)
    assert paired.high - paired.low < 0.5 * (apart.high - apart.low)
    with pytest.raises(ValueError, match="paired by seed"):
        two_way(y1, y0[:, :4], coupled=True)


def test_one_pair_of_rollouts_that_differ_cannot_move_the_interval_far():
    y = (np.random.default_rng(8).random((60, 3)) < [0.5, 0.3, 0.2]).astype(float)
    other = y.copy()
    other[11, 1] = 1.0 - other[11, 1]
    estimate = two_way(other, y, coupled=True)
    assert abs(estimate.estimate) == pytest.approx(1 / 180)
    assert estimate.high - estimate.low < 0.06
    # Undeclared it is wider, and yet within what shares can be.
    assert two_way(other, y).high < 1.0


def test_a_stream_is_known_exactly_where_all_runs_agree(arms):
    same = [np.repeat(arm[:, :1], 3, axis=1) for arm in arms]
    here, elsewhere = stream_interval(*same), two_way(*same)
    assert here.low == here.estimate == here.high == elsewhere.estimate
    assert elsewhere.high > elsewhere.estimate


def test_importing_the_statistics_does_not_import_scipy():
    code = "import sys, seqswe.statistics; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
