"""Test ids of a sequence, kept once: most tasks of a codebase share most of their tests.

A file of instances begins with them, `{"test_ids": ["tests/test_a.py::test_x", …]}`, in as many
lines as it takes. An instance then says `"PASS_TO_PASS": "0-11 15"`: the first twelve and the
sixteenth. It may as well list ids in full, and does so where the order of a list is one of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from seqswe.errors import ManifestError
from seqswe.manifests.convert import parse_texts

FIELD = "test_ids"
LISTS = ("FAIL_TO_PASS", "PASS_TO_PASS", "flaky")
"""Fields of an instance that hold test ids."""
RANGES = re.compile(r"(?:\d{1,9}(?:-\d{1,9})?(?: (?!\Z)|\Z))*")
A_LINE = 2000
"""Ids in one line."""
MOST = 20_000_000
"""Ids of all instances of a file together: the ranges of a short line may name millions."""
HINT = "Restore the file; `seqswe validate` writes it."


class TestIdTable:
    """The ids of one file, numbered from 0."""

    __test__ = False

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._ids = list(ids)
        self._numbers = {name: number for number, name in enumerate(self._ids)}
        self._expanded = 0

    @classmethod
    def of(cls, records: Iterable[Mapping[str, Any]]) -> TestIdTable:
        """The table of these instances, in the order of their texts."""
        return cls(sorted({t for r in records for name in LISTS for t in r.get(name, ())}))

    def lines(self) -> Iterator[dict[str, Any]]:
        """The lines that a file begins with."""
        for start in range(0, len(self._ids), A_LINE):
            yield {FIELD: self._ids[start : start + A_LINE]}

    def read(self, value: Mapping[str, Any], where: str) -> None:
        """Take one more line of ids. Raises ManifestError."""
        self._ids += parse_texts(value[FIELD], f"{where}: field {FIELD!r}")

    def packed(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """An instance whose lists are ranges, where they are in the table's order."""
        return {k: self._ranges(v) if k in LISTS else v for k, v in record.items()}

    def unpacked(self, record: Mapping[str, Any], where: str) -> dict[str, Any]:
        """An instance with lists of ids. Raises ManifestError."""
        return {
            k: self._expand(v, f"{where}: field {k!r}") if k in LISTS and isinstance(v, str) else v
            for k, v in record.items()
        }

    def _ranges(self, ids: Sequence[str]) -> str | Sequence[str]:
        numbers = [self._numbers[name] for name in ids]
        runs: list[list[int]] = []
        for number in numbers:
            if runs and number == runs[-1][1] + 1:
                runs[-1][1] = number
            else:
                runs.append([number, number])
        if any(later[0] <= earlier[1] for earlier, later in pairwise(runs)):
            return ids
        return " ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in runs)

    def _expand(self, text: str, where: str) -> list[str]:
        if not RANGES.fullmatch(text):
            raise ManifestError(f"{where} is neither a list nor ranges such as '0-11 15'", HINT)
        ids: list[str] = []
        end = -1
        for part in text.split():
            first, _, last = part.partition("-")
            start, before, end = int(first), end, int(last or first)
            if not before < start <= end < len(self._ids):
                raise ManifestError(
                    f"{where}: {part!r} is not above what is before it and below the number of "
                    f"test ids, {len(self._ids):,}",
                    HINT,
                )
            self._expanded += end + 1 - start
            if self._expanded > MOST:
                raise ManifestError(f"{where}: more than {MOST:,} test ids in all", HINT)
            ids += self._ids[start : end + 1]
        return ids
