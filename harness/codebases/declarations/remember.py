"""Declarations of one commit after the other: read anew only where a file that counted changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from harness.codebases.declarations.model import Files
from harness.codebases.declarations.read import Declaration, declaration_of

LAST = 8
"""Declarations kept for each question: neighbouring commits nearly always agree."""


class NamedFiles(Files, Protocol):
    """Files of a commit whose contents have ids."""

    def oid(self, path: str) -> str:
        """The id of a file's content; "" if there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was looked at, and what it came to."""

    texts: Mapping[str, str]
    """Ids of the files that were asked for, by path."""
    names: Mapping[str, list[str]]
    """What the folders that were asked for hold."""
    declaration: Declaration

    def holds(self, files: NamedFiles) -> bool:
        """Whether other files would answer the same."""
        return all(files.oid(path) == oid for path, oid in self.texts.items()) and all(
            files.names(folder) == names for folder, names in self.names.items()
        )


class Remembered:
    """`declaration_of`, which remembers what it read."""

    def __init__(self) -> None:
        self._readings: dict[tuple[object, ...], deque[Reading]] = {}

    def __call__(
        self,
        files: NamedFiles,
        python: str,
        exclude: Iterable[str] = (),
        extras: Iterable[str] = (),
    ) -> Declaration:
        """Return the same as `declaration_of`."""
        asked = (python, tuple(exclude), tuple(extras))
        readings = self._readings.setdefault(asked, deque(maxlen=LAST))
        for reading in reversed(readings):
            if reading.holds(files):
                return reading.declaration
        watched = _Watched(files)
        found = declaration_of(watched, *asked)
        readings.append(Reading(texts=watched.texts, names=watched.listed, declaration=found))
        return found


class _Watched:
    """Files that note what is asked of them."""

    def __init__(self, files: NamedFiles) -> None:
        self._files = files
        self.texts: dict[str, str] = {}
        self.listed: dict[str, list[str]] = {}

    def text(self, path: str) -> str | None:
        self.texts[path] = self._files.oid(path)
        return self._files.text(path)

    def names(self, folder: str = "") -> list[str]:
        self.listed[folder] = self._files.names(folder)
        return self.listed[folder]
