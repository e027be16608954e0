"""The 2W interval of many complete datasets at once, to count thousands of them.

`seqswe.statistics.many` is a twin of what reports use: the first datasets of every batch go through
`two_way` and `stream_interval` too, and must come out the same, or else nothing is counted.
"""

from __future__ import annotations

import numpy as np
from scipy.special import fdtrc

from benchmarks.planted import FloatArray
from seqswe.statistics import Estimate, many, run_effect_p, stream_interval, two_way
from seqswe.statistics.many import Intervals, Noises, intervals

COMPARED = 3
"""Datasets of a batch that the shipped code computes as well."""


def two_ways(
    sequential: FloatArray,
    iid: FloatArray,
    design: FloatArray | None = None,
    *,
    coupled: bool = False,
    level: float = 0.95,
) -> Intervals:
    """`two_way` of each dataset, outcomes (B, N, K). Raises AssertionError where they differ."""
    found = many.two_ways(sequential, iid, design, coupled=coupled, level=level)
    for place in range(min(COMPARED, len(sequential))):
        arms = sequential[place], iid[place]
        ours = two_way(*arms, design, coupled=coupled, level=level)
        assert _is_like(found, place, ours), (place, ours)
    return found


def stream_intervals(sequential: FloatArray, iid: FloatArray, *, coupled: bool) -> Intervals:
    """`stream_interval` of each dataset. Raises AssertionError where they differ."""
    n = sequential.shape[1]
    weights = np.full(n, 1.0 / n)
    arms = [sequential - iid] if coupled else [sequential, iid]
    noises = [Noises.of(values, weights) for values in arms]
    variance = np.sum([np.maximum(noise.between, noise.within) for noise in noises], axis=0)
    estimate = (sequential - iid).mean(axis=(1, 2))
    within = np.minimum(variance, np.sum([noise.within for noise in noises], axis=0))
    spare = n * sum(noise.runs - 1 for noise in noises)
    found = intervals(estimate, (within, variance - within), spare, noises, 0.95)
    for place in range(min(COMPARED, len(sequential))):
        ours = stream_interval(sequential[place], iid[place], coupled=coupled)
        assert _is_like(found, place, ours), (place, ours)
    return found


def run_effect_ps(values: FloatArray) -> FloatArray:
    """`run_effect_p` of each dataset (B, N, K), (B,); 1 where it has none. Raises as above."""
    _, n, k = values.shape
    noise = Noises.of(values, np.full(n, 1.0 / n))
    variance = values.var(axis=2, ddof=1)
    total = np.sum(variance**2, axis=1)
    below = (k + 1) * variance.sum(axis=1) ** 2 / np.where(total > 0.0, total, 1.0)
    ratio = noise.between / np.where(noise.within > 0.0, noise.within, np.inf)
    p: FloatArray = np.where(total > 0.0, fdtrc(k - 1, np.maximum(below, 1e-9), ratio), 1.0)
    for place in range(min(COMPARED, len(values))):
        assert np.isclose(p[place], run_effect_p(values[place]) or 1.0), place
    return p


def _is_like(found: Intervals, place: int, estimate: Estimate) -> bool:
    """Whether the shipped code gives the same for one of them."""
    mine = (found.estimate[place], found.low[place], found.high[place])
    theirs = (estimate.estimate, estimate.low, estimate.high)
    return bool(np.allclose(mine, theirs, rtol=1e-6, atol=1e-9))
