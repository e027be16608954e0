"""Small forms of what a million rollouts hold: equal values kept once, and short tables packed."""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
V = TypeVar("V")

MOST_KEPT = 200_000
"""Values a pool looks back at. What is further back in a journal is seldom met again."""
DIGEST = "sha256:"
DIGEST_BYTES = 32


class Pool:
    """Keeps one of several equal values; those given must not change.

    Values that are equal and not the same, such as 0 and -0.0, are the caller's to tell apart.
    """

    def __init__(self) -> None:
        self._kept: dict[Any, Any] = {}

    def one(self, value: T, mark: object = None) -> T:
        """The value that stands for all that equal it, and were given with the same mark."""
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        kept: T = self._kept.setdefault(value if mark is None else (value, mark), value)
        return kept

    def texts(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """The tuple that stands for all that hold these texts."""
        kept = self._kept
        if values not in kept:
            values = tuple([kept.setdefault(value, value) for value in values])
        known: tuple[str, ...] = kept.setdefault(values, values)
        return known

    def numbers(self, table: Mapping[str, float]) -> Mapping[str, float]:
        """A packed copy of numbers by name."""
        return Numbers(self.texts(tuple(table)), array("d", table.values()))

    def digests(self, table: Mapping[str, str]) -> Mapping[str, str]:
        """A packed copy of digests by name; the table itself if it holds anything else."""
        packed = b"".join(map(_packed, table.values()))
        whole = len(packed) == DIGEST_BYTES * len(table)
        return Digests(self.texts(tuple(table)), packed) if whole else table


class _Packed(Mapping[str, V]):
    """A mapping of a few names, which many of its kind share."""

    __slots__ = ("_names", "_values")

    def __init__(self, names: tuple[str, ...], values: Any) -> None:
        self._names, self._values = names, values

    @abstractmethod
    def _at(self, place: int) -> V: ...

    def __getitem__(self, name: str) -> V:
        if name not in self._names:
            raise KeyError(name)
        return self._at(self._names.index(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr(dict(self))


class Numbers(_Packed[float]):
    """Numbers by name, 8 bytes each."""

    __slots__ = ()

    def _at(self, place: int) -> float:
        value: float = self._values[place]
        return value


class Digests(_Packed[str]):
    """Digests by name, 32 bytes each."""

    __slots__ = ()

    def _at(self, place: int) -> str:
        data: bytes = self._values[DIGEST_BYTES * place : DIGEST_BYTES * (place + 1)]
        return DIGEST + data.hex()


def _packed(digest: str) -> bytes:
    """The bytes of a digest; none of a text that they would not give back."""
    try:
        data = bytes.fromhex(digest.removeprefix(DIGEST))
    except ValueError:
        return b""
    return data if len(data) == DIGEST_BYTES and DIGEST + data.hex() == digest else b""
