"""Which tasks flipped between two sides: the names behind a difference.

One task says little: tasks flip by luck too. What is sure is said of all of them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqswe.outcome import Outcome
from seqswe.statistics.arrays import FloatArray, task_means

MAJORITY = 0.5
"""A task is solved where more than this share of its seeds solved it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One task that changed: its number in the sequence, from 1, and the mean of its seeds."""

    number: int
    instance_id: str
    base: float
    head: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """The tasks that got worse and those that got better, in the order of the sequence."""

    lost: tuple[Flip, ...] = ()
    won: tuple[Flip, ...] = ()
    by_majority: bool = True
    """Whether a task counts as solved or not; else each task whose mean changed is here, the
    largest change first."""


def flips(ids: Sequence[str], base: FloatArray, head: FloatArray, outcome: Outcome) -> Flips:
    """The tasks that flipped, of outcomes (tasks, seeds) with NaN where there is none.

    Yes or no: most seeds solved it on one side and not on the other. Other outcomes: the means of
    its seeds differ. A task without an outcome on one side did not flip.
    """
    there = np.isfinite(base).any(axis=1) & np.isfinite(head).any(axis=1)
    rows = np.flatnonzero(there)
    before, after = task_means(base[rows]), task_means(head[rows])
    known = np.concatenate([values[np.isfinite(values)] for values in (base[rows], head[rows])])
    by_majority = outcome.percent or (
        outcome.kind == "share" and bool(np.isin(known, (0.0, 1.0)).all())
    )
    change = after - before
    if by_majority:
        change = (after > MAJORITY).astype(np.float64) - (before > MAJORITY)
    better = change if outcome.better == "higher" else -change
    made = [
        Flip(number=int(row) + 1, instance_id=ids[int(row)], base=float(b), head=float(h))
        for row, b, h in zip(rows, before, after, strict=True)
    ]
    order = list(range(len(made)))
    if not by_majority:
        order.sort(key=lambda i: -abs(change[i]))
    return Flips(
        lost=tuple(made[i] for i in order if better[i] < 0),
        won=tuple(made[i] for i in order if better[i] > 0),
        by_majority=by_majority,
    )
