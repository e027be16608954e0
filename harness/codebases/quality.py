"""What a task is like, computed from its fix and from the tasks before it; nothing is judged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from harness.codebases.mining import fix_of
from harness.codebases.statements import sources
from harness.codebases.statements.issues import Issue
from harness.codebases.statements.rules import rules_of
from harness.history.git import Clone, GitError
from seqswe.errors import MissingError
from seqswe.manifests.manifest import InstanceRecord, Manifest

REVERTS = re.compile(r"^This reverts commit ([0-9a-f]{7,64})", re.MULTILINE)
REVERTED = re.compile(r"\A(?:Revert|revert:?) \"(.{1,300})\"")
PICKED = re.compile(r"^\(cherry picked from commit ([0-9a-f]{7,64})\)", re.MULTILINE)
WORD = re.compile(r"[a-z0-9_]{3,40}")
ALIKE = 0.6
"""Share of common words (Jaccard) from which two statements are near-duplicates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """One task in its sequence."""

    instance_id: str
    position: int
    environment: str
    source: str
    """Kind of source of its statement."""
    files: int
    """Source files that the fix changes."""
    lines: int
    """Lines that it adds or removes outside of the tests."""
    age_days: float | None
    """Since the last change of any of these files; None if all are new."""
    novel: bool
    """Whether no earlier task fixed any of these files."""
    tests: int
    """FAIL_TO_PASS and PASS_TO_PASS together."""
    nearest: str = ""
    """The earlier task whose statement has most words in common."""
    similarity: float = 0.0
    """Which share (Jaccard)."""
    test_seconds: float | None = None
    """What one run of its tests takes by the clock; None if it was not measured."""
    links: Mapping[str, str] = field(default_factory=dict)
    """`revert`, `back-port`, `follow-up` (the same issue) or `near-duplicate` → earlier task."""


@dataclass(slots=True)
class _Seen:
    """What earlier tasks were about."""

    files: set[str] = field(default_factory=set)
    words: dict[str, frozenset[str]] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    issues: dict[int, str] = field(default_factory=dict)

    def add(self, record: InstanceRecord, fix: sources.Fix, words: frozenset[str]) -> None:
        name = record.instance_id
        self.files.update(record.gold_files)
        self.words[name] = words
        self.commits[record.gold_commit] = name
        self.titles[fix.message.strip().split("\n")[0]] = name
        for number in fix.named_issues:
            self.issues[number] = name

    def nearest(self, words: frozenset[str]) -> tuple[str, float]:
        """The latest of the nearest earlier tasks, and how near it is."""
        best, most = "", 0.0
        for name, other in self.words.items():
            share = len(words & other) / len(words | other) if words or other else 0.0
            if share and share >= most:
                best, most = name, share
        return best, round(most, 3)

    def links(self, fix: sources.Fix) -> dict[str, str]:
        """Earlier tasks that a fix itself names."""
        found = {
            "revert": self._commit(REVERTS, fix.message) or self._title(fix.message),
            "back-port": self._commit(PICKED, fix.message),
            "follow-up": next((self.issues[n] for n in fix.named_issues if n in self.issues), ""),
        }
        return {kind: name for kind, name in found.items() if name}

    def _commit(self, pattern: re.Pattern[str], message: str) -> str:
        match = pattern.search(message)
        named = (name for sha, name in self.commits.items() if match and sha.startswith(match[1]))
        return next(named, "")

    def _title(self, message: str) -> str:
        match = REVERTED.match(message)
        return self.titles.get(match[1], "") if match else ""


def measure(
    clone: Clone,
    manifest: Manifest,
    records: Iterable[InstanceRecord],
    issues: Mapping[int, Issue],
) -> list[Quality]:
    """Measure the tasks of a sequence, in order; injected bugs and imported tasks are left out.

    Raises MissingError if the clone lacks a commit, ManifestError for rules that are not kept.
    """
    seen, found = _Seen(), []
    rules = rules_of(manifest.mining.statements, manifest.name)
    for position, record in enumerate(records):
        if not record.is_in_history:
            continue
        try:
            patches, fix = fix_of(clone, manifest.layout, record, rules)
            age = _age(clone, record.base_commit, record.gold_files)
        except (GitError, ValueError):
            raise MissingError(
                f"{record.instance_id}: its commits cannot be read from {clone.path}",
                "Fetch the whole history into the mirror, or give another --mirror.",
            ) from None
        words = frozenset(WORD.findall(sources.read(fix, record.statement_source, issues).lower()))
        nearest, similarity = seen.nearest(words)
        alike = {"near-duplicate": nearest} if similarity >= ALIKE else {}
        found.append(
            Quality(
                instance_id=record.instance_id,
                position=position,
                environment=record.environment,
                source=record.statement_source.partition(":")[0],
                files=len(record.gold_files),
                lines=patches.changed,
                age_days=age,
                novel=seen.files.isdisjoint(record.gold_files),
                tests=len(record.FAIL_TO_PASS) + len(record.PASS_TO_PASS),
                nearest=nearest,
                similarity=similarity,
                links=seen.links(fix) | alike,
            )
        )
        seen.add(record, fix, words)
    return found


def _age(clone: Clone, base: str, paths: Sequence[str]) -> float | None:
    """Days from the last change of any of some files to a base commit."""
    shape = ("-1", "--format=%cI", "--end-of-options", base, "--")
    changed = clone.run("--literal-pathspecs", "log", *shape, *paths).strip()
    if not changed:
        return None
    age = datetime.fromisoformat(clone.date(base)) - datetime.fromisoformat(changed)
    return round(age / timedelta(days=1), 1)
