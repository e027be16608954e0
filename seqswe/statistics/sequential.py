"""For whoever looks before the end: an interval that holds at every position at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import FloatArray, as_outcomes, same_tasks, task_means

BURN_IN = 20
"""Before this many tasks the running variance is too rough, so the interval is infinite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceSequence:
    """The running mean lift after tasks 1..N, arrays (N,), with bounds that survive peeking.

    `alarm` is the first position (from 1) whose interval excludes zero, None if there is none.
    """

    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    alarm: int | None


def confidence_sequence(
    sequential: ArrayLike,
    iid: ArrayLike,
    *,
    level: float = 0.95,
    tuned_for: int | None = None,
    burn_in: int = BURN_IN,
) -> ConfidenceSequence:
    """Return the asymptotic confidence sequence of the mean paired lift, (N, K1) against (N, K0).

    `tuned_for`: the position where it is tightest (default: the last). It carries the noise of
    tasks only: where runs differ (DEFF_run well above 1), its false alarms rise, and the 2W
    interval at the end is the one to trust. Source: Waudby-Smith, Arbour, Sinha, Kennedy and
    Ramdas (2024), theorem 2.2. Raises ValueError on bad shapes and missing values.
    """
    y1, y0 = as_outcomes(sequential, "sequential"), as_outcomes(iid, "iid")
    n = same_tasks(y1, y0)
    paired = task_means(y1) - task_means(y0)
    t = np.arange(1, n + 1, dtype=np.float64)
    mean = np.cumsum(paired) / t
    variance = np.maximum(0.0, np.cumsum(paired**2) / t - mean**2)
    width = np.sqrt(variance) * boundary(t, 1.0 - level, tuned_for or n)
    # Without any spread so far the variance says nothing yet: it is not certainty.
    width[(t < burn_in) | (variance <= 0.0)] = np.inf
    low, high = mean - width, mean + width
    outside = np.flatnonzero((low > 0.0) | (high < 0.0))
    alarm = int(outside[0]) + 1 if outside.size else None
    return ConfidenceSequence(estimate=mean, low=low, high=high, alarm=alarm)


def boundary(t: FloatArray, alpha: float, tuned_for: int) -> FloatArray:
    """Return the half-width in standard deviations after `t` tasks (Gaussian mixture)."""
    log = -2.0 * np.log(alpha)
    rho2 = (log + np.log(log + 1.0)) / tuned_for
    scaled = t * rho2 + 1.0
    half: FloatArray = np.sqrt(2.0 * scaled / (t**2 * rho2) * np.log(np.sqrt(scaled) / alpha))
    return half
