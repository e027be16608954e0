"""What stands beside every lift: how noisy the arms were and whether the batch held still."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import FloatArray, as_outcomes, same_tasks
from seqswe.statistics.twoway import run_noise


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmNoise:
    """One arm's noise; every field is None where the runs cannot tell (K = 1, no spread).

    `icc`: share of the variance that lies between tasks. `deff_run` = s_R²/s_W²: near 1 in an IID
    arm, or else the batch drifted. `sigma_run`: standard deviation between runs beyond what tasks
    explain, in the outcome's units. `deterministic`: all runs gave the same outcomes.
    """

    icc: float | None
    deff_run: float | None
    sigma_run: float | None
    deterministic: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """Printed with every comparison; `autocorrelation` is the lag-1 of the paired differences."""

    n: int
    k1: int
    k0: int
    missing: int
    sequential: ArmNoise
    iid: ArmNoise
    autocorrelation: float | None
    wins: int
    losses: int
    ties: int


def diagnose(sequential: ArrayLike, iid: ArrayLike, *, missing: int = 0) -> Diagnostics:
    """Return the diagnostics of two arms (N, K1) and (N, K0); `missing` tasks were dropped.

    Raises ValueError on bad shapes or missing values.
    """
    y1, y0 = as_outcomes(sequential, "sequential"), as_outcomes(iid, "iid")
    n = same_tasks(y1, y0)
    difference = y1.mean(axis=1) - y0.mean(axis=1)
    tied = np.isclose(difference, 0.0, atol=1e-12)
    return Diagnostics(
        n=n,
        k1=y1.shape[1],
        k0=y0.shape[1],
        missing=missing,
        sequential=arm_noise(y1),
        iid=arm_noise(y0),
        autocorrelation=lag_one(difference),
        wins=int(np.sum((difference > 0) & ~tied)),
        losses=int(np.sum((difference < 0) & ~tied)),
        ties=int(tied.sum()),
    )


def arm_noise(values: ArrayLike) -> ArmNoise:
    """Return the noise of one arm, `values` (N, K). Raises ValueError as `as_outcomes` does."""
    y = as_outcomes(values, "values")
    n, k = y.shape
    if k == 1:
        return ArmNoise(icc=None, deff_run=None, sigma_run=None, deterministic=None)
    noise = run_noise(y, np.full(n, 1.0 / n))
    return ArmNoise(
        icc=intraclass_correlation(y),
        deff_run=noise.between / noise.within if noise.within > 0.0 else None,
        sigma_run=float(np.sqrt(max(0.0, noise.between - noise.within))),
        deterministic=bool((y == y[:, :1]).all()),
    )


def intraclass_correlation(values: ArrayLike) -> float | None:
    """Return ICC(1) of `values` (N, K), tasks as groups; None at K = 1, N = 1 or without spread.

    Source: Shrout and Fleiss (1979), one-way random effects.
    """
    y = as_outcomes(values, "values")
    n, k = y.shape
    if k == 1 or n == 1:
        return None
    between = k * float(y.mean(axis=1).var(ddof=1))
    within = float(y.var(axis=1, ddof=1).mean())
    total = between + (k - 1) * within
    return (between - within) / total if total > 0.0 else None


def lag_one(series: FloatArray) -> float | None:
    """Return the lag-1 autocorrelation of a series (N,); None under three values or no spread."""
    centred = series - series.mean()
    spread = float(centred @ centred)
    if len(series) < 3 or spread <= 1e-18 * len(series):
        return None
    return float(centred[1:] @ centred[:-1]) / spread
