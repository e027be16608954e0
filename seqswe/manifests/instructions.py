"""How many tasks of a sequence hold files that agents read on their own, and since which task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated

from seqswe.patterns import COUNT

NAMED = 5
"""Files that are named; of more, their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionCounts:
    """Instruction files over the tasks of a sequence."""

    tasks: Annotated[int, COUNT] = 0
    """Tasks whose base commit holds any."""
    changes: Annotated[int, COUNT] = 0
    """Tasks that have other ones than the task before."""
    since: Mapping[str, int] = field(default_factory=dict)
    """Path of each file → number, from 1, of the first task that has it."""

    @classmethod
    def of(cls, files: Sequence[Sequence[str]]) -> InstructionCounts:
        """From the paths of each task, in order."""
        since: dict[str, int] = {}
        for number, paths in enumerate(files, 1):
            for path in paths:
                since.setdefault(path, number)
        changes = sum(set(a) != set(b) for a, b in pairwise(files))
        return cls(tasks=sum(map(bool, files)), changes=changes, since=since)

    def sentence(self, total: int) -> str:
        """What a reader must know of a sequence of `total` tasks; empty if there are none."""
        if not self.tasks:
            return ""
        named = [f"{path} from task {first} on" for path, first in list(self.since.items())[:NAMED]]
        if len(self.since) > NAMED:
            named.append(f"and {len(self.since) - NAMED} more")
        changed = f"They change {self.changes} times: " if self.changes else ""
        return (
            f"{self.tasks} of {total} tasks hold files that agents read on their own. {changed}"
            f"{', '.join(named)}."
        )
