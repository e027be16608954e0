"""Harm: tasks that the baseline solves by majority and the arm loses, and how many by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import FloatArray, as_outcomes, same_tasks, task_means
from seqswe.statistics.shares import share_interval
from seqswe.statistics.twoway import Estimate

SOLVED = 0.5
"""A mean above this over the baseline's runs is a majority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmRate:
    """Shares of all tasks, in [0, 1], with intervals and without a p-value.

    `lost`: the baseline's majority solved the task and a run of the arm did not; `won`: the other
    way round. `by_chance` is what the baseline loses against itself, each run against the majority
    of the others: a memory that changes nothing loses about as much; over tasks of which no run
    is missing. None under three runs.
    """

    lost: Estimate
    won: Estimate
    by_chance: float | None


def harm_rate(sequential: ArrayLike, iid: ArrayLike) -> HarmRate:
    """Return the harm of outcomes (N, K1) against a baseline's (N, K0), values in [0, 1].

    lost = mean over tasks and runs of 1{baseline's mean > ½}·(1 − Y1), with Wilson's interval and
    an effective N (`share_interval`); `won` with the majority the other way and Y1. An outcome
    between 0 and 1 counts as solved above ½: of a reciprocal rank, that is the first place. Source:
    the statistical design, second round, section 7. Raises ValueError on bad shapes or fewer than
    two tasks.
    """
    y1, y0 = (
        _solved(as_outcomes(values, name))
        for values, name in ((sequential, "sequential"), (iid, "iid"))
    )
    same_tasks(y1, y0)
    solved = (task_means(y0)[:, np.newaxis] > SOLVED).astype(np.float64)
    return HarmRate(
        lost=share_interval(solved * (1.0 - y1)),
        won=share_interval((1.0 - solved) * y1),
        by_chance=_by_chance(y0),
    )


def _solved(values: FloatArray) -> FloatArray:
    """1 or 0 for every rollout that there is."""
    return np.where(np.isfinite(values), values > SOLVED, np.nan)


def _by_chance(iid: FloatArray) -> float | None:
    iid = iid[np.isfinite(iid).all(axis=1)]
    tasks, runs = iid.shape
    if runs < 3 or not tasks:
        return None
    others = (iid.sum(axis=1, keepdims=True) - iid) / (runs - 1)
    return float(np.mean((others > SOLVED) * (1.0 - iid)))
