"""Beside the mean lift: reliability over runs, the lift on parts of a stream, net utility.

Each is an estimate with an interval of the two-way kind, tasks and runs, and none has a p-value:
they describe. The formulas are those of the statistical design, second round, section 7.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import comb, sqrt

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import FloatArray, as_outcomes, same_tasks
from seqswe.statistics.shares import wilson
from seqswe.statistics.twoway import MINIMUM_RUNS, Estimate, two_way

LEAST = 5
"""Tasks of each part, at least: fewer carry no interval of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLifts:
    """Mean lift over the tasks of a part of the stream, over the rest, and the first − the rest."""

    inside: Estimate
    outside: Estimate
    difference: Estimate


def pass_hat(resolved: ArrayLike, k: int, *, level: float = 0.95) -> Estimate:
    """Return pass^k, the chance that k runs all resolve a task, of outcomes (N, n) of 0 or 1.

    Σ_i C(c_i, k)/C(n, k)/N (Yao et al. 2024), a U-statistic. Its variance has a task part, the
    spread between tasks, and a run part: the jackknife over runs less what the jackknife within
    tasks explains, as V_X has it. The interval is Wilson's with the effective N of that variance,
    so at k = 1 it is `share_interval`. Tasks that miss a run are left out. Raises ValueError on
    other values, under two tasks, and unless 1 ≤ k < n: the jackknife leaves a run out.
    """
    y = as_outcomes(resolved, "resolved")
    y = y[np.isfinite(y).all(axis=1)]
    tasks, runs = y.shape
    if not np.isin(y, (0.0, 1.0)).all() or tasks < 2:
        raise ValueError("pass^k counts successes: pass outcomes of 0 or 1 over two tasks or more.")
    if not 1 <= k < runs:
        raise ValueError(f"k = {k} of {runs} runs: choose k from 1 to the runs less one.")
    counts = y.sum(axis=1)
    each = _chances(counts, k, runs)
    without = np.column_stack([_chances(counts - y[:, r], k, runs - 1) for r in range(runs)])
    task_variance = float(each.var(ddof=1)) / tasks
    between = _jackknife(without.mean(axis=0, keepdims=True))
    within = _jackknife(without) / tasks
    run_variance = max(0.0, between - within)
    se = sqrt(task_variance + run_variance)
    parts = task_variance**2 / (tasks - 1) + between**2 / (runs - 1)
    dof = se**4 / parts if parts > 0.0 else float(tasks - 1)
    mean = float(each.mean())
    share = Estimate(
        estimate=mean,
        low=mean,
        high=mean,
        p=None,
        se=se,
        dof=max(dof, runs - 1.0),
        n=tasks,
        k1=runs,
        k0=0,
        level=level,
        task_variance=task_variance,
        run_variance=run_variance,
        single_run=runs < MINIMUM_RUNS,
    )
    return wilson(share, float(tasks * runs))


def part_lifts(
    sequential: ArrayLike, iid: ArrayLike, inside: ArrayLike, *, coupled: bool = False
) -> PartLifts | None:
    """Return the lift of (N, K1) over (N, K0) inside and outside a part of the stream, (N,) flags.

    The two-way estimator with a regressor for each part, so both share one spread of residuals'
    weights and the runs' noise; None where either part has under `LEAST` tasks. Raises ValueError
    as `two_way` does.
    """
    y1, y0 = as_outcomes(sequential, "sequential"), as_outcomes(iid, "iid")
    flags = np.asarray(inside, dtype=np.bool_)
    n = same_tasks(y1, y0)
    if flags.shape != (n,):
        raise ValueError(f"Flags have shape {flags.shape}: give one for each of {n} tasks.")
    if not LEAST <= flags.sum() <= n - LEAST:
        return None
    part, rest = flags.astype(np.float64), (~flags).astype(np.float64)
    return PartLifts(
        inside=_untested(two_way(y1, y0, np.column_stack([rest, part]), coupled=coupled)),
        outside=_untested(two_way(y1, y0, np.column_stack([part, rest]), coupled=coupled)),
        difference=_untested(two_way(y1, y0, np.column_stack([np.ones(n), part]), coupled=coupled)),
    )


def net_utility(
    outcomes: tuple[ArrayLike, ArrayLike],
    costs: tuple[ArrayLike, ArrayLike],
    price: float,
    *,
    coupled: bool = False,
) -> Estimate:
    """Return what a task gains net of cost: lift − price · (extra cost), in units of the outcome.

    `outcomes` and `costs` are (sequential (N, K1), iid (N, K0)); `price` is what one unit of cost
    is worth in outcomes, so with tasks resolved worth 10 USD each it is .1 a USD. The two-way
    estimate of Y − price·C. Raises ValueError on costs unlike outcomes, and as `two_way` does.
    """
    y1, y0 = (as_outcomes(y, "outcomes") for y in outcomes)
    c1, c0 = (as_outcomes(c, "costs") for c in costs)
    if y1.shape != c1.shape or y0.shape != c0.shape:
        raise ValueError(f"Outcomes {y1.shape}, {y0.shape} and costs {c1.shape}, {c0.shape}.")
    return _untested(two_way(y1 - price * c1, y0 - price * c0, coupled=coupled))


def _chances(counts: FloatArray, k: int, runs: int) -> FloatArray:
    table = np.array([comb(c, k) / comb(runs, k) for c in range(runs + 1)])
    chances: FloatArray = table[counts.astype(np.int64)]
    return chances


def _jackknife(without: FloatArray) -> float:
    """Mean over rows of (n − 1)/n · Σ_r (θ_(−r) − mean)², values left out by column, (N, n)."""
    runs = without.shape[1]
    return float(without.var(axis=1).mean()) * float(runs - 1)


def _untested(estimate: Estimate) -> Estimate:
    # It describes: a p-value beside the headline's would be read as one more test.
    return replace(estimate, p=None)
