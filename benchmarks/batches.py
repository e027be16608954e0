"""The 2W interval of many complete datasets at once, to count thousands of them.

A twin of `seqswe.statistics.two_way` and `stream_interval`: the first datasets of every batch go
through those too, and must come out the same, or else nothing is counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc, stdtrit

from benchmarks.planted import FloatArray
from seqswe.statistics import Estimate, run_effect_p, stream_interval, two_way
from seqswe.statistics.clusters import ROUNDING
from seqswe.statistics.twoway import ols_weights

COMPARED = 3
"""Datasets of a batch that the shipped code computes as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Estimates and their ends, (B,) each."""

    estimate: FloatArray
    low: FloatArray
    high: FloatArray

    def holds(self, truth: FloatArray | float) -> NDArray[np.bool_]:
        """Which of them hold the truth, up to rounding."""
        return (self.low <= truth + ROUNDING) & (truth - ROUNDING <= self.high)

    @property
    def excludes_zero(self) -> NDArray[np.bool_]:
        """Which of them lie on one side of zero."""
        return (self.low > 0.0) | (self.high < 0.0)

    def is_like(self, place: int, estimate: Estimate) -> bool:
        """Whether the shipped code gives the same for one of them."""
        mine = (self.estimate[place], self.low[place], self.high[place])
        theirs = (estimate.estimate, estimate.low, estimate.high)
        return bool(np.allclose(mine, theirs, rtol=1e-6, atol=1e-9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Noises:
    """B and W of an arm's mean in each dataset, (B,), and its number of runs."""

    between: FloatArray
    within: FloatArray
    runs: int

    @classmethod
    def of(cls, values: FloatArray, weights: FloatArray) -> Noises:
        """Those of outcomes (B, N, K) under weights (N,)."""
        k = values.shape[2]
        sums = np.einsum("n,bnk->bk", weights, values)
        return cls(
            between=sums.var(axis=1, ddof=1) / k,
            within=values.var(axis=2, ddof=1) @ weights**2 / k,
            runs=k,
        )

    @property
    def excess(self) -> FloatArray:
        """What clustering adds to the variance."""
        excess = self.between - self.within
        return np.where(excess > ROUNDING * self.between, excess, 0.0)


def two_ways(
    sequential: FloatArray,
    iid: FloatArray,
    design: FloatArray | None = None,
    *,
    coupled: bool = False,
    level: float = 0.95,
) -> Intervals:
    """`two_way` of each dataset, outcomes (B, N, K). Raises AssertionError where they differ."""
    n = sequential.shape[1]
    columns = np.ones((n, 1)) if design is None else design
    weights = ols_weights(columns)
    paired = sequential.mean(axis=2) - iid.mean(axis=2)
    residual = paired - (paired @ np.linalg.pinv(columns).T) @ columns.T
    task_dof = n - columns.shape[1]
    v_t = n / task_dof * (residual**2 @ weights**2)
    arms = [sequential - iid] if coupled else [sequential, iid]
    noises = [Noises.of(values, weights) for values in arms]
    v_x = np.sum([noise.excess for noise in noises], axis=0)
    if sequential.shape == iid.shape:
        v_x = np.where((sequential == iid).all(axis=(1, 2)), 0.0, v_x)
    found = _intervals(paired @ weights, (v_t, v_x), task_dof, noises, level)
    for place in range(min(COMPARED, len(sequential))):
        arms_of = sequential[place], iid[place]
        ours = two_way(*arms_of, design, coupled=coupled, level=level)
        assert found.is_like(place, ours), (place, ours)
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
    found = _intervals(estimate, (within, variance - within), spare, noises, 0.95)
    for place in range(min(COMPARED, len(sequential))):
        ours = stream_interval(sequential[place], iid[place], coupled=coupled)
        assert found.is_like(place, ours), (place, ours)
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


def _intervals(
    estimate: FloatArray,
    variances: tuple[FloatArray, FloatArray],
    task_dof: int,
    noises: list[Noises],
    level: float,
) -> Intervals:
    v_t, total = variances[0], variances[0] + variances[1]
    parts = v_t**2 / task_dof
    parts = parts + np.sum([noise.between**2 / (noise.runs - 1) for noise in noises], axis=0)
    least = min(noise.runs for noise in noises) - 1.0
    nu = np.divide(total**2, parts, out=np.full_like(total, least), where=parts > 0.0)
    nu = np.where(total > 0.0, np.maximum(nu, least), task_dof)
    half = stdtrit(nu, 0.5 + level / 2.0) * np.sqrt(total)
    return Intervals(estimate=estimate, low=estimate - half, high=estimate + half)
