"""`chroma`: earlier issues by nearest neighbours in a Chroma collection.

What its behaviour requires (chromadb 1.5.9, measured):
* a folder restored under a live client answers with stale data, so `load` builds a new
  collection in a folder of its own with a fresh client and closes the old one. The process-wide
  `clear_system_cache()` would do too, but it breaks memories in other threads;
* two writers lose rows: one memory has one folder and one client;
* deleted text stays in the files: the records are the truth and the folder is a cache;
* the default embedding function downloads a model: it is never used. Vectors are computed here,
  by feature hashing, or by the function that the setting `embedding` names;
* its index is approximate, and what is added in one call enters it in an order that differs from
  run to run (the setting of one thread does not help). Added one by one, the same records make
  the same index, and so the same answers after a resume. Candidates are ranked again by their
  exact cosine.
"""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar

import numpy as np

from memory_backends.shared.embedding import (
    BY_ENDPOINT,
    Vector,
    cosines,
    embedding_of,
    index_vectors,
    vectors,
)
from memory_backends.shared.nearest import nearest
from memory_backends.shared.records import RecordMemory
from memory_backends.shared.text import READ_CHARS
from seqswe.errors import MissingError
from seqswe.instance import Task
from seqswe.memory import Services

BATCH = 1000
"""Texts that are embedded in one call."""
_HNSW: Any = {
    "space": "cosine",
    "ef_construction": 128,
    "ef_search": 256,
    "max_neighbors": 32,
    "num_threads": 1,
}


class Chroma(RecordMemory):
    """Ranks by cosine over an embedding of issue and files; `embedding` is as for `vectors`."""

    wraps: ClassVar[tuple[str, ...]] = ("chromadb",)
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
        if find_spec("chromadb") is None:  # before anything is run; importing it can wait
            raise MissingError(
                "memory 'chroma' needs the package 'chromadb'",
                "Install it: pip install chromadb.",
            )
        super().__init__(home, **options)
        self._embed = embedding_of(embedding, services)
        self._collection: Any = None
        self._vectors: list[Vector] = []
        self._close: Callable[[], Any] = lambda: None

    def reindex(self) -> None:
        """Forget the collection; records are added when they are asked for.

        A memory that is thrown away after one record, as every task's is in the iid arm, then
        never opens a client.
        """
        self._close()
        self._collection, self._vectors = None, []

    def rank(self, task: Task) -> Sequence[tuple[int, float]]:
        """Rank by cosine, if it is above 0; of equals the later record comes first."""
        if not self.records:
            return []
        self._add_new()
        query = vectors(self._embed, [task.problem_statement[:READ_CHARS]])[0]
        if not query.any():
            return []
        return nearest(lambda wanted: self._near(query, wanted), self.k, len(self.records))

    def _near(self, query: Vector, wanted: int) -> list[tuple[int, float]]:
        """Return candidates from the index with their exact cosines."""
        result = self._collection.query(query_embeddings=[query], n_results=wanted, include=[])
        near = [int(number) for number in result["ids"][0]]
        if not near:
            return []
        exact = cosines(np.stack([self._vectors[i] for i in near]), query)
        return list(zip(near, map(float, exact), strict=True))

    def _add_new(self) -> None:
        if self._collection is None:
            self._open()
        for at in range(len(self._vectors), len(self.records), BATCH):
            batch = [record.document for record in self.records[at : at + BATCH]]
            for vector in index_vectors(self._embed, batch):
                self._collection.add(ids=[str(len(self._vectors))], embeddings=[vector])
                self._vectors.append(vector)

    def _open(self) -> None:
        # Only now: the import takes as long as many a rollout.
        from chromadb import PersistentClient
        from chromadb.config import Settings

        self.home.mkdir(parents=True, exist_ok=True)
        folder = Path(mkdtemp(prefix="chroma-", dir=self.home))
        client = PersistentClient(path=str(folder), settings=Settings(anonymized_telemetry=False))
        self._close = weakref.finalize(self, _dispose, client, folder)
        self._collection = client.create_collection(
            "records", embedding_function=None, configuration={"hnsw": _HNSW}
        )


def _dispose(client: Any, folder: Path) -> None:
    client.close()
    shutil.rmtree(folder, ignore_errors=True)
