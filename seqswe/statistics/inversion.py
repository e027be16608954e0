"""Which values of one parameter the lift is compatible with, where no slope can say it.

A model D_i = c + b·g(i; θ) has its θ in a curve: when a lift levels off, how fast a lesson fades.
Its interval is made by inverting tests. θ is refused if the shape of a smaller or of a larger
parameter, added to its own, gets a positive coefficient: each of the two a one-sided 2W contrast
at half the error, so the interval carries the noise of tasks and of runs. It is valid where b is
small or 0, where nothing is refused and an end stays open; a least-squares fit with its standard
error would name a number there. Sources: the added-regressor test of Davidson and MacKinnon
(1981); inverting tests against weak identification, Anderson and Rubin (1949).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import FloatArray, Mask, same_tasks, task_means
from seqswe.statistics.clusters import ROUNDING, curve_noise
from seqswe.statistics.student import t_quantile
from seqswe.statistics.twoway import clusters_of, difference

Shape = Callable[[FloatArray], FloatArray]
"""g(·; θ) at every task, (G, N), of values of θ (G, 1)."""
SINGULAR = 1e-6
"""A column of which the others explain all but this part says the same twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Values of θ, ascending, each with a smaller and a larger one that it is tried against.

    (G,) each; NaN where there is nothing to try against.
    """

    values: FloatArray
    smaller: FloatArray
    larger: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Compatible:
    """The values of θ that are not refused lie between `low` and `high`, which are refused.

    An end is None, open, where the last candidate on its side is not refused, or only an infinite
    one is. `estimate` fits best of what is not refused (least squares, b > 0); None where nothing
    with b > 0 does. Where all are refused, everything is None.
    """

    estimate: float | None
    low: float | None
    high: float | None


def invert(
    sequential: ArrayLike,
    iid: ArrayLike,
    shape: Shape,
    candidates: Candidates,
    *,
    coupled: bool = False,
    level: float = 0.95,
) -> Compatible:
    """Return which candidates (N, K1) − (N, K0) is compatible with; see the module.

    Raises ValueError on bad shapes and on a task or a run without any outcome.
    """
    trial = _Trial.of(sequential, iid, coupled=coupled, level=level)
    below = trial.refuses(shape, candidates.values, candidates.smaller)
    above = trial.refuses(shape, candidates.values, candidates.larger)
    kept = np.flatnonzero(~(below | above))
    if not kept.size:
        return Compatible(estimate=None, low=None, high=None)
    first, last, values = int(kept[0]), int(kept[-1]), candidates.values
    return Compatible(
        estimate=trial.best(shape, values[first : last + 1]),
        low=None if first == 0 else float(values[first - 1]),
        high=_finite(values[last + 1]) if last + 1 < len(values) else None,
    )


def _finite(value: float) -> float | None:
    return float(value) if isfinite(value) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """The paired lift D (N,), the clusters behind it, and the level of its intervals."""

    lift: FloatArray
    clusters: tuple[FloatArray, ...]
    level: float

    @classmethod
    def of(cls, sequential: ArrayLike, iid: ArrayLike, *, coupled: bool, level: float) -> _Trial:
        arms = difference(sequential, iid)
        n = same_tasks(*(arm.values for arm in arms))
        clusters = clusters_of(arms, coupled=coupled)
        lift = sum((arm.factor * task_means(arm.values) for arm in clusters), start=np.zeros(n))
        values = tuple(arm.values for arm in clusters)
        return cls(lift=lift, clusters=values, level=level)

    def refuses(self, shape: Shape, values: FloatArray, others: FloatArray) -> Mask:
        """Which of `values` (G,) another's shape adds to with a positive coefficient."""
        tried = ~np.isnan(others)
        refused: Mask = np.zeros(len(values), dtype=np.bool_)
        own, other = (shape(each[tried, np.newaxis]) for each in (values, others))
        refused[tried] = self.lowest(own, other) > 0.0
        return refused

    def lowest(self, own: FloatArray, other: FloatArray) -> FloatArray:
        """The lower ends (G,) of the coefficient of `other` beside 1 and `own`, (G, N) each.

        What `two_way` has for a design of the three; −∞ where two of them say the same. By the
        theorem of Frisch and Waugh: the columns' means and then `own` are taken out of `other`.
        """
        n = len(self.lift)
        own, other, lift = _centred(own), _centred(other), _centred(self.lift)
        left = other - own * _share(other, own)
        size = np.sum(left**2, axis=1)
        sound = size > SINGULAR * np.sum(other**2, axis=1)
        rows = left / np.where(sound, size, 1.0)[:, np.newaxis]
        estimate = rows @ lift
        residual = lift - own * _share(lift, own) - left * estimate[:, np.newaxis]
        v_t = n / (n - 3) * np.sum((rows * residual) ** 2, axis=1)
        variance, parts, least = v_t.copy(), v_t**2 / (n - 3), float(n - 3)
        for values in (v for v in self.clusters if v.shape[1] > 1):
            noise = curve_noise(values, rows)
            variance += noise.excess
            parts += noise.between**2 / (values.shape[1] - 1)
            least = min(least, values.shape[1] - 1.0)
        nu = np.divide(variance**2, parts, out=np.full_like(v_t, least), where=parts > 0.0)
        half = t_quantile(0.5 + self.level / 2.0, np.maximum(nu, least)) * np.sqrt(variance)
        # What is left of a lift that another column fits exactly is rounding, and says nothing.
        sound &= np.abs(estimate) * np.sqrt(size) > ROUNDING * np.linalg.norm(lift)
        lowest: FloatArray = np.where(sound, estimate - half, -np.inf)
        return lowest

    def best(self, shape: Shape, values: FloatArray) -> float | None:
        """Which fits best with a positive coefficient; None if none has one."""
        columns = _centred(shape(values[:, np.newaxis]))
        covered, size = columns @ self.lift, np.sum(columns**2, axis=1)
        gain = np.divide(covered**2, size, out=np.zeros_like(size), where=size > 0.0)
        gain[covered <= 0.0] = 0.0
        best = int(np.argmax(gain))
        return float(values[best]) if gain[best] > 0.0 else None


def _centred(values: FloatArray) -> FloatArray:
    centred: FloatArray = values - values.mean(axis=-1, keepdims=True)
    return centred


def _share(values: FloatArray, columns: FloatArray) -> FloatArray:
    """The coefficient (G, 1) of each column (G, N) in values (N,) or (G, N); 0 of a zero one."""
    size = np.sum(columns**2, axis=1, keepdims=True)
    covered = np.sum(values * columns, axis=1, keepdims=True)
    share: FloatArray = np.divide(covered, size, out=np.zeros_like(size), where=size > 0.0)
    return share
