"""`vectors`: earlier issues by exact cosine; a matrix in main memory, no index to go stale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from memory_backends.shared.embedding import (
    BY_ENDPOINT,
    cosines,
    embedding_of,
    index_vectors,
    vectors,
)
from memory_backends.shared.records import RecordMemory
from memory_backends.shared.text import READ_CHARS
from seqswe.instance import Task
from seqswe.memory import Services

ROUNDING = 1e-4
"""More than the error of a float32 dot product, whose last digits depend on the machine."""


class Vectors(RecordMemory):
    """Ranks by cosine over an embedding of issue and files.

    embedding: feature hashing if empty, `endpoint` (--embedding), `minilm`, or module:attribute.
    """

    uses: ClassVar[tuple[str, ...]] = ("embed",)
    uses_if: ClassVar[Mapping[str, str]] = BY_ENDPOINT

    def __init__(
        self,
        home: Path,
        *,
        services: Services | None = None,
        embedding: str = "",
        **options: Any,
    ) -> None:
        super().__init__(home, **options)
        self._embed = embedding_of(embedding, services)
        self._matrix = np.zeros((0, 0), dtype=np.float32)
        self._rows = 0

    def reindex(self) -> None:
        """Forget the vectors; they are made when they are asked for."""
        self._rows = 0

    def rank(self, task: Task) -> Sequence[tuple[int, float]]:
        """Rank by cosine, if it is above 0; of equals the later record comes first."""
        if not self.records:
            return []
        self._add_new()
        query = vectors(self._embed, [task.problem_statement[:READ_CHARS]])[0]
        # einsum works in this thread alone: BLAS would wait for threads that a busy machine lacks.
        about = np.einsum("ij,j->i", self._matrix[: self._rows], query)
        k = min(self.k, self._rows)
        edge = max(float(np.partition(about, -k)[-k]) - ROUNDING, ROUNDING)
        near = np.flatnonzero(about >= edge)
        exact = cosines(self._matrix[near], query)
        # lexsort's last key comes first: by score, then the later record.
        order = np.lexsort((-near, -exact))[:k]
        return [(int(near[i]), float(exact[i])) for i in order if exact[i] > 0]

    def _add_new(self) -> None:
        new = self.records[self._rows :]
        if not new:
            return
        embedded = np.stack(index_vectors(self._embed, [record.document for record in new]))
        total = len(self.records)
        if total > len(self._matrix):
            larger = np.zeros((2 * total, embedded.shape[1]), dtype=np.float32)
            if self._rows:
                larger[: self._rows] = self._matrix[: self._rows]
            self._matrix = larger
        self._matrix[self._rows : total] = embedded
        self._rows = total
