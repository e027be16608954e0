"""Which tasks of a codebase a sequence holds, and which of its texts they are told by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from seqswe.errors import UsageError
from seqswe.manifests.manifest import InstanceRecord, Manifest

StatementKind = Literal["full", "title", "symptom"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a task must have to be in a sequence."""

    statement: StatementKind = "full"
    max_leak: float = 1.0

    def of(self, manifest: Manifest) -> Manifest:
        """The manifest with the tasks that are chosen. Raises UsageError if none is."""
        records = tuple(self._chosen(manifest))
        if manifest.instances and not records:
            raise UsageError(
                f"no task of {manifest.name} has a {self.statement} statement"
                + (f" with a leak of at most {self.max_leak:g}" if self.max_leak < 1 else ""),
                f"`seqswe statements {manifest.name}` makes symptoms; `seqswe audit "
                f"{manifest.name}` lists leaks.",
            )
        return replace(manifest, instances=records)

    def _chosen(self, manifest: Manifest) -> Iterator[InstanceRecord]:
        for record in manifest.instances:
            if self.statement == "symptom" and "symptom" not in record.digests:
                continue
            if self.max_leak < 1 and record.leaks.get(self.statement, 1.0) > self.max_leak:
                continue
            yield record
