"""`episodic`: earlier issues by BM25 over issue, files and notes; the embedded default."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memory_backends.shared.bm25 import Index
from memory_backends.shared.records import RecordMemory
from seqswe.instance import Task

WEIGHTS = (1.0, 2.0, 0.5)
"""Of a word in the issue, in its files, and in its notes and failing output."""


class Episodic(RecordMemory):
    """Records that share words with the issue. Built anew in a second at 10,000 records."""

    def __init__(self, home: Path, **options: Any) -> None:
        super().__init__(home, **options)
        self._index = Index(WEIGHTS)

    def index(self, start: int) -> None:
        """Add records to the index."""
        if start == 0:
            self._index.close()
            self._index = Index(WEIGHTS)
        for number, record in enumerate(self.records[start:], start):
            rest = f"{record.note} {record.written} {record.output}"
            self._index.add(number, record.statement, " ".join(record.files), rest)

    def rank(self, task: Task) -> Sequence[tuple[int, float]]:
        """BM25; larger is better."""
        return self._index.search(task.problem_statement, self.k)
