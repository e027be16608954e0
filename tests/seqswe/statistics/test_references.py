"""The estimators against other people's code on random data, and on data at their edges."""

from dataclasses import fields, is_dataclass
from math import isfinite

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from seqswe.statistics import (
    compare_arms,
    drop_missing,
    holm,
    interval_mean,
    lift_curve,
    position_design,
    share_interval,
    two_way,
)
from seqswe.statistics.clusters import run_noise
from seqswe.statistics.harm import harm_rate
from seqswe.statistics.pooling import paule_mandel, pool
from seqswe.statistics.reliability import part_lifts

SEEDS = range(5)


def coins(rng, *shape, rate=0.5):
    return (rng.random(shape) < rate).astype(float)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_task_part_is_whites_variance_of_a_regression(seed):
    api = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(seed)
    y1, y0 = rng.normal(size=(40, 1)), rng.normal(size=(40, 1))
    design = position_design(40)
    theirs = api.OLS((y1 - y0)[:, 0], design).fit(cov_type="HC1")
    ours = two_way(y1, y0, design)
    assert ours.estimate == pytest.approx(theirs.params[-1])
    assert ours.se == pytest.approx(theirs.bse[-1])


@pytest.mark.parametrize("seed", SEEDS)
def test_the_run_part_is_the_cluster_robust_variance_of_a_mean(seed):
    api = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(seed)
    tasks, runs = 30, 6
    y = coins(rng, tasks, runs) + rng.normal(size=runs)
    groups = np.tile(np.arange(runs), tasks)
    cluster = {"groups": groups, "use_correction": True}
    theirs = api.OLS(y.ravel(), np.ones(tasks * runs)).fit(cov_type="cluster", cov_kwds=cluster)
    # Their small-sample factor is G/(G − 1) (n − 1)/(n − 1): that of a variance over runs.
    ours = run_noise(y, np.full(tasks, 1 / tasks))
    assert ours.between == pytest.approx(float(theirs.cov_params()[0, 0]))


@pytest.mark.parametrize("seed", SEEDS)
def test_degrees_of_freedom_are_welchs_where_only_runs_vary(seed):
    rng = np.random.default_rng(seed)
    luck1, luck0 = rng.normal(size=4), rng.normal(size=7) * 3
    # All tasks of a run have its luck, so nothing varies between tasks.
    y1, y0 = np.tile(luck1, (9, 1)), np.tile(luck0, (9, 1))
    ours = two_way(y1, y0)
    theirs = stats.ttest_ind(luck1, luck0, equal_var=False)
    # The excess is what lies above the tasks' part, 1/9 of it here.
    whole = ours.run_variance * 9 / 8
    assert whole == pytest.approx(luck1.var(ddof=1) / 4 + luck0.var(ddof=1) / 7)
    assert ours.dof == pytest.approx(max(3.0, theirs.df * (8 / 9) ** 2))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_share_has_the_ends_that_wilson_defines(seed):
    rng = np.random.default_rng(seed)
    y = coins(rng, 50, 3, rate=0.1)
    ours, wald = share_interval(y), interval_mean(y)
    share = wald.estimate
    size = min(share * (1 - share) / wald.se**2, 150)
    z = stats.t.ppf(0.975, wald.dof)

    def outside(p):
        return (share - p) ** 2 - z**2 * p * (1 - p) / size

    assert ours.low == pytest.approx(brentq(outside, 0.0, share), abs=1e-9)
    assert ours.high == pytest.approx(brentq(outside, share, 1.0), abs=1e-9)
    confint = pytest.importorskip("statsmodels.stats.proportion").proportion_confint
    theirs = confint(share * size, size, alpha=2 * stats.norm.sf(z), method="wilson")
    assert (ours.low, ours.high) == pytest.approx(theirs)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_spread_between_codebases_is_that_of_paule_and_mandel(seed):
    combine = pytest.importorskip("statsmodels.stats.meta_analysis").combine_effects
    rng = np.random.default_rng(seed)
    noise = rng.uniform(0.0004, 0.004, 9)
    lifts = rng.normal(0.05, np.sqrt(noise + 0.004))
    ours = paule_mandel(lifts, noise)
    theirs = combine(lifts, noise, method_re="iterated", atol=1e-12, maxiter=500)
    if theirs.tau2 > 0:  # it stops at 0 where its first step leads below
        assert ours == pytest.approx(theirs.tau2, abs=1e-7)
    weights = 1 / (noise + ours)
    spread = weights @ (lifts - weights @ lifts / weights.sum()) ** 2
    assert spread == pytest.approx(8.0) or (ours == 0 and spread < 8)


@pytest.mark.parametrize("seed", SEEDS)
def test_pooled_lifts_are_students_where_they_spread_more_than_their_noise(seed):
    lifts = np.random.default_rng(seed).normal(0.05, 0.1, 8)
    theirs = stats.ttest_1samp(lifts, 0.0)
    ours = pool(lifts, np.full(8, 1e-6))
    assert ours.p == pytest.approx(theirs.pvalue)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval()))


@pytest.mark.parametrize("seed", SEEDS)
def test_holms_values_are_those_of_others_with_ties(seed):
    adjust = pytest.importorskip("statsmodels.stats.multitest").multipletests
    p = np.round(np.random.default_rng(seed).random(12), 1)
    assert holm(p) == pytest.approx(adjust(p, method="holm")[1])


def edges():
    rng = np.random.default_rng(3)
    for n, k in ((2, 1), (2, 3), (5, 1), (12, 2), (30, 3), (12, 300)):
        some, other = coins(rng, n, k), coins(rng, n, k, rate=0.3)
        one, none = np.ones((n, k)), np.zeros((n, k))
        yield from (
            (f"random {n} {k}", some, other),
            (f"one seed against {k} {n}", some, other[:, :1]),
            (f"all alike {n} {k}", one, one),
            (f"all against none {n} {k}", one, none),
            (f"ties {n} {k}", rng.integers(0, 3, (n, k)) / 2, rng.integers(0, 3, (n, k)) / 2),
            (f"amounts {n} {k}", rng.random((n, k)) * 1e12, rng.random((n, k)) * 1e12),
            (f"small amounts {n} {k}", rng.random((n, k)) * 1e-9, rng.random((n, k)) * 1e-9),
        )
        if k > 1:
            lost, stopped = some.copy(), some.copy()
            lost[:, -1], stopped[1:, -1] = np.nan, np.nan
            yield f"all missing in one seed {n} {k}", lost, other
            yield f"one seed stopped {n} {k}", stopped, other


def numbers(value):
    """Every number in a result, however deep."""
    if is_dataclass(value):
        return [x for spec in fields(value) for x in numbers(getattr(value, spec.name))]
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize(("y1", "y0"), [pytest.param(*e[1:], id=e[0]) for e in edges()])
def test_at_the_edges_every_number_is_finite_and_the_ends_enclose_the_estimate(y1, y0):
    is_share = max(np.nanmax(y1), np.nanmax(y0)) <= 1
    for coupled in {False, y1.shape == y0.shape}:
        (kept1, kept0), _ = drop_missing(y1, y0, coupled=coupled)
        lift = compare_arms(kept1, kept0, coupled=coupled, share=is_share)
        results = [lift, part_lifts(kept1, kept0, np.arange(len(kept1)) % 2 == 0, coupled=coupled)]
        if is_share:
            results.append(harm_rate(kept1, kept0))
            assert -1 <= lift.overall.low <= lift.overall.high <= 1
        if len(kept1) >= 10:
            results.append(lift_curve(kept1, kept0, coupled=coupled))
        assert all(isfinite(x) for result in results for x in numbers(result))
        assert lift.overall.low <= lift.overall.estimate <= lift.overall.high
        assert lift.overall.p is None or 0 <= lift.overall.p <= 1
        if min(kept1.shape[1], kept0.shape[1]) < 3:
            assert lift.overall.p is None
