"""What an agent's own confidence is worth, where it states one: one arm's stated chances and hits.

Intervals are those of an arm's mean, tasks and runs, for tasks like these; none is a test. Sources:
Brier (1950) for the score; Murphy (1973) for reliability, what comes true of what was stated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import FloatArray, on_shared_tasks
from seqswe.statistics.shares import share_interval
from seqswe.statistics.twoway import Estimate, interval_mean

SURE = 0.8
"""Confidence from which an agent is called sure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """How stated confidence c and outcome y of 0 or 1 go together.

    `brier` is the mean of (c − y)²: 0 is perfect, .25 what "fifty-fifty" gives. `over` is the mean
    of c − y, above 0 for one that is too sure. `when_sure` is the share resolved of rollouts with
    c ≥ `SURE`, None under two tasks with one.
    """

    brier: Estimate
    over: Estimate
    when_sure: Estimate | None


def confidence(stated: ArrayLike, resolved: ArrayLike) -> Confidence | None:
    """Return what `stated` (N, K) in [0, 1] is worth for outcomes `resolved` (N, K), NaN left out.

    None under two tasks that have both. Raises ValueError on shapes that differ and on values
    outside [0, 1].
    """
    c: FloatArray = np.asarray(stated, dtype=np.float64)
    y: FloatArray = np.asarray(resolved, dtype=np.float64)
    if c.shape != y.shape:
        raise ValueError(f"Confidence {c.shape} and outcomes {y.shape}: give one for each.")
    error = _kept(c - y)
    if error is None:
        return None
    score = interval_mean(error**2)  # Wilson's is for shares of 0 or 1, and far too wide here
    sure = _kept(np.where(c >= SURE, y, np.nan))
    return Confidence(
        brier=replace(score, low=max(0.0, score.low), high=min(1.0, score.high)),
        over=interval_mean(error),
        when_sure=None if sure is None else share_interval(sure),
    )


def _kept(values: FloatArray) -> FloatArray | None:
    kept = on_shared_tasks(values)
    return kept[0] if kept else None
