"""Which tasks of a codebase a sequence holds, and which of its texts they are told by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from seqswe.errors import UsageError
from seqswe.manifests.manifest import InstanceRecord, Manifest

StatementKind = Literal["full", "title", "symptom"]
Novelty = Literal["all", "novel", "seen"]
BOUND = r"(-?\d{1,9}|\d{1,3}%)?"
SPAN = re.compile(rf"(?:{BOUND}:{BOUND}(?::(\d{{1,9}}))?)?")
"""START:STOP:STEP; a bound is a number of tasks, from the end if negative, or a share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a task must have to be in a sequence. Order is never changed.

    Raises UsageError for a span that is none.
    """

    statement: StatementKind = "full"
    max_leak: float = 1.0
    novelty: Novelty = "all"
    """Tasks that fix no file which an earlier task of the codebase fixed, or the others."""
    spacing: float = 0.0
    """Days from one task to the next, at least."""
    span: str = ""
    """Which of these tasks, as a slice."""

    def __post_init__(self) -> None:
        match = SPAN.fullmatch(self.span)
        if match is None or match[3] == "0" or any(b and _share(b) > 1 for b in match.groups()[:2]):
            raise UsageError(
                f"{self.span[:80]!r} is no span of tasks",
                "For example 100:160 (a window), -60: (the last 60), :80% or ::5 (every fifth).",
            )

    def of(self, manifest: Manifest) -> Manifest:
        """The manifest with the tasks that are chosen. Raises UsageError if none is."""
        records = self._within(list(_spaced(self._chosen(manifest), self.spacing)))
        if manifest.instances and not records:
            raise UsageError(
                f"no task of {manifest.name} is chosen: {self._in_words()}",
                f"`seqswe statements {manifest.name}` makes symptoms; `seqswe audit "
                f"{manifest.name}` lists leaks.",
            )
        return replace(manifest, instances=tuple(records))

    def _chosen(self, manifest: Manifest) -> Iterator[InstanceRecord]:
        fixed: set[str] = set()
        for record in manifest.instances:
            novel = fixed.isdisjoint(record.gold_files)
            fixed.update(record.gold_files)
            if self.novelty != "all" and novel != (self.novelty == "novel"):
                continue
            if self.statement == "symptom" and "symptom" not in record.digests:
                continue
            if self.max_leak < 1 and record.leaks.get(self.statement, 1.0) > self.max_leak:
                continue
            yield record

    def _within(self, records: Sequence[InstanceRecord]) -> Sequence[InstanceRecord]:
        match = SPAN.fullmatch(self.span)
        assert match
        start, stop = (_index(bound, len(records)) for bound in match.groups()[:2])
        return records[start : stop : int(match[3] or 1)]

    def _in_words(self) -> str:
        parts = [f"a {self.statement} statement"]
        parts += [f"a leak of at most {self.max_leak:g}"] if self.max_leak < 1 else []
        parts += [f"{self.novelty} files"] if self.novelty != "all" else []
        parts += [f"within {self.span}"] if self.span else []
        return ", ".join(parts)


def _share(bound: str) -> float:
    return int(bound[:-1]) / 100 if bound.endswith("%") else 0.0


def _index(bound: str | None, count: int) -> int | None:
    if not bound:
        return None
    return round(_share(bound) * count) if bound.endswith("%") else int(bound)


def _spaced(records: Iterable[InstanceRecord], days: float) -> Iterator[InstanceRecord]:
    """Records that lie far enough behind the one before."""
    last = None
    for record in records:
        if last is None or record.created_at - last >= timedelta(days=days):
            last = record.created_at
            yield record
