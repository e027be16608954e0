"""What stands beside every lift: how noisy the arms were and whether the batch held still."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import FloatArray, as_outcomes, same_tasks, task_means
from seqswe.statistics.clusters import run_noise
from seqswe.statistics.student import f_upper_tail

ALARM = 0.01
"""Runs of a baseline that are as far apart by chance less often than this are said to differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmNoise:
    """One arm's noise; every field is None where the runs cannot tell (K = 1, no spread).

    `icc`: share of the variance that lies between tasks. `deff_run` = s_R²/s_W²: near 1 in an IID
    arm, unless seeds have luck of their own or the batch drifted; `run_p` is the p-value of the F
    test of that. `sigma_run`: standard deviation between runs beyond what tasks explain, in the
    outcome's units. `deterministic`: all runs gave the same outcomes.
    """

    icc: float | None
    deff_run: float | None
    sigma_run: float | None
    deterministic: bool | None
    run_p: float | None = None

    @property
    def runs_differ(self) -> bool:
        """Whether the runs surely differ by more than their tasks explain."""
        return self.run_p is not None and self.run_p < ALARM


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

    Raises ValueError on bad shapes, or a task or a run without any outcome.
    """
    y1, y0 = as_outcomes(sequential, "sequential"), as_outcomes(iid, "iid")
    n = same_tasks(y1, y0)
    difference = task_means(y1) - task_means(y0)
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
        sigma_run=float(np.sqrt(noise.excess * noise.runs)),
        deterministic=bool((np.nanmin(y, axis=1) == np.nanmax(y, axis=1)).all()),
        run_p=run_effect_p(y),
    )


def run_effect_p(values: ArrayLike) -> float | None:
    """Return the p-value of the F test that runs differ no more than tasks explain, (N, K).

    F = s_R²/s_W² with K − 1 degrees of freedom above; those below are Satterthwaite's over the
    variances v_i of the tasks' means, (Σ v)² / Σ v²/(n_i + 1), as v_i² is 1 + 2/(n_i − 1) times too
    large on average. None where the tasks show no spread between runs.
    """
    y = as_outcomes(values, "values")
    noise = run_noise(y, np.full(len(y), 1.0 / len(y)))
    if noise.within == 0.0 or noise.runs <= 1.0:
        return None
    counts, variance = _spread_within(y)
    v = variance / counts
    below = float(v.sum() ** 2 / np.sum(v**2 / (counts + 1)))
    return f_upper_tail(max(0.0, noise.between) / noise.within, noise.runs - 1.0, below)


def intraclass_correlation(values: ArrayLike) -> float | None:
    """Return ICC(1) of `values` (N, K), tasks as groups; None at K = 1, N = 1 or without spread.

    Where rollouts are missing, K is the mean number of runs of a task. Source: Shrout and Fleiss
    (1979), one-way random effects.
    """
    y = as_outcomes(values, "values")
    if 1 in y.shape:
        return None
    counts, variance = _spread_within(y)
    k = float(counts.mean())
    between = k * float(task_means(y).var(ddof=1))
    within = float(variance[counts > 1].mean()) if (counts > 1).any() else 0.0
    total = between + (k - 1) * within
    return (between - within) / total if total > 0.0 else None


def lag_one(series: FloatArray) -> float | None:
    """Return the lag-1 autocorrelation of a series (N,); None under three values or no spread."""
    centred = series - series.mean()
    spread = float(centred @ centred)
    if len(series) < 3 or spread <= 1e-18 * len(series):
        return None
    return float(centred[1:] @ centred[:-1]) / spread


def _spread_within(y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How many runs each task has, and the variance between them (0 with one), both (N,)."""
    there = np.isfinite(y)
    counts = there.sum(axis=1).astype(np.float64)
    residual = np.where(there, y - task_means(y)[:, np.newaxis], 0.0)
    return counts, np.sum(residual**2, axis=1) / np.maximum(1.0, counts - 1.0)
