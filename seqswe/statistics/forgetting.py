"""What is lost where the code changes under a memory: the lift after events less that before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqswe.statistics.arrays import as_outcomes, drop_missing, same_tasks
from seqswe.statistics.twoway import Estimate, two_way

WINDOW = 20
"""Tasks on either side of an event that are compared, at most."""
LEAST = 5
"""And at least: an event with fewer on a side is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterEvents:
    """Mean lift after events − before them, and how many of how many events carry it."""

    difference: Estimate
    events: int
    window: int
    """Tasks compared on either side, of the event with the most."""


def after_events(
    sequential: ArrayLike, iid: ArrayLike, events: Sequence[int], *, coupled: bool = False
) -> AfterEvents | None:
    """Return the lift of up to `WINDOW` tasks from each event on less that of as many before it.

    `events` are rows of (N, K1) and (N, K0), the first task after each, ascending. Windows of two
    events do not overlap: they meet half of the way. Every event has a level of its own, so the
    difference is that within events: the coefficient of `after` in D = level + b·after, a 2W
    contrast over the tasks in windows. None where no event has `LEAST` tasks on both sides. Source:
    the statistical design, second round, section 7. Raises ValueError as `two_way` does.
    """
    y1, y0 = as_outcomes(sequential, "sequential"), as_outcomes(iid, "iid")
    sides = _sides(events, same_tasks(y1, y0))
    if not sides:
        return None
    rows = np.concatenate([np.arange(at - width, at + width) for at, width in sides])
    levels = np.zeros((len(rows), len(sides)))
    for number, (at, width) in enumerate(sides):
        levels[np.abs(rows + 0.5 - at) < width, number] = 1.0
    later = np.concatenate([np.repeat([0.0, 1.0], width) for _, width in sides])
    # A run that has none of these tasks is no cluster of theirs.
    (first, second), _ = drop_missing(y1[rows], y0[rows], coupled=coupled)
    estimate = two_way(first, second, np.column_stack([levels, later]), coupled=coupled)
    return AfterEvents(
        difference=replace(estimate, p=None),  # it describes
        events=len(sides),
        window=max(width for _, width in sides),
    )


def _sides(events: Sequence[int], n: int) -> list[tuple[int, int]]:
    """Each event with the tasks on either side of it that are compared, if they are enough."""
    places: NDArray[np.int64] = np.unique(np.asarray(events, dtype=np.int64))
    sides = []
    for number, at in enumerate(places):
        before = at if number == 0 else (at - places[number - 1]) // 2
        after = n - at if number == len(places) - 1 else (places[number + 1] - at) // 2
        width = int(min(WINDOW, before, after))
        if width >= LEAST:
            sides.append((int(at), width))
    return sides
