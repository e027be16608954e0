"""`random`, a control: records drawn by lot, as many as a retrieval would return."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from memory_backends.shared.records import RecordMemory
from seqswe.instance import Task


class RandomChoice(RecordMemory):
    """Draws k records by lot; the draw depends on `seed`, the task and the number of records."""

    def __init__(self, home: Path, *, seed: int = 0, **options: Any) -> None:
        super().__init__(home, **options)
        self.seed = seed

    def rank(self, task: Task) -> Sequence[tuple[int, float]]:
        """Draw records, all with the same score."""
        lot = Random(f"{self.seed} {task.instance_id}")
        count = len(self.records)
        return [(index, 1.0) for index in lot.sample(range(count), min(self.k, count))]
