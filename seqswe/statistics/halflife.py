"""How fast a lesson fades: the half-life of the lift in the age of the lesson most like a task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import FloatArray, Mask, as_outcomes, same_tasks
from seqswe.statistics.inversion import Candidates, Compatible, invert

LEAST = 5
"""Tasks with a younger and with an older lesson than the median's, at least."""
CANDIDATES = 24
APART = 4.0
"""A half-life is tried against one so many times shorter, and one so many times longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """For each task, (N,), the earlier one most like it: how alike, in [0, 1], and how long ago.

    `age` counts tasks; where nothing earlier is alike, similarity and age are 0.
    """

    similarity: FloatArray
    age: FloatArray

    @classmethod
    def of(cls, files: Sequence[Collection[str]]) -> Lessons:
        """From the files that each task's true fix changes, in order: Jaccard's index.

        Of lessons that are equally alike the latest counts.
        """
        sets = [frozenset(each) for each in files]
        similarity, age = np.zeros(len(sets)), np.zeros(len(sets))
        latest: dict[frozenset[str], int] = {}
        """Of each set of files, the last task that had it: no earlier one can count."""
        by_file: defaultdict[str, set[frozenset[str]]] = defaultdict(set)
        """Which sets hold a file: no other is alike, and most hold none of a task's files."""
        for i, mine in enumerate(sets):
            for theirs in set().union(*(by_file[file] for file in mine)):
                alike, j = len(mine & theirs) / len(mine | theirs), latest[theirs]
                if (alike, j) > (similarity[i], i - age[i]):
                    similarity[i], age[i] = alike, i - j
            for file in mine:
                by_file[file].add(mine)
            latest[mine] = i
        return cls(similarity=similarity, age=age)

    def only(self, kept: Mask) -> Lessons:
        """Those of some of the tasks, (N,) flags."""
        return Lessons(similarity=self.similarity[kept], age=self.age[kept])

    @property
    def spread(self) -> bool:
        """Whether enough tasks have a lesson, and their ages differ enough, to see it fade."""
        age = self.age[self.similarity > 0.0]
        if len(age) < 2 * LEAST:
            return False
        young = int(np.sum(age <= np.median(age)))
        return LEAST <= young <= len(age) - LEAST


def half_life(
    sequential: ArrayLike, iid: ArrayLike, lessons: Lessons, *, coupled: bool = False
) -> Compatible | None:
    """Return h of D_i = c + b·s_i·2^(−a_i/h), b > 0, in tasks: the age at which half is left.

    D is the paired lift of (N, K1) over (N, K0), s_i and a_i are the similarity and the age of the
    lesson most like the task, and c is what the lift has of other sources. The last candidate does
    not fade at all: where it is not refused, `high` is None and nothing is shown to fade. None
    where lessons have no spread. Source: the statistical design, second round, section 7 (there
    without c), after Ebbinghaus' curve as an exponential; the interval by `inversion`. Raises
    ValueError as `two_way` does, and for lessons of other tasks.
    """
    y1, y0 = as_outcomes(sequential, "sequential"), as_outcomes(iid, "iid")
    n = same_tasks(y1, y0)
    if len(lessons.age) != n:
        raise ValueError(f"{len(lessons.age)} lessons of {n} tasks: give one for each.")
    if not lessons.spread:
        return None
    median = float(np.median(lessons.age[lessons.similarity > 0.0]))
    lives = np.geomspace(1.0, 4.0 * n, CANDIDATES)
    candidates = Candidates(
        values=np.append(lives, inf),
        smaller=np.append(lives / APART, median),
        larger=np.append(lives * APART, np.nan),
    )

    def shape(lives: FloatArray) -> FloatArray:
        left: FloatArray = lessons.similarity * np.exp2(-lessons.age / lives)
        return left

    return invert(y1, y0, shape, candidates, coupled=coupled)
