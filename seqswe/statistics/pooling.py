"""Over codebases: a mean lift with its spread, and which of several memories are surely better.

The estimand is a codebase, not a task, so every codebase has the same weight. Pooling all tasks,
or a fixed effect, answers for these very codebases only: read as an answer for codebases like
these its interval covers .4 of the time. Sources: the plain t over study means with the variance
floor of the statistical design, second round, section 3; Paule and Mandel (1982) for τ; Higgins
and Thompson (2002) for I²; Higgins, Thompson and Spiegelhalter (2009) for the prediction interval;
Holm (1979), and Mogstad, Romano, Shaikh and Wilhelm (2024) for ranks from sure differences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqswe.statistics.arrays import FloatArray
from seqswe.statistics.multiplicity import holm
from seqswe.statistics.student import t_quantile, t_two_sided

MINIMUM_CODEBASES = 4
"""Under this many codebases nothing is pooled: with two a t interval is ±40 points wide."""
MINIMUM_TESTED = 5
"""Under this many codebases there is no p-value."""
Flags = NDArray[np.bool_]
Ranks = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """A mean over `codebases` with its interval, in the units of the lifts.

    `tau` is the standard deviation of the true lifts between codebases, `i_squared` the share of
    the observed spread that is theirs, in [0, 1]. A new codebase's lift lies in `predicted_low` to
    `predicted_high` in about 90 to 95 % of cases. `p` is None under `MINIMUM_TESTED` codebases.
    """

    estimate: float
    low: float
    high: float
    p: float | None
    se: float
    codebases: int
    tau: float
    i_squared: float
    predicted_low: float
    predicted_high: float
    level: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0.0 or self.high < 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """What is sure about the order of M memories, all statements at once.

    `better` (M, M): whether the row's memory is surely better than the column's. The true ranks
    (1 is best) all lie in `lowest` to `highest` (M,) with the joint level. `tier` (M,) counts from
    1: within a tier no memory is surely better than another.
    """

    better: Flags
    lowest: Ranks
    highest: Ranks
    tier: Ranks


def pool(lifts: ArrayLike, variances: ArrayLike, *, level: float = 0.95) -> Pooled:
    """Return the mean of C codebases' lifts (C,), with the squared standard error of each (C,).

    θ = mean Δ_c, V = max(s²_Δ, mean V_c)/C, θ ± t(C−1)·√V: the floor stands in where so few
    codebases happen to lie close together. The lifts are taken as normal between codebases; where
    they are skewed the interval loses .03 to .06 of its coverage. Raises ValueError under
    `MINIMUM_CODEBASES` codebases, on missing values and on negative variances.
    """
    delta, noise = _checked(lifts, variances)
    count = len(delta)
    mean, se = (float(value) for value in mean_and_se(delta, noise))
    half = float(t_quantile(0.5 + level / 2.0, count - 1)) * se
    tau2 = paule_mandel(delta, noise)
    reach = float(t_quantile(0.5 + level / 2.0, count - 2)) * float(np.sqrt(tau2 + se**2))
    spread = tau2 + float(noise.mean())
    return Pooled(
        estimate=mean,
        low=mean - half,
        high=mean + half,
        p=_p_value(mean, se, count) if count >= MINIMUM_TESTED else None,
        se=se,
        codebases=count,
        tau=float(np.sqrt(tau2)),
        i_squared=tau2 / spread if spread > 0.0 else 0.0,
        predicted_low=mean - reach,
        predicted_high=mean + reach,
        level=level,
    )


def mean_and_se(lifts: FloatArray, variances: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard error over the last axis of lifts (..., C), as `pool` has them."""
    between = np.maximum(lifts.var(axis=-1, ddof=1), variances.mean(axis=-1))
    # Equal lifts differ by rounding alone: that is no spread to divide by.
    rounding = (1e-12 * np.abs(lifts).max(axis=-1)) ** 2
    between = np.where(between > rounding, between, 0.0)
    return lifts.mean(axis=-1), np.sqrt(between / lifts.shape[-1])


def paule_mandel(lifts: FloatArray, variances: FloatArray) -> float:
    """Return τ², the variance of true lifts between codebases, lifts and variances (C,).

    It solves Σ (Δ_c − m)²/(V_c + τ²) = C − 1 with m the mean weighted by 1/(V_c + τ²), and is 0
    where the spread is no more than the codebases' own noise. Source: Paule and Mandel (1982).
    """
    from scipy.optimize import brentq

    squares = float(((lifts - lifts.mean()) ** 2).sum())
    # Rounding is no spread, and a codebase without noise of its own would be divided by.
    least = 1e-12 * max(squares, float(variances.max()))
    if squares <= least or _excess(least, lifts, variances) <= 0.0:
        return 0.0
    # At τ² = Σ(Δ − mean)² the sum is at most 1, which is below C − 1.
    return float(brentq(_excess, least, squares, args=(lifts, variances)))


def standings(differences: ArrayLike, p_values: ArrayLike, *, level: float = 0.95) -> Standings:
    """Return what is sure about the order of M memories, from every pair of them.

    `differences` (M, M) holds row − column, better above zero; `p_values` (M, M) is NaN where a
    pair has none, and such a pair is never sure. Only what stands above the diagonal is read.
    Holm over all pairs makes the differences sure jointly; rank m then lies in
    [1 + #surely better, M − #surely worse]. Raises ValueError unless both are square and alike.
    """
    gaps, p = np.asarray(differences, dtype=np.float64), np.asarray(p_values, dtype=np.float64)
    if gaps.ndim != 2 or gaps.shape[0] != gaps.shape[1] or gaps.shape != p.shape:
        raise ValueError(f"Shapes {gaps.shape} and {p.shape}: give one square (M, M) of each.")
    better = np.zeros(gaps.shape, dtype=np.bool_)
    rows, columns = np.triu_indices(len(gaps), k=1)
    tested = np.isfinite(p[rows, columns])
    rows, columns = rows[tested], columns[tested]
    sure = holm(p[rows, columns]) <= 1.0 - level
    for i, j in zip(rows[sure], columns[sure], strict=True):
        better[(i, j) if gaps[i, j] > 0.0 else (j, i)] = True
    return Standings(
        better=better,
        lowest=1 + better.sum(axis=0),
        highest=len(gaps) - better.sum(axis=1),
        tier=_tiers(better),
    )


def _checked(lifts: ArrayLike, variances: ArrayLike) -> tuple[FloatArray, FloatArray]:
    delta: FloatArray = np.asarray(lifts, dtype=np.float64)
    noise: FloatArray = np.asarray(variances, dtype=np.float64)
    if delta.ndim != 1 or delta.shape != noise.shape:
        raise ValueError(f"Shapes {delta.shape} and {noise.shape}: give one variance per lift.")
    if len(delta) < MINIMUM_CODEBASES:
        raise ValueError(
            f"{len(delta)} codebases: list their lifts, and pool from {MINIMUM_CODEBASES} on."
        )
    if not np.isfinite([delta, noise]).all() or (noise < 0.0).any():
        raise ValueError("Lifts must be finite and variances zero or more: leave gaps out.")
    return delta, noise


def _excess(tau2: float, lifts: FloatArray, variances: FloatArray) -> float:
    weights = 1.0 / (variances + tau2)
    mean = weights @ lifts / weights.sum()
    return float(weights @ (lifts - mean) ** 2) - (len(lifts) - 1.0)


def _p_value(mean: float, se: float, count: int) -> float:
    if se > 0.0:
        return t_two_sided(mean / se, count - 1)
    # No spread at all: t does not exist, so the sign test over the equal lifts answers.
    return 1.0 if mean == 0.0 else 2.0 ** (1 - count)


def _tiers(better: Flags) -> Ranks:
    """The first tier holds those whom nobody surely beats, the next those whom only it does …"""
    tier: Ranks = np.zeros(len(better), dtype=np.int64)
    number = 0
    while (left := tier == 0).any():
        number += 1
        beaten = better[left].any(axis=0)
        # Pairs may rest on different codebases, so they could go round in a circle.
        free = left & ~beaten if (left & ~beaten).any() else left
        tier[free] = number
    return tier
