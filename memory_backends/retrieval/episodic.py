"""`episodic`: earlier issues by BM25 over issue, files and notes; the embedded default."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memory_backends.shared.bm25 import Index
from memory_backends.shared.records import Record, RecordMemory
from seqswe.instance import Task

WEIGHTS = (1.0, 2.0, 0.5)
"""Weight of a word in the issue, in its files, and in its notes and failing output."""


class Episodic(RecordMemory):
    """Ranks records by the words they share with the issue.

    The index is made anew in a second at 10,000 records.
    """

    def __init__(self, home: Path, **options: Any) -> None:
        super().__init__(home, **options)
        self._index = Index(WEIGHTS)

    def add(self, record: Record) -> None:
        """Add a record to the index."""
        self._put(len(self.records) - 1, record)

    def reindex(self) -> None:
        """Make the index anew."""
        self._index.close()
        self._index = Index(WEIGHTS)
        for number, record in enumerate(self.records):
            self._put(number, record)

    def rank(self, task: Task) -> Sequence[tuple[int, float]]:
        """Rank by BM25; larger is better."""
        return self._index.search(task.problem_statement, self.k)

    def _put(self, number: int, record: Record) -> None:
        rest = f"{record.note} {record.written} {record.output}"
        self._index.add(number, record.statement, " ".join(record.files), rest)
