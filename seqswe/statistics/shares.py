"""Outcomes that are shares: intervals that know they lie between 0 and 1.

A Wald interval forgets that: at a rate of 1 % it has no width in half of all runs, and covers the
truth in a third of them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import as_outcomes
from seqswe.statistics.student import t_quantile
from seqswe.statistics.twoway import Estimate, interval_mean

FEW = 3
"""Tasks that differ under which a spread between tasks is not known."""


def share_interval(values: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Return one arm's mean share with Wilson's interval, `values` (N, K) in [0, 1].

    The sample size in it is the effective one, n_e = p(1 − p)/V with the variance V of
    `interval_mean`, at most N·K; N where all values are 0 or all are 1, as equal runs of a task
    say no more than one. The quantile is t's with the degrees of freedom of V. Source: Wilson
    (1927); Korn and Graubard (1998) for n_e. Raises ValueError on values outside [0, 1] and as
    `two_way` does.
    """
    y = as_outcomes(values, "values")
    if np.nanmin(y) < 0.0 or np.nanmax(y) > 1.0:
        raise ValueError("A share lies in 0 to 1: use interval_mean() for amounts.")
    return wilson(interval_mean(y, level=level), float(np.isfinite(y).sum()))


def wilson(share: Estimate, most: float) -> Estimate:
    """Return an estimated share in [0, 1] with Wilson's interval, from its own variance.

    The effective sample size n_e = p(1 − p)/V is at most `most`; N where V is 0. See
    `share_interval`.
    """
    p = min(1.0, max(0.0, share.estimate))
    spread, size = p * (1.0 - p), float(share.n)
    if share.se > 0.0:
        size = min(spread / share.se**2, most)
    z = float(t_quantile(0.5 + share.level / 2.0, share.dof))
    middle = (p + z**2 / (2.0 * size)) / (1.0 + z**2 / size)
    half = z / (1.0 + z**2 / size) * np.sqrt(spread / size + (z / (2.0 * size)) ** 2)
    return replace(share, low=max(0.0, middle - half), high=min(1.0, middle + half))


def share_difference(estimate: Estimate) -> Estimate:
    """Return a difference of shares with ends that can be: within −1 to 1, and never too narrow.

    Where N tasks differ all alike (mostly: not at all) no spread is seen, and the rule of three
    answers: with 95 % confidence at most 3/N of such tasks would differ in another way. One task
    that differs a little shows hardly more: where so few differ that t knows nothing of the rest,
    an interval that holds 0 is never narrower, or the smaller difference had the wider interval.
    """
    low, high, least = estimate.low, estimate.high, 3.0 / estimate.n
    few = estimate.differing is not None and estimate.differing < FEW
    narrow = low <= 0.0 <= high and high - low < 2.0 * least
    if estimate.se == 0.0 or (few and narrow):
        low, high = estimate.estimate - least, estimate.estimate + least
    return replace(estimate, low=max(-1.0, low), high=min(1.0, high))
