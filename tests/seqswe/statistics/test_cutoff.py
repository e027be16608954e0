"""Before against after a cutoff: exact on plain numbers, honest on drawn ones."""

import numpy as np
import pytest

from seqswe.statistics.cutoff import run_excess, split_by_control, split_by_covariate

RNG = np.random.default_rng
SETS = 400


def test_it_is_the_difference_of_differences():
    before = np.arange(20) < 10
    y, h = np.where(before, 0.7, 0.4), np.where(before, 0.6, 0.5)
    y[0] += 0.1
    found = split_by_control(y, h, before)
    assert found.raw == pytest.approx(0.31)
    assert found.explained == pytest.approx(0.1)
    assert found.estimate == pytest.approx(0.21)
    assert (found.before, found.after) == (10, 10)
    assert found.low < found.estimate < found.high


def test_welchs_interval_is_scipys():
    from scipy.stats import ttest_ind

    rng, before = RNG(0), np.arange(40) < 15
    y = rng.random(40)
    found = split_by_control(y, np.zeros(40), before)
    theirs = ttest_ind(y[before], y[~before], equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))


def test_the_covariates_estimate_is_that_of_least_squares():
    rng, before = RNG(1), np.arange(30) < 12
    x = rng.random(30) + before
    y = 0.3 * before + 0.5 * x + 0.1 * rng.standard_normal(30)
    design = np.column_stack([np.ones(30), before, x])
    solution, *_ = np.linalg.lstsq(design, y, rcond=None)
    residual = y - design @ solution
    error = residual @ residual / 27 * np.linalg.inv(design.T @ design)[1, 1]
    found = split_by_covariate(y, x, before)
    assert found.estimate == pytest.approx(solution[1])
    assert found.se == pytest.approx(np.sqrt(error))
    assert found.dof == pytest.approx(27)


def test_a_constant_covariate_explains_nothing():
    before = np.arange(12) < 6
    y = RNG(2).random(12)
    found = split_by_covariate(y, np.ones(12), before)
    assert found.explained == 0
    assert found.estimate == found.raw
    assert found.dof == pytest.approx(10)


def test_runs_that_only_repeat_each_other_add_nothing():
    before, y = np.arange(12) < 6, RNG(3).random((12, 1))
    one, many = split_by_covariate(y, y[:, 0] * 0, before), np.repeat(y, 4, axis=1)
    assert split_by_covariate(many, y[:, 0] * 0, before).se == pytest.approx(one.se)
    assert run_excess(many, before) == (0.0, 3)
    assert run_excess(y, before) == (0.0, 0)


def test_runs_that_differ_as_a_whole_widen_it():
    before, rng = np.arange(40) < 20, RNG(4)
    y = 0.1 * rng.standard_normal((40, 3)) + np.where(before, 1.0, 0.0)[:, None] * [[-1, 0, 1]]
    excess, dof = run_excess(y, before)
    assert excess == pytest.approx(1 / 3, rel=0.2)
    assert dof == 2
    assert split_by_control(y, np.zeros(40), before).se > np.sqrt(excess)


@pytest.mark.parametrize(
    ("y", "h", "before"),
    [
        (np.ones(12), np.ones(11), np.arange(12) < 6),
        (np.ones(12), np.ones(12), np.arange(12) < 4),
        (np.ones(12), np.ones(12), np.arange(12) < 8),
        (np.full(12, np.nan), np.ones(12), np.arange(12) < 6),
    ],
)
def test_what_cannot_be_split_is_refused(y, h, before):
    with pytest.raises(ValueError):
        split_by_control(y, h, before)
    with pytest.raises(ValueError):
        split_by_covariate(y, h, before)


def drawn(rng, n=80, runs=3, *, drift=0.0, known=0.0, run_sd=0.0):
    """An agent and a control that find late tasks `drift` harder; the agent knows old ones."""
    before = np.arange(n) < n // 2
    ease = rng.normal(0.5, 0.15, n) + drift * before
    runs_own = rng.normal(0, run_sd, runs) * before[:, None]
    p = np.clip(ease[:, None] + known * before[:, None] + runs_own, 0, 1)
    y = (rng.random((n, runs)) < p).astype(float)
    h = (rng.random((n, 1)) < np.clip(ease, 0, 1)[:, None]).astype(float)
    return y, h, before


@pytest.mark.parametrize(
    ("drift", "known", "run_sd"), [(0, 0, 0), (0.2, 0, 0), (0.1, 0.15, 0), (0, 0, 0.1)]
)
def test_the_interval_covers(drift, known, run_sd):
    rng = RNG(5)
    found = [
        split_by_control(*drawn(rng, drift=drift, known=known, run_sd=run_sd)) for _ in range(SETS)
    ]
    assert np.mean([f.low <= known <= f.high for f in found]) >= 0.92
    assert np.mean([f.estimate for f in found]) == pytest.approx(known, abs=0.025)


def test_teeth_without_the_control_drift_looks_like_knowledge():
    rng, wrong, right = RNG(6), 0, 0
    for _ in range(SETS // 2):
        y, h, before = drawn(rng, drift=0.25)
        wrong += split_by_control(y, np.zeros_like(h), before).excludes_zero
        right += split_by_control(y, h, before).excludes_zero
    assert wrong >= 0.5 * SETS / 2
    assert right <= 0.1 * SETS / 2


def test_teeth_knowledge_is_seen():
    rng = RNG(7)
    found = [split_by_control(*drawn(rng, n=200, known=0.35)) for _ in range(100)]
    assert np.mean([f.low > 0 for f in found]) >= 0.8
