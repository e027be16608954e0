"""What enters the statistics: checked arrays of outcomes, tasks down and runs across."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]


def as_outcomes(values: ArrayLike, name: str) -> FloatArray:
    """Return `values` as floats of shape (N, K): N tasks in sequence order, K runs.

    A flat array of length N is one run. Raises ValueError on another shape, on an empty array and
    on values that are missing or infinite (`drop_missing` takes those tasks out of both arms).
    """
    array = _columns(values)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"{name} has shape {array.shape}: pass (tasks, runs), at least one of each."
        )
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name} has missing or infinite outcomes: retry those rollouts, or take their tasks "
            "out of every arm with drop_missing() and report how many."
        )
    return array


def as_positive(values: ArrayLike, name: str) -> FloatArray:
    """Like `as_outcomes`, for costs, tokens, steps and seconds: ValueError unless all are > 0."""
    array = as_outcomes(values, name)
    if (array <= 0).any():
        raise ValueError(
            f"{name} has costs of zero or less: their logarithm does not exist. "
            "Leave the outcome out, or compare its mean with two_way()."
        )
    return array


def same_tasks(*arms: FloatArray) -> int:
    """Return N, the number of tasks; ValueError when the arms do not hold the same number."""
    counts = {len(arm) for arm in arms}
    if len(counts) != 1:
        raise ValueError(
            f"The arms hold {sorted(counts)} tasks: pair them by task, one row per task in each."
        )
    return counts.pop()


def drop_missing(*arms: ArrayLike) -> tuple[tuple[FloatArray, ...], int]:
    """Drop every task (row) that is NaN in any run of any arm; return the arms and the count.

    Dropping from all arms keeps the comparison paired; the count belongs in the report.
    Raises ValueError when the arms differ in length or nothing is left.
    """
    arrays = [_columns(arm) for arm in arms]
    n = same_tasks(*arrays)
    whole: NDArray[np.bool_] = np.ones(n, dtype=bool)
    for array in arrays:
        whole &= np.isfinite(array).all(axis=1)
    if not whole.any():
        raise ValueError("Every task misses an outcome in some arm: nothing is left to compare.")
    return tuple(array[whole] for array in arrays), int(n - whole.sum())


def _columns(values: ArrayLike) -> FloatArray:
    array: FloatArray = np.asarray(values, dtype=np.float64)
    return array[:, np.newaxis] if array.ndim == 1 else array
