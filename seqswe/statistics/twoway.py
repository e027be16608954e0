"""The primary estimator (2W): a paired interval that carries the noise of tasks and of runs.

One run is one cluster: what a run learns early, and a seed's own luck, colour all that follows. A
paired test over tasks misses that and rejects a true null in up to half of the cases, so the
variance here has two parts, tasks (V_T) and the runs of every arm (V_X). Source: the two-way
formulas of the statistical design, with Satterthwaite's degrees of freedom.

Arms are coupled if run k draws the same dice in each: then a run's luck cancels in the difference,
and the runs of the difference are the clusters. That is for the agent to declare; it cannot be
seen in the outcomes. Pairing independent runs by seed is valid too, but wider.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import fsum

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import (
    FloatArray,
    as_outcomes,
    drop_missing,
    paired_runs,
    same_tasks,
    task_means,
)
from seqswe.statistics.clusters import RunNoise, run_noise
from seqswe.statistics.student import t_quantile, t_two_sided

DIFFERENT = 1e-9
"""Means of a task that lie nearer than this are the same but for rounding."""
MINIMUM_RUNS = 3
"""Under this many runs of an arm there is no p-value: the noise between runs is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its interval, in the units of the outcome.

    `p` is None where there must be none: under `MINIMUM_RUNS` runs of an arm, and for a single
    arm's mean. `task_variance` is V_T and `run_variance` V_X, so `se**2` is their sum. `k0` is 0
    where there is no baseline.
    """

    estimate: float
    low: float
    high: float
    p: float | None
    se: float
    dof: float
    n: int
    k1: int
    k0: int
    level: float
    task_variance: float
    run_variance: float
    single_run: bool
    differing: int | None = None
    """Tasks on which the arms' means differ; None of a single arm."""

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0.0 or self.high < 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """An arm's part in a combination: outcomes (N, K) and the factor on their mean over runs."""

    values: FloatArray
    factor: float = 1.0


def two_way(
    sequential: ArrayLike,
    iid: ArrayLike,
    design: FloatArray | None = None,
    *,
    coupled: bool = False,
    level: float = 0.95,
) -> Estimate:
    """Return the 2W estimate of sequential − iid, paired by task.

    `sequential` is (N, K1), `iid` (N, K0), rows in sequence order, NaN where a rollout is missing.
    `design` (N, p) holds the regressors; the estimate is the coefficient of its last column (None:
    the mean lift; see `position_design`, `log_position_design`). `coupled`: column k is the same
    seed in both arms and draws the same dice. Raises ValueError on bad shapes, a task or a run
    without any outcome, a singular design, or fewer than p + 1 tasks.
    """
    return combine(difference(sequential, iid), design=design, coupled=coupled, level=level)


def part_lift(
    sequential: FloatArray, iid: FloatArray, rows: slice, *, coupled: bool = False
) -> Estimate:
    """Return the 2W mean lift over some of the tasks, without runs that have none of them.

    Raises ValueError as `two_way` does.
    """
    (y1, y0), _ = drop_missing(sequential[rows], iid[rows], coupled=coupled)
    return two_way(y1, y0, coupled=coupled)


def difference(first: ArrayLike, second: ArrayLike) -> tuple[Term, Term]:
    """Return first − second as terms. Raises ValueError as `as_outcomes` does."""
    plus = Term(values=as_outcomes(first, "sequential"))
    return plus, Term(values=as_outcomes(second, "iid"), factor=-1.0)


def interval_mean(values: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Return one arm's mean over its N tasks and K runs, `values` (N, K), with no p-value.

    The interval speaks of tasks like these and of further runs: it carries the spread between
    tasks and between runs. It is not clipped to [0, 1]: see `shares.share_interval` for a share.
    Raises ValueError as `two_way` does.
    """
    return combine([Term(values=as_outcomes(values, "values"))], level=level)


def combine(
    arms: Sequence[Term],
    *,
    design: FloatArray | None = None,
    weights: FloatArray | None = None,
    coupled: bool = False,
    level: float = 0.95,
) -> Estimate:
    """Return the 2W estimate of Σ_i w_i Σ_arms factor · mean_k Y[i, k].

    `weights` (N,) default to the OLS weights of the last column of `design` (N, p), which also
    gives the residuals; with neither, w = 1/N. The first arm gives k1, the second k0. `coupled`
    pairs the runs of all arms by seed.
    """
    n = same_tasks(*(arm.values for arm in arms))
    columns = _design_of(n, design)
    if weights is None:
        weights = np.full(n, 1.0 / n) if design is None else ols_weights(columns)
    sources = clusters_of(arms, coupled=coupled)
    means = [arm.factor * task_means(arm.values) for arm in sources]
    combined = sum(means, start=np.zeros(n))
    noises = [run_noise(arm.values, weights).times(arm.factor) for arm in sources]
    rounding = _rounding(arms, weights)
    task_variance = _above(rounding, _task_variance(combined, columns, weights))
    run_variance = _above(rounding, sum(noise.excess for noise in noises))
    dof = degrees_of_freedom(task_variance, run_variance, n - columns.shape[1], noises)
    value = fsum(weights * combined)
    return _estimate(
        arms,
        # What cancels out but for rounding is nothing: without noise beside it, it would be sure.
        value if value**2 > rounding else 0.0,
        (task_variance, run_variance),
        dof=dof,
        level=level,
        single_run=min(round(noise.runs) for noise in noises) < MINIMUM_RUNS,
    )


def stream_interval(
    sequential: ArrayLike, iid: ArrayLike, *, coupled: bool = False, level: float = 0.95
) -> Estimate:
    """Return the mean lift with an interval for further runs of these very tasks alone.

    V_S = Σ_arms max(B, W), the variance between the runs of an arm's mean and never under what
    chance within tasks explains. It is 0 where all runs of an agent give the same: then this stream
    is known exactly, and what is not known is other tasks (`two_way`). Raises as `two_way` does.
    """
    arms = difference(sequential, iid)
    n = same_tasks(*(arm.values for arm in arms))
    weights = np.full(n, 1.0 / n)
    sources = clusters_of(arms, coupled=coupled)
    noises = [run_noise(arm.values, weights).times(arm.factor) for arm in sources]
    variance = _above(_rounding(arms, weights), sum(noise.of_stream for noise in noises))
    within = min(variance, sum(noise.within for noise in noises))
    spare = max(1, round(n * sum(noise.runs - 1 for noise in noises)))
    estimate = fsum(weights * sum(arm.factor * task_means(arm.values) for arm in sources))
    return _estimate(
        arms,
        estimate,
        (0.0, variance),
        dof=degrees_of_freedom(within, variance - within, spare, noises),
        level=level,
        single_run=min(round(noise.runs) for noise in noises) < MINIMUM_RUNS,
    )


def recentre(spread: Estimate, value: float) -> Estimate:
    """Return `spread` around `value`: for ratios, whose noise comes from a linearised outcome."""
    half = spread.high - spread.estimate
    p = None if spread.p is None else _p_value(value, spread.se, spread.dof, spread.n)
    return replace(spread, estimate=value, low=value - half, high=value + half, p=p)


def rescale(estimate: Estimate, factor: float) -> Estimate:
    """Return the estimate in other units: times `factor` > 0 (say, tasks instead of shares)."""
    return replace(
        estimate,
        estimate=estimate.estimate * factor,
        low=estimate.low * factor,
        high=estimate.high * factor,
        se=estimate.se * factor,
        task_variance=estimate.task_variance * factor**2,
        run_variance=estimate.run_variance * factor**2,
    )


def mirrored(estimate: Estimate) -> Estimate:
    """Return the estimate with its sign turned: for an outcome of which less is better."""
    return replace(estimate, estimate=-estimate.estimate, low=-estimate.high, high=-estimate.low)


def degrees_of_freedom(
    task_variance: float, run_variance: float, task_dof: int, noises: Sequence[RunNoise]
) -> float:
    """Return Satterthwaite's ν = V² / (V_T²/(N−p) + Σ_arms B²/(K−1)), at least min(K) − 1.

    B counts in full below, and only its excess over W above: where V_T is small that would leave a
    fraction of one degree of freedom, though runs are known with K − 1 of them.
    """
    total = task_variance + run_variance
    clustered = [noise for noise in noises if noise.runs > 1]
    if total == 0.0 or not clustered:
        return float(task_dof)
    parts = task_variance**2 / task_dof
    parts += sum(noise.between**2 / (noise.runs - 1) for noise in clustered)
    least = min(noise.runs for noise in clustered) - 1
    return max(total**2 / parts, least) if parts > 0.0 else least


def ols_weights(design: FloatArray) -> FloatArray:
    """Return the weights (N,) that turn outcomes into the last column's OLS coefficient."""
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError("The design is singular: give columns that do not repeat each other.")
    weights: FloatArray = np.linalg.pinv(design)[-1]
    return weights


def position_design(n: int) -> FloatArray:
    """Return [1, x] with x from 0 (first task) to 1 (last): a slope is lift per sequence."""
    return np.column_stack([np.ones(n), np.linspace(0.0, 1.0, n)])


def log_position_design(n: int) -> FloatArray:
    """Return [1, log i], i = 1..n, natural logarithm: a slope is lift per e-fold of tasks."""
    return np.column_stack([np.ones(n), np.log(np.arange(1, n + 1))])


def clusters_of(arms: Sequence[Term], *, coupled: bool) -> Sequence[Term]:
    """What the runs of which are the clusters: each arm, or the combination of coupled ones."""
    shapes = {arm.values.shape for arm in arms}
    if coupled:
        paired_runs(*(arm.values for arm in arms))
    elif len(arms) == 1 or len(shapes) > 1:
        return arms
    paired = sum((arm.factor * arm.values for arm in arms), start=np.zeros_like(arms[0].values))
    # Arms that are equal in every rollout differ in nothing, whoever drew the dice.
    if coupled or not paired.any():
        return [Term(values=as_outcomes(paired, "the difference of coupled arms"))]
    return arms


def _design_of(n: int, design: FloatArray | None) -> FloatArray:
    columns: FloatArray = np.ones((n, 1)) if design is None else np.asarray(design, np.float64)
    if columns.ndim != 2 or len(columns) != n:
        raise ValueError(f"The design has shape {columns.shape}: give one row per task, ({n}, p).")
    if n <= columns.shape[1]:
        raise ValueError(
            f"{n} tasks cannot carry an interval for {columns.shape[1]} coefficients: add tasks."
        )
    return columns


def _task_variance(outcome: FloatArray, design: FloatArray, weights: FloatArray) -> float:
    n, p = design.shape
    if (design == 1.0).all():
        residual = outcome - outcome.mean()
    else:
        residual = outcome - design @ np.linalg.lstsq(design, outcome, rcond=None)[0]
    return float(n / (n - p) * np.sum(weights**2 * residual**2))


def _rounding(arms: Sequence[Term], weights: FloatArray) -> float:
    # Identical runs, and arms that cancel out, differ by rounding alone: that is no noise.
    scale = max(abs(arm.factor) * float(np.nanmax(np.abs(arm.values))) for arm in arms) or 1.0
    return float(weights @ weights) * (1e-12 * scale) ** 2


def _above(floor: float, variance: float) -> float:
    return variance if variance > floor else 0.0


def _estimate(
    arms: Sequence[Term],
    estimate: float,
    variances: tuple[float, float],
    *,
    dof: float,
    level: float,
    single_run: bool,
) -> Estimate:
    se = float(np.sqrt(sum(variances)))
    half = float(t_quantile(0.5 + level / 2.0, dof)) * se
    n = len(arms[0].values)
    return Estimate(
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        p=None if single_run or len(arms) == 1 else _p_value(estimate, se, dof, n),
        se=se,
        dof=dof,
        n=n,
        k1=arms[0].values.shape[1],
        k0=arms[1].values.shape[1] if len(arms) > 1 else 0,
        level=level,
        task_variance=variances[0],
        run_variance=variances[1],
        single_run=single_run,
        differing=_differing(arms) if len(arms) > 1 else None,
    )


def _differing(arms: Sequence[Term]) -> int:
    combined = sum((arm.factor * task_means(arm.values) for arm in arms), start=0.0)
    return int(np.sum(np.abs(combined) > DIFFERENT))


def _p_value(estimate: float, se: float, dof: float, n: int) -> float:
    if se > 0.0:
        return t_two_sided(estimate / se, dof)
    # No spread at all: t does not exist, so the sign test over the n equal differences answers.
    return 1.0 if abs(estimate) < 1e-12 else 2.0 ** (1 - n)
