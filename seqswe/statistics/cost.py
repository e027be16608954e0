"""Costs, tokens, steps and seconds: ratios of the sequential arm to its baseline, by pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import (
    FloatArray,
    as_outcomes,
    as_positive,
    same_tasks,
    task_means,
)
from seqswe.statistics.twoway import (
    Estimate,
    Term,
    combine,
    difference,
    log_position_design,
    recentre,
    two_way,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Sequential over baseline, 1 = no change; `log` is the estimate on the log scale."""

    ratio: float
    low: float
    high: float
    log: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """The law of practice log(C_SEQ/C_IID) = a − b·log i, i the position from 1.

    `rate` = 1 − 2^−b: the share of cost saved with each doubling of tasks, with `low` and `high`.
    `exponent` is b; `start` is a, the log ratio at the first task, which should be near 0.
    """

    rate: float
    low: float
    high: float
    exponent: Estimate
    start: float


def cost_ratio(sequential: ArrayLike, iid: ArrayLike, *, coupled: bool = False) -> Ratio:
    """Return the ratio of geometric mean costs, (N, K1) over (N, K0), paired by task.

    Logs are taken rollout by rollout, so one runaway rollout cannot carry the mean. Raises
    ValueError on costs of zero or less and as `two_way` does.
    """
    c1, c0 = as_positive(sequential, "sequential"), as_positive(iid, "iid")
    return _ratio(two_way(np.log(c1), np.log(c0), coupled=coupled))


def cost_per_resolved(
    sequential_cost: ArrayLike,
    sequential_resolved: ArrayLike,
    iid_cost: ArrayLike,
    iid_resolved: ArrayLike,
    *,
    coupled: bool = False,
) -> Ratio | None:
    """Return the ratio of cost per resolved task; None where an arm resolved or spent nothing.

    Cost and outcome are (N, K) per arm. The interval comes from Z = C/C̄ − Y/Ȳ, the linear part of
    log(C̄/Ȳ) (delta method), through the 2W estimator. Raises ValueError on bad shapes.
    """
    arms = []
    logs = []
    for cost, resolved, factor in (
        (sequential_cost, sequential_resolved, 1.0),
        (iid_cost, iid_resolved, -1.0),
    ):
        linear = _linearised(as_outcomes(cost, "cost"), as_outcomes(resolved, "resolved"))
        if linear is None:
            return None
        values, log = linear
        arms.append(Term(values=values, factor=factor))
        logs.append(factor * log)
    return _ratio(recentre(combine(arms, coupled=coupled), sum(logs)))


def law_of_practice(sequential: ArrayLike, iid: ArrayLike, *, coupled: bool = False) -> Practice:
    """Fit the law of practice to costs (N, K1) against (N, K0), on the pairs.

    The baseline takes the tasks' own difficulty out. Source: Newell and Rosenbloom (1981). Raises
    ValueError on costs of zero or less and as `two_way` does.
    """
    c1 = np.log(as_positive(sequential, "sequential"))
    c0 = np.log(as_positive(iid, "iid"))
    design = log_position_design(same_tasks(c1, c0))
    # A saving rather than a gain: the slope of iid − sequential is +b.
    exponent = combine(difference(c0, c1), design=design, coupled=coupled)
    paired = task_means(c1) - task_means(c0)
    return Practice(
        rate=_learning_rate(exponent.estimate),
        low=_learning_rate(exponent.low),
        high=_learning_rate(exponent.high),
        exponent=exponent,
        start=float(paired.mean() + exponent.estimate * design[:, 1].mean()),
    )


def _linearised(cost: FloatArray, resolved: FloatArray) -> tuple[FloatArray, float] | None:
    if cost.shape != resolved.shape:
        raise ValueError(
            f"Costs are {cost.shape} and outcomes {resolved.shape}: one cost per rollout."
        )
    mean_cost, mean_resolved = (float(task_means(y).mean()) for y in (cost, resolved))
    if mean_cost <= 0.0 or mean_resolved <= 0.0:
        return None
    return cost / mean_cost - resolved / mean_resolved, float(np.log(mean_cost / mean_resolved))


def _ratio(log: Estimate) -> Ratio:
    low, middle, high = _power(np.e, log.low), _power(np.e, log.estimate), _power(np.e, log.high)
    return Ratio(ratio=middle, low=low, high=high, log=log)


def _learning_rate(exponent: float) -> float:
    return 1.0 - _power(2.0, -exponent)


def _power(base: float, exponent: float) -> float:
    # A handful of tasks can leave an interval so wide that its end lies beyond all floats.
    with np.errstate(over="ignore"):
        return float(np.power(base, exponent))
