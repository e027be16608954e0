"""Before against after a date: is a model better at its past than the tasks' difficulty explains?

C = [y(before) - y(after)] - [h(before) - h(after)], where y is the i.i.d. arm's outcome and h the
same tasks' difficulty, as one that knows no past meets it. Two ways to take h off: another agent's
outcome on the same scale, whose factor is 1 (a difference of differences); or a covariate such as
the size of the fix, whose factor is estimated (analysis of covariance).

The groups are other tasks, so the variance is Welch's: each side's spread between tasks over its
number. Runs that are better at one side as a whole add to it, as far as they differ by more than
their tasks' own noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqswe.statistics.arrays import FloatArray, as_outcomes
from seqswe.statistics.student import t_quantile

FEWEST = 5
"""Tasks on either side under which nothing is estimated."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class CutoffSplit:
    """C with its interval, and the two differences it is made of."""

    estimate: float
    low: float
    high: float
    raw: float
    """y(before) - y(after)."""
    explained: float
    """What difficulty explains of it."""
    se: float
    dof: float
    before: int
    after: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0.0 or self.high < 0.0


def split_by_control(
    values: ArrayLike, control: ArrayLike, before: ArrayLike, *, level: float = 0.95
) -> CutoffSplit:
    """C with another agent's outcome as difficulty: `values` (N, K), `control` (N, L).

    before: (N,) whether each task is older than the cutoff. Raises ValueError on bad shapes,
    missing values, or fewer than `FEWEST` tasks on either side.
    """
    y, h = as_outcomes(values, "values"), as_outcomes(control, "control")
    mask = _mask(before, len(y), len(h))
    raw, explained = _difference(y.mean(axis=1), mask), _difference(h.mean(axis=1), mask)
    left = y.mean(axis=1) - h.mean(axis=1)
    parts = [left[side].var(ddof=1) / side.sum() for side in (mask, ~mask)]
    tasks = float(sum(parts))
    welch = sum(p * p / (side.sum() - 1) for p, side in zip(parts, (mask, ~mask), strict=True))
    noises = [run_excess(each, mask) for each in (y, h)]
    return _split(raw, explained, _Noise(tasks, float(welch), tuple(noises)), mask, level)


def split_by_covariate(
    values: ArrayLike, covariate: ArrayLike, before: ArrayLike, *, level: float = 0.95
) -> CutoffSplit:
    """C with a covariate (N,) as difficulty, whose slope is the same on both sides.

    Raises ValueError as `split_by_control` does. A covariate that is constant explains nothing.
    """
    y, x = as_outcomes(values, "values"), np.asarray(covariate, dtype=float)
    mask = _mask(before, len(y), len(x))
    if not np.isfinite(x).all():
        raise ValueError("covariate has missing values")
    means, centred = y.mean(axis=1), _centred(x, mask)
    spread, gap = float(centred @ centred), _difference(x, mask)
    slope = float(centred @ means) / spread if spread > 0 else 0.0
    residual = _centred(means, mask) - slope * centred
    dof = len(x) - 2 - (spread > 0)
    parts = [1 / mask.sum(), 1 / (~mask).sum(), gap * gap / spread if spread > 0 else 0.0]
    tasks = float(residual @ residual) / dof * float(sum(parts))
    noise = _Noise(tasks, tasks * tasks / dof, (run_excess(y, mask),))
    return _split(_difference(means, mask), slope * gap, noise, mask, level)


def run_excess(values: FloatArray, before: Mask) -> tuple[float, int]:
    """What whole runs add to the variance of before - after, and their degrees of freedom.

    Each run has a difference of its own. Where tasks are drawn independently in every run, these
    differ by the tasks' noise within runs alone; what they differ by beyond that is the runs'.
    """
    runs = values.shape[1]
    if runs < 2:
        return 0.0, 0
    each = [_difference(values[:, k], before) for k in range(runs)]
    within = sum(
        float(values[side].var(axis=1, ddof=1).sum()) / int(side.sum()) ** 2
        for side in (before, ~before)
    )
    return max(0.0, float(np.var(each, ddof=1)) - within) / runs, runs - 1


@dataclass(frozen=True, slots=True)
class _Noise:
    """Variance between tasks, that variance's square over its freedom, and each arm's of runs."""

    tasks: float
    square: float
    runs: tuple[tuple[float, int], ...]


def _split(raw: float, explained: float, noise: _Noise, mask: Mask, level: float) -> CutoffSplit:
    """Satterthwaite's degrees of freedom over all parts."""
    variance = noise.tasks + sum(excess for excess, _ in noise.runs)
    squares = noise.square + sum(e * e / dof for e, dof in noise.runs if dof)
    dof = variance * variance / squares if squares > 0 else inf
    se, estimate = sqrt(variance), raw - explained
    half = se * float(t_quantile(0.5 + level / 2, dof)) if se > 0 else 0.0
    return CutoffSplit(
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        raw=raw,
        explained=explained,
        se=se,
        dof=dof,
        before=int(mask.sum()),
        after=int((~mask).sum()),
    )


def _mask(before: ArrayLike, *lengths: int) -> Mask:
    mask = np.asarray(before, dtype=bool)
    if mask.ndim != 1 or any(length != len(mask) for length in lengths):
        raise ValueError("values, difficulty and dates are not of the same tasks")
    if min(mask.sum(), (~mask).sum()) < FEWEST:
        raise ValueError(f"fewer than {FEWEST} tasks on one side of the cutoff")
    return mask


def _difference(values: FloatArray, before: Mask) -> float:
    return float(values[before].mean() - values[~before].mean())


def _centred(values: FloatArray, before: Mask) -> FloatArray:
    """Each value less the mean of its own side."""
    means: FloatArray = np.where(before, values[before].mean(), values[~before].mean())
    return values - means
