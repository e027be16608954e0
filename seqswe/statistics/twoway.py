"""The primary estimator (2W): a paired interval that carries the noise of tasks and of runs.

One sequence run is one cluster: what a run learns early colours all that follows. A paired test
over tasks misses that and rejects a true null in up to half of the cases, so the variance here
has two parts, tasks (V_T) and runs (V_X). Source: the two-way formulas of the statistical design,
with Satterthwaite's degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import fsum

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import FloatArray, as_outcomes, same_tasks
from seqswe.statistics.student import t_quantile, t_two_sided

MINIMUM_RUNS = 3
"""Under this many sequence runs there is no p-value: the noise between runs is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its interval, in the units of the outcome.

    `p` is None where there must be none: under `MINIMUM_RUNS` runs of an arm that carries its
    memory, and for a single arm's mean. `task_variance` is V_T and `run_variance` V_X, so
    `se**2` is their sum. `k0` is 0 where there is no baseline.
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

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0.0 or self.high < 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """An arm's part in a combination: outcomes (N, K) and the factor on their mean over runs.

    `carries`: its memory lives on from task to task, so its runs are clusters.
    """

    values: FloatArray
    factor: float = 1.0
    carries: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNoise:
    """Variance of a weighted mean between runs (s_R²) and the part tasks explain (s_W²)."""

    between: float
    within: float
    runs: int

    @property
    def excess(self) -> float:
        """V_X of one arm: what clustering adds to the variance of the arm's mean."""
        return max(0.0, self.between - self.within) / self.runs


def two_way(
    sequential: ArrayLike,
    iid: ArrayLike,
    design: FloatArray | None = None,
    *,
    baseline_carries: bool = False,
    level: float = 0.95,
) -> Estimate:
    """Return the 2W estimate of sequential − iid, paired by task.

    `sequential` is (N, K1), `iid` (N, K0), rows in sequence order. `design` (N, p) holds the
    regressors; the estimate is the coefficient of its last column (None: the mean lift; see
    `position_design`, `log_position_design`). Set `baseline_carries` when the baseline keeps its
    memory as well, as when two memories or two versions meet: its runs are clusters then too.
    Raises ValueError on bad shapes, missing values, a singular design, or fewer than p + 1 tasks.
    """
    arms = [
        Term(values=as_outcomes(sequential, "sequential")),
        Term(values=as_outcomes(iid, "iid"), factor=-1.0, carries=baseline_carries),
    ]
    return combine(arms, design=design, level=level)


def interval_mean(values: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Return one arm's mean over its N tasks and K runs, `values` (N, K), with no p-value.

    The interval speaks of tasks like these and of further runs: it carries the spread between
    tasks and between runs. It is not clipped to [0, 1]. Raises ValueError as `two_way` does.
    """
    return combine([Term(values=as_outcomes(values, "values"))], level=level)


def combine(
    arms: Sequence[Term],
    *,
    design: FloatArray | None = None,
    weights: FloatArray | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return the 2W estimate of Σ_i w_i Σ_arms factor · mean_k Y[i, k].

    `weights` (N,) default to the OLS weights of the last column of `design` (N, p), which also
    gives the residuals; with neither, w = 1/N. The first arm gives k1, the second k0.
    """
    n = same_tasks(*(arm.values for arm in arms))
    columns = _design_of(n, design)
    if weights is None:
        weights = np.full(n, 1.0 / n) if design is None else ols_weights(columns)
    combined = sum((arm.factor * arm.values.mean(axis=1) for arm in arms), start=np.zeros(n))
    # Identical runs differ by rounding alone: that is no noise to divide by.
    rounding = _rounding(combined, weights)
    noises = [(arm.factor**2, run_noise(arm.values, weights)) for arm in arms if arm.carries]
    task_variance = _above(rounding, _task_variance(combined, columns, weights))
    run_variance = _above(rounding, sum(square * noise.excess for square, noise in noises))
    dof = _satterthwaite(task_variance, run_variance, n - columns.shape[1], noises)
    return _estimate(
        arms, fsum(weights * combined), (task_variance, run_variance), dof=dof, level=level
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


def run_noise(values: FloatArray, weights: FloatArray) -> RunNoise:
    """Return s_R² and s_W² of Σ_i w_i Y[i, k] over the runs of `values` (N, K); zeros at K = 1."""
    runs = values.shape[1]
    if runs == 1:
        return RunNoise(between=0.0, within=0.0, runs=1)
    return RunNoise(
        between=float(np.var(weights @ values, ddof=1)),
        within=float(weights**2 @ values.var(axis=1, ddof=1)),
        runs=runs,
    )


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
    coefficients = np.linalg.lstsq(design, outcome, rcond=None)[0]
    residual = outcome - design @ coefficients
    return float(n / (n - p) * np.sum(weights**2 * residual**2))


def _rounding(outcome: FloatArray, weights: FloatArray) -> float:
    scale = float(np.abs(outcome).max()) or 1.0
    return float(weights @ weights) * (1e-12 * scale) ** 2


def _above(floor: float, variance: float) -> float:
    return variance if variance > floor else 0.0


def _satterthwaite(
    task: float, run: float, task_dof: int, noises: Sequence[tuple[float, RunNoise]]
) -> float:
    total = task + run
    if total == 0.0:
        return float(task_dof)
    parts = task**2 / task_dof
    for square, noise in noises:
        if noise.runs > 1:
            parts += (square * noise.between / noise.runs) ** 2 / (noise.runs - 1)
    return total**2 / parts


def _estimate(
    arms: Sequence[Term],
    estimate: float,
    variances: tuple[float, float],
    *,
    dof: float,
    level: float,
) -> Estimate:
    se = float(np.sqrt(sum(variances)))
    half = float(t_quantile(0.5 + level / 2.0, dof)) * se
    single = min(arm.values.shape[1] for arm in arms if arm.carries) < MINIMUM_RUNS
    n = len(arms[0].values)
    return Estimate(
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        p=None if single or len(arms) == 1 else _p_value(estimate, se, dof, n),
        se=se,
        dof=dof,
        n=n,
        k1=arms[0].values.shape[1],
        k0=arms[1].values.shape[1] if len(arms) > 1 else 0,
        level=level,
        task_variance=variances[0],
        run_variance=variances[1],
        single_run=single,
    )


def _p_value(estimate: float, se: float, dof: float, n: int) -> float:
    if se > 0.0:
        return t_two_sided(estimate / se, dof)
    # No spread at all: t does not exist, so the sign test over the n equal differences answers.
    return 1.0 if abs(estimate) < 1e-12 else 2.0 ** (1 - n)
