"""Where the files that earlier tasks taught of are suddenly gone: what was learned of them is old.

A path that is moved is gone as well: a memory knows it by its old name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

from seqswe.patterns import COUNT

SHARE = 0.2
"""Of the known paths, at least, that must go at once."""
FEWEST = 5
"""Known paths under which a share of them says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refactoring:
    """Between a task and the one before it, many known paths went."""

    task: Annotated[int, COUNT]
    """Number, from 1, of the first task that no longer has them."""
    known: Annotated[int, COUNT]
    """Paths that fixes of earlier tasks changed, and that the task before still had."""
    gone: Annotated[int, COUNT]
    """How many of them this task's base commit has no more."""


def refactorings(
    fixed: Sequence[Collection[str]], there: Sequence[Collection[str]]
) -> Iterator[Refactoring]:
    """Yield the refactorings of a sequence, in order.

    fixed: the files that each task's fix changes; there: which of all those its base commit has.
    """
    taught: set[str] = set()
    for number, (before, after) in enumerate(pairwise(there), 2):
        taught |= set(fixed[number - 2])
        known = taught & set(before)
        gone = known - set(after)
        if len(known) >= FEWEST and len(gone) >= SHARE * len(known):
            yield Refactoring(task=number, known=len(known), gone=len(gone))
