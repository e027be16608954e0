"""Vectors of texts: by feature hashing, which needs no model and no download, or by a function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from importlib import import_module
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_backends.shared.text import words
from seqswe.errors import RolloutError, UsageError
from seqswe.memory import Services

Vector = NDArray[np.float32]
BY_ENDPOINT: Mapping[str, str] = {"embed": "embedding=endpoint"}
"""`uses_if` of a memory that asks an endpoint only where its option `embedding` says so."""
Embedding = Callable[[list[str]], Any]
"""Maps texts to as many vectors of one length; lists or arrays."""
DIMENSIONS = 1024


def hashed(texts: Sequence[str]) -> list[Vector]:
    """Make vectors by feature hashing (Weinberger et al. 2009), of DIMENSIONS numbers each.

    Each word adds 1 + ln(count) with a hashed sign at a hashed place. It depends on the text
    alone, so a snapshot of the records is a snapshot of the index. A text without words is 0.
    """
    return [_vector(Counter(words(text))) for text in texts]


def embedding_of(name: str, services: Services | None = None) -> Embedding:
    """Find an embedding: feature hashing for "", `endpoint`, `minilm`, or a `module:attribute`.

    services: what the memory was given, since `endpoint` asks its embedding model. A class is built
    without arguments. Raises UsageError if it cannot be found.
    """
    if not name:
        return hashed
    if name == "endpoint":
        endpoint = services.embed if services else None
        if endpoint is None:
            raise UsageError(
                "memory option embedding=endpoint needs an embedding model",
                "Give --embedding NAME and --embedding-url (or --memory-model-url) URL.",
            )
        return endpoint
    if name == "minilm":
        name = "memory_backends.shared.minilm:embed"
    module, _, attribute = name.partition(":")
    try:
        target = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(
            f"memory option embedding={name!r} cannot be loaded: {error}",
            "Give module:attribute of a function from a list of texts to a list of vectors.",
        ) from None
    embed: Embedding = target() if isinstance(target, type) else target
    return embed


def vectors(embed: Embedding, texts: list[str]) -> list[Vector]:
    """Return unit vectors (or zeros) of the texts. Raises RolloutError for anything else."""
    arrays = [np.asarray(vector, dtype=np.float32) for vector in embed(texts)]
    shapes = {vector.shape for vector in arrays}
    if len(arrays) != len(texts) or len(shapes) != 1 or any(v.ndim != 1 for v in arrays):
        raise RolloutError(
            "memory_failed", f"the embedding made {len(arrays)} vectors of {len(texts)} texts"
        )
    if not all(np.isfinite(vector).all() for vector in arrays) or not arrays[0].size:
        raise RolloutError(
            "memory_failed", "the embedding made a vector that is empty or not finite"
        )
    return [unit(vector) for vector in arrays]


def index_vectors(embed: Embedding, texts: list[str]) -> list[Vector]:
    """Return `vectors` for an index.

    Each task of a chain adds one record. Several at once make an index again, after a load, and
    no task's budget is charged for that.
    """
    return vectors(getattr(embed, "again", embed) if len(texts) > 1 else embed, texts)


def unit(vector: Vector) -> Vector:
    """Scale a vector to length 1; zeros stay zeros."""
    length = np.sqrt(np.sum(vector.astype(np.float64) ** 2))
    return (vector / length).astype(np.float32) if length else vector


def cosines(rows: Vector, query: Vector) -> NDArray[np.float64]:
    """Return the cosines of unit vectors with a query, rounded, so every path gives the same."""
    exact: NDArray[np.float64] = np.sum(rows.astype(np.float64) * query, axis=1)
    return exact.round(6)


def _vector(counts: Counter[str]) -> Vector:
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    for word, count in counts.items():
        place, sign = _place(word)
        vector[place] += sign * (1 + log(count))
    return vector


@lru_cache(maxsize=1 << 16)
def _place(word: str) -> tuple[int, float]:
    number = int.from_bytes(blake2b(word.encode("utf-8", "replace"), digest_size=8).digest())
    return number % DIMENSIONS, 1.0 if number >> 63 else -1.0
