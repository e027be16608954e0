"""`mem0`: earlier issues in mem0 with its embedded Qdrant (extra `mem0`, Apache-2.0).

Without a model: `infer=False` keeps the text as it is, where mem0's own way has a model extract
facts; that is `mem0_extract`. Its clients for a model are built all the same, so they get a key and
an address that lead nowhere. Telemetry is off, mem0's folder belongs to this process and is removed
at its end, and vectors are ours: feature hashing, or the function that the setting `embedding`
names. mem0's keyword search needs a model to be downloaded, so it stays off. Qdrant and the history
are kept in main memory and filled from the records: on disk, each record costs 50 ms, and a folder
that is open cannot be opened again.
"""

from __future__ import annotations

import logging
import os
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from memory_backends.shared.embedding import BY_ENDPOINT, Embedding, embedding_of, vectors
from memory_backends.shared.nearest import nearest
from memory_backends.shared.records import RecordMemory
from memory_backends.shared.text import READ_CHARS
from seqswe import plugins
from seqswe.instance import Task
from seqswe.memory import Services

WHO = {"user_id": "codebase"}
NOWHERE = {"api_key": "none", "openai_base_url": "http://127.0.0.1:9"}


class Mem0(RecordMemory):
    """Ranks by mem0's search (extra `mem0`); `embedding` is as for `vectors`."""

    row: ClassVar[str] = "mem0 (raw)"
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
        require_mem0()
        self._mem0: Any = None
        self._added = 0
        self._close: Callable[[], Any] = lambda: None

    def reindex(self) -> None:
        """Forget the store; records are added when they are asked for."""
        self._close()
        self._mem0, self._added = None, 0

    def rank(self, task: Task) -> Sequence[tuple[int, float]]:
        """Rank by mem0's score, if it is above 0; of equals the later record comes first."""
        query = task.problem_statement[:READ_CHARS].strip()
        if not self.records or not query:
            return []
        vector = vectors(self._embed, [query])[0]
        if not vector.any():
            return []
        self._add_new(len(vector))

        def ask(wanted: int) -> list[tuple[int, float]]:
            answer = self._mem0.search(query, top_k=wanted, filters=WHO, threshold=0.0)
            return [
                (item["metadata"]["record"], round(item["score"], 6)) for item in answer["results"]
            ]

        return nearest(ask, self.k, len(self.records))

    def _add_new(self, length: int) -> None:
        if self._mem0 is None:
            self._open(length)
        for number, record in enumerate(self.records[self._added :], self._added):
            if vectors(self._embed, [record.document])[0].any():  # else nothing could find it
                self._mem0.add(record.document, infer=False, metadata={"record": number}, **WHO)
        self._added = len(self.records)

    def _open(self, length: int) -> None:
        self._mem0 = open_store(self._embed, length)
        self._close = weakref.finalize(self, dispose, self._mem0)


def require_mem0() -> Any:
    """The library, which talks to nobody. Raises MissingError."""
    # Both are read once, when mem0 is imported, whichever memory comes first.
    os.environ["MEM0_TELEMETRY"] = "False"
    os.environ["MEM0_DIR"] = _folder().name
    library = plugins.require("mem0", "mem0", "memory 'mem0'")
    logging.getLogger("mem0").setLevel(logging.ERROR)
    return library


def open_store(embed: Embedding, length: int) -> Any:
    """An empty store in main memory for vectors of so many numbers; `dispose` closes it."""
    warnings.filterwarnings("ignore", message="Payload indexes have no effect in the local")
    qdrant = plugins.require("qdrant_client", "mem0", "memory 'mem0'").QdrantClient(":memory:")
    place = {"client": qdrant, "embedding_model_dims": length}
    store = require_mem0().Memory.from_config(
        {
            "vector_store": {"provider": "qdrant", "config": place},
            "history_db_path": ":memory:",
            "llm": {"provider": "openai", "config": NOWHERE},
            "embedder": {"provider": "openai", "config": NOWHERE},
        }
    )
    store.embedding_model = Embedder(embed)
    return store


def dispose(store: Any) -> None:
    """Close a store."""
    store.close()
    store.vector_store.client.close()


class Embedder:
    """Gives mem0 our vectors."""

    def __init__(self, embed: Embedding) -> None:
        self._embed = embed

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        """Embed one text."""
        return self.embed_batch([text])[0]

    def embed_batch(self, texts: list[str], memory_action: str | None = None) -> list[list[float]]:
        """Embed texts."""
        return [vector.tolist() for vector in vectors(self._embed, texts)]


@cache
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="seqswe-mem0-")
