"""`recency`, a control: the latest rollouts, whatever the issue."""

from __future__ import annotations

from collections.abc import Sequence

from memory_backends.shared.records import RecordMemory
from seqswe.instance import Task


class Recency(RecordMemory):
    """The k latest records, latest first; the score is 1 / (1 + age in rollouts)."""

    def rank(self, task: Task) -> Sequence[tuple[int, float]]:
        """Rank the k latest records, latest first."""
        last = len(self.records) - 1
        return [(last - age, 1 / (1 + age)) for age in range(min(self.k, last + 1))]
