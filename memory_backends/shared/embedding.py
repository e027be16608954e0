"""Vectors of texts: feature hashing, which needs no model and no download, or a function given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from importlib import import_module
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_backends.shared.text import words
from seqswe.errors import RolloutError, UsageError

Vector = NDArray[np.float32]
Embedding = Callable[[list[str]], Any]
"""From texts to as many vectors of one length; lists or arrays."""
DIMENSIONS = 1024


def hashed(texts: Sequence[str]) -> list[Vector]:
    """Vectors by feature hashing (Weinberger et al. 2009), DIMENSIONS each.

    Each word adds 1 + ln(count) with a hashed sign at a hashed place. It depends on the text
    alone, so a snapshot of the records is a snapshot of the index. A text without words is 0.
    """
    return [_vector(Counter(words(text))) for text in texts]


def embedding_of(name: str, endpoint: Embedding | None = None) -> Embedding:
    """Feature hashing for "", the model at `endpoint`, `minilm`, or a `module:attribute`.

    A class is built without arguments. Raises UsageError if there is no such thing.
    """
    if not name:
        return hashed
    if name == "endpoint":
        if endpoint is None:
            raise UsageError(
                "memory option embedding=endpoint needs an embedding model",
                "Give --embedding NAME and --embedding-url (or --model-url) URL.",
            )
        return endpoint
    if name == "minilm":
        name = "memory_backends.shared.minilm:embed"
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(
            f"memory option embedding={name!r} cannot be loaded: {error}",
            "Give module:attribute of a function from a list of texts to a list of vectors.",
        ) from None
    embed: Embedding = found() if isinstance(found, type) else found
    return embed


def vectors(embed: Embedding, texts: list[str]) -> list[Vector]:
    """Unit vectors (or zeros) of the texts. Raises RolloutError if the embedding gives others."""
    made = [np.asarray(vector, dtype=np.float32) for vector in embed(texts)]
    shapes = {vector.shape for vector in made}
    if len(made) != len(texts) or len(shapes) != 1 or any(v.ndim != 1 for v in made):
        raise RolloutError(
            "memory_failed", f"the embedding made {len(made)} vectors of {len(texts)} texts"
        )
    return [unit(vector) for vector in made]


def index_vectors(embed: Embedding, texts: list[str]) -> list[Vector]:
    """`vectors` for an index. Each task of a chain adds one record; more of them at once make an
    index again, after a load, and no task's budget is charged with that."""
    return vectors(getattr(embed, "again", embed) if len(texts) > 1 else embed, texts)


def unit(vector: Vector) -> Vector:
    """The vector at length 1; zeros stay zeros."""
    length = np.sqrt(np.sum(vector.astype(np.float64) ** 2))
    return (vector / length).astype(np.float32) if length else vector


def cosines(rows: Vector, query: Vector) -> NDArray[np.float64]:
    """Cosines of unit vectors with one, rounded so that they are the same on every path."""
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
