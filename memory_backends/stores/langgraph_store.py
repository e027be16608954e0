"""`langgraph`: earlier issues in a LangGraph store (extra `langgraph`, MIT).

The in-memory store, because the records are what is saved: SqliteStore can search by meaning
only where Python's sqlite3 may load extensions, which many builds do not allow. Vectors are ours:
feature hashing, or the function that the setting `embedding` names. Search is exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from memory_backends.shared.embedding import BY_ENDPOINT, embedding_of, vectors
from memory_backends.shared.nearest import nearest
from memory_backends.shared.records import RecordMemory
from memory_backends.shared.text import READ_CHARS
from seqswe import plugins
from seqswe.instance import Task
from seqswe.memory import Services

PLACE = ("records",)


class LangGraph(RecordMemory):
    """Ranks in a LangGraph store (extra `langgraph`); `embedding` is as for `vectors`."""

    row: ClassVar[str] = "langgraph (raw)"
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
        self._library = plugins.require("langgraph.store.memory", "langgraph", "memory 'langgraph'")
        self._embed = embedding_of(embedding, services)
        self._store: Any = None
        self._stored = 0

    def reindex(self) -> None:
        """Forget the store; records are put when they are asked for."""
        self._store, self._stored = None, 0

    def rank(self, task: Task) -> Sequence[tuple[int, float]]:
        """Rank by cosine, if it is above 0; of equals the later record comes first."""
        if not self.records:
            return []
        query = task.problem_statement[:READ_CHARS]
        vector = vectors(self._embed, [query])[0]
        if not vector.any():
            return []
        self._put(len(vector))

        def ask(wanted: int) -> list[tuple[int, float]]:
            items = self._store.search(PLACE, query=query, limit=wanted)
            # Items without words have no vector and no score.
            return [(int(item.key), round(item.score or 0.0, 6)) for item in items]

        return nearest(ask, self.k, len(self.records))

    def _put(self, length: int) -> None:
        if self._store is None:
            index = {"dims": length, "embed": self._vectors, "fields": ["text"]}
            self._store = self._library.InMemoryStore(index=index)
        put = plugins.require("langgraph.store.base", "langgraph", "memory 'langgraph'").PutOp
        new = self.records[self._stored :]
        self._store.batch(
            put(PLACE, str(number), {"text": record.document})
            for number, record in enumerate(new, self._stored)
        )
        self._stored = len(self.records)

    def _vectors(self, texts: Sequence[str]) -> list[Any]:
        # Arrays, not lists as in its examples: every search makes a matrix of all of them.
        return [vector.astype(np.float64) for vector in vectors(self._embed, list(texts))]
