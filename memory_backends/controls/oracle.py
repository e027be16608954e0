"""`oracle`, an upper bound: earlier rollouts chosen by the files that this task's fix touches.

Not deployable: it reads the gold files of the task at hand to choose what to recall. It recalls
earlier rollouts only, so it bounds what better retrieval could bring.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from memory_backends.shared.records import RecordMemory
from seqswe.errors import UsageError
from seqswe.instance import Task
from seqswe.memory import Services


class Oracle(RecordMemory):
    """Records by the overlap (Jaccard) of their files with the gold files, later ones first."""

    needs: ClassVar[tuple[str, ...]] = ("gold",)

    def __init__(self, home: Path, *, services: Services, **options: Any) -> None:
        super().__init__(home, **options)
        if services.gold is None:
            raise UsageError("memory 'oracle' needs gold data", "Run it through the harness.")
        self._gold = services.gold

    def rank(self, task: Task) -> Sequence[tuple[int, float]]:
        """Rank records by their overlap with the gold files, if it is above 0."""
        wanted = set(self._gold(task.instance_id).gold_files)
        overlaps = (
            (index, round(len(wanted & files) / len(wanted | files), 6))
            for index, files in ((i, set(r.files)) for i, r in enumerate(self.records))
            if wanted & files
        )
        return sorted(overlaps, key=lambda pair: (-pair[1], -pair[0]))
