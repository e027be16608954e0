"""What enters the statistics: checked arrays of outcomes, tasks down and runs across.

A rollout without an outcome is NaN. It is left out by itself: the mean of its task is over the runs
that there are (available cases), so that one broken run costs its own rollouts and no others.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]


def as_outcomes(values: ArrayLike, name: str) -> FloatArray:
    """Return `values` as floats of shape (N, K): N tasks in sequence order, K runs.

    A flat array of length N is one run; NaN is a missing outcome. Raises ValueError on another
    shape, on an empty array, on infinite values, and on a task or a run without any outcome
    (`drop_missing` takes those out of all arms).
    """
    array = _columns(values)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"{name} has shape {array.shape}: pass (tasks, runs), at least one of each."
        )
    if np.isinf(array).any():
        raise ValueError(f"{name} has infinite outcomes: leave them out as NaN.")
    there = np.isfinite(array)
    if not (there.any(axis=1).all() and there.any(axis=0).all()):
        raise ValueError(
            f"{name} has a task or a run without any outcome: retry those rollouts, or take them "
            "out of every arm with drop_missing() and report how many tasks that were."
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


def task_means(values: FloatArray) -> FloatArray:
    """Return the mean of each task (N,) over the runs that have an outcome, `values` (N, K)."""
    there = np.isfinite(values)
    means: FloatArray = np.where(there, values, 0.0).sum(axis=1) / there.sum(axis=1)
    return means


def shared_tasks(*arms: ArrayLike, coupled: bool = False) -> Mask:
    """Return which tasks (N,) have an outcome in every arm; none where an arm has no outcome.

    With `coupled` the outcome must be of one and the same run in all arms. Raises ValueError when
    the arms differ in length, or coupled ones in their number of runs.
    """
    arrays = _aligned(arms, coupled=coupled)
    mask: Mask = np.ones(same_tasks(*arrays), dtype=bool)
    for array in arrays:
        mask &= np.isfinite(array).any(axis=1)
    return mask


def drop_missing(*arms: ArrayLike, coupled: bool = False) -> tuple[tuple[FloatArray, ...], int]:
    """Drop every task (row) that some arm has no outcome of; return the arms and the count.

    Runs (columns) without any outcome are dropped too. Dropping tasks from all arms keeps the
    comparison paired; the count belongs in the report. With `coupled`, runs are paired as well: a
    rollout whose partner in another arm is missing becomes NaN, and so a run that one arm lacks is
    dropped from all. Raises ValueError as `shared_tasks` does, and when nothing is left.
    """
    arrays = _aligned(arms, coupled=coupled)
    mask = shared_tasks(*arrays)
    if not mask.any():
        raise ValueError("Every task misses an outcome in some arm: nothing is left to compare.")
    kept = [array[mask] for array in arrays]
    begun = [array[:, np.isfinite(array).any(axis=0)] for array in kept]
    return tuple(begun), int(len(mask) - mask.sum())


def on_shared_tasks(
    *arms: ArrayLike, coupled: bool = False, fewest: int = 2
) -> tuple[FloatArray, ...] | None:
    """Return the arms as `drop_missing` does; None under `fewest` tasks. Raises as it does."""
    if shared_tasks(*arms, coupled=coupled).sum() < fewest:
        return None
    return drop_missing(*arms, coupled=coupled)[0]


def paired_runs(*arms: FloatArray) -> int:
    """Return K, the runs of arms that are paired by seed; ValueError when they have not the same.

    Column k must be the same seed in each arm.
    """
    counts = {arm.shape[1] for arm in arms}
    if len(counts) != 1:
        raise ValueError(
            f"The arms have {sorted(counts)} runs: coupled arms are paired by seed, so pass the "
            "same seeds in the same order in each."
        )
    return int(arms[0].shape[1])


def _aligned(arms: tuple[ArrayLike, ...], *, coupled: bool) -> tuple[FloatArray, ...]:
    arrays = tuple(_columns(arm) for arm in arms)
    same_tasks(*arrays)
    if not coupled:
        return arrays
    paired_runs(*arrays)
    whole = np.isfinite(np.stack(arrays)).all(axis=0)
    return tuple(np.where(whole, array, np.nan) for array in arrays)


def _columns(values: ArrayLike) -> FloatArray:
    array: FloatArray = np.asarray(values, dtype=np.float64)
    return array[:, np.newaxis] if array.ndim == 1 else array
