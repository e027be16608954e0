"""The 2W interval of many complete datasets at once, for simulations.

A twin of `two_way`, whose results it gives to rounding (tests and the calibration suite compare
them): one call for thousands of datasets in place of one for each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqswe.statistics.arrays import FloatArray
from seqswe.statistics.clusters import ROUNDING
from seqswe.statistics.student import t_quantile
from seqswe.statistics.twoway import ols_weights


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Noises:
    """B and W of an arm's mean in each dataset, (B,), and its number of runs; see `RunNoise`."""

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
    """`two_way` of each dataset: outcomes (B, N, K1) and (B, N, K0), two runs of each or more."""
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
    return intervals(paired @ weights, (v_t, v_x), task_dof, noises, level)


def intervals(
    estimate: FloatArray,
    variances: tuple[FloatArray, FloatArray],
    task_dof: int,
    noises: list[Noises],
    level: float,
) -> Intervals:
    """Intervals around `estimate` (B,) of variance V_T + V_X, with Satterthwaite's ν."""
    v_t, total = variances[0], variances[0] + variances[1]
    parts = v_t**2 / task_dof
    parts = parts + np.sum([noise.between**2 / (noise.runs - 1) for noise in noises], axis=0)
    least = min(noise.runs for noise in noises) - 1.0
    nu = np.divide(total**2, parts, out=np.full_like(total, least), where=parts > 0.0)
    nu = np.where(total > 0.0, np.maximum(nu, least), task_dof)
    half = t_quantile(0.5 + level / 2.0, nu) * np.sqrt(total)
    return Intervals(estimate=estimate, low=estimate - half, high=estimate + half)
