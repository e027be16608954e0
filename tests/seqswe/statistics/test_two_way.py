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
    two_way,
)


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


def test_a_baseline_that_carries_its_memory_needs_three_runs_too(arms):
    assert two_way(arms[0], arms[1][:, :2]).p is not None
    assert two_way(arms[0], arms[1][:, :2], baseline_carries=True).p is None


def test_swapping_the_arms_flips_the_sign(arms):
    there = two_way(*arms, baseline_carries=True)
    back = two_way(*arms[::-1], baseline_carries=True)
    assert back.estimate == -there.estimate
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
    assert back.p == pytest.approx(there.p)


def test_swapping_arms_flips_the_sign_against_an_iid_baseline(arms):
    assert two_way(*arms).estimate == -two_way(*arms[::-1]).estimate


def test_identical_runs_have_no_run_variance(arms):
    same = np.repeat(arms[0][:, :1], 5, axis=1)
    estimate = two_way(same, arms[1])
    assert estimate.run_variance == 0.0
    assert estimate.dof == pytest.approx(79)


def test_hand_computed_variance_between_runs():
    # Run means 1, 0, 0 and 0: s_R² = 1/4; no task varies apart from that: s_W² = 1/2 · 1/4.
    y1 = np.array([[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    estimate = two_way(y1, np.zeros((2, 4)))
    assert estimate.estimate == 0.25
    assert estimate.task_variance == 0.0
    assert estimate.run_variance == pytest.approx((1 / 4 - 1 / 8) / 4)
    # ν = V² / [(s_R²/K)²/(K−1)] = (1/32)² / [(1/16)²/3]
    assert estimate.dof == pytest.approx(0.75)


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


def test_missing_tasks_leave_both_arms():
    (y1, y0), dropped = drop_missing([[1.0, np.nan], [1.0, 0.0]], [[0.0], [1.0]])
    assert dropped == 1
    assert y1.tolist() == [[1.0, 0.0]]
    assert y0.tolist() == [[1.0]]
    with pytest.raises(ValueError, match="nothing is left"):
        drop_missing([np.nan])


def test_importing_the_statistics_does_not_import_scipy():
    code = "import sys, seqswe.statistics; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
