"""Statements made anew by today's rules, for tasks that are proved: no test is part of a text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from harness.codebases.mining import fix_of
from harness.codebases.statements import sources
from harness.codebases.statements.issues import Issue
from harness.codebases.statements.leak import leaks_of
from harness.codebases.statements.rules import LATEST
from harness.history.git import Clone, GitError
from seqswe.errors import ManifestError, MissingError
from seqswe.instance import digest_of
from seqswe.manifests.manifest import InstanceRecord, Layout, Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """Records with new statements, and those of which no source says anything."""

    records: tuple[InstanceRecord, ...]
    dropped: tuple[InstanceRecord, ...]


def renew(
    clone: Clone,
    manifest: Manifest,
    records: Iterable[InstanceRecord],
    issues: Mapping[int, Issue],
) -> Renewed:
    """Make the statements of some records anew; injected bugs and imported tasks keep theirs.

    Raises MissingError if the clone lacks a commit, ManifestError if a patch is another one.
    """
    kept, dropped = [], []
    for record in records:
        found = _renewed(clone, manifest.layout, record, issues) if record.is_in_history else record
        if found is None:
            dropped.append(record)
        else:
            kept.append(found)
    return Renewed(records=tuple(kept), dropped=tuple(dropped))


def _renewed(
    clone: Clone, layout: Layout, record: InstanceRecord, issues: Mapping[int, Issue]
) -> InstanceRecord | None:
    try:
        patches, fix = fix_of(clone, layout, record, LATEST)
        clock = datetime.fromisoformat(clone.date(record.base_commit))
    except (GitError, ValueError):
        raise MissingError(
            f"{record.instance_id}: its commits cannot be read from {clone.path}",
            "Fetch the whole history into the mirror, or give another --mirror.",
        ) from None
    for name, text in (("patch", patches.patch), ("test_patch", patches.test_patch)):
        if record.digests.get(name) != digest_of(text):
            raise ManifestError(
                f"{record.instance_id}: the {name} in the clone is not the one that was validated",
                "Mine and validate again.",
            )
    if _is_kept(record, issues):
        return record
    statement = sources.choose(fix, clock, issues)
    if statement is None:
        return None
    return replace(
        record,
        statement_source=statement.source,
        digests={**record.digests, "statement": digest_of(statement.text)},
        leaks={**record.leaks, **leaks_of(statement.text, patches.patch)},
    )


def _is_kept(record: InstanceRecord, issues: Mapping[int, Issue]) -> bool:
    """Whether the text is of an issue that is not at hand: it is no reason to take another."""
    kind, _, number = record.statement_source.partition(":")
    return kind == sources.ISSUE and number.isdecimal() and int(number[:9]) not in issues
