"""Walk a first-parent history and keep the commits that change source and tests."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from harness.codebases.environment import environment_at
from harness.codebases.statement import Issue, statement_of
from harness.grading.layout import is_source, is_test, is_test_module
from harness.grading.patch import parts, split
from harness.history.git import Clone
from harness.history.objects import CommitFiles, Objects
from seqswe.manifests.manifest import InstanceRecord, InstanceTexts, Layout, Manifest
from seqswe.sandbox import Environment

DIFF = (
    "diff",
    "--binary",
    "--full-index",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """The result of mining: candidates in order, their environments, and why others are skipped."""

    records: tuple[InstanceRecord, ...]
    environments: tuple[Environment, ...]
    skipped: Mapping[str, int]
    walked: int
    head: str


def mine(clone: Clone, manifest: Manifest, issues: Mapping[int, Issue]) -> Mined:
    """Find the candidates of a codebase by the rules of its manifest; nothing is executed."""
    rules = manifest.mining
    head = clone.run("rev-parse", rules.head or "HEAD").strip()
    history = clone.first_parents(head, rules.window)
    skipped: Counter[str] = Counter()
    records: list[InstanceRecord] = []
    environments: dict[str, Environment] = {}
    clock: datetime | None = None
    objects = Objects(clone)
    for base, commit, date in _steps(clone, head, len(history)):
        candidate = _candidate(clone, manifest, base, commit, issues)
        if isinstance(candidate, str):
            skipped[candidate] += 1
            continue
        if clock and date < clock:
            skipped["dated before its predecessor"] += 1
            continue
        clock = date
        before, after = CommitFiles(objects, base), CommitFiles(objects, commit)
        environment = environment_at(before, after, date, manifest.python)
        environments.setdefault(environment.key, environment)
        records.append(replace(candidate, created_at=date, environment=environment.key))
    objects.close()
    return Mined(
        records=tuple(records),
        environments=tuple(environments.values()),
        skipped=dict(skipped),
        walked=len(history),
        head=head,
    )


def _steps(clone: Clone, head: str, count: int) -> Iterator[tuple[str, str, datetime]]:
    lines = clone.run("log", "--first-parent", f"--max-count={count}", "--format=%P %H %cI", head)
    for line in reversed(lines.splitlines()):
        *parents, commit, date = line.split(" ")
        if parents and parents[0]:
            yield parents[0], commit, datetime.fromisoformat(date)


def _candidate(
    clone: Clone, manifest: Manifest, base: str, commit: str, issues: Mapping[int, Issue]
) -> InstanceRecord | str:
    """Return the record of a commit, or the reason why it is skipped."""
    rules, layout = manifest.mining, manifest.layout
    paths = clone.run("diff", "--name-only", "--no-renames", "-z", base, commit).split("\0")[:-1]
    sources, tests = _sort(paths, layout)
    if not sources:
        return "changes no source"
    if not tests:
        return "changes no test module"
    if len(sources) > rules.max_source_files:
        return f"changes more than {rules.max_source_files} source files"
    if rules.message and not re.search(
        rules.message, clone.run("log", "-1", "--format=%B", commit), re.IGNORECASE
    ):
        return "its message does not match"
    try:
        texts = texts_of(clone, layout, base, commit, issues)
    except ValueError:
        return "its patch cannot be split"
    if sum(part.changed for part in parts(texts.patch)) > rules.max_changed_lines:
        return f"changes more than {rules.max_changed_lines} lines of source"
    tests = [t for t in tests if clone.show(commit, t) is not None]
    if not tests:
        return "only removes test modules"
    return InstanceRecord(
        instance_id=f"{manifest.repo.replace('/', '__')}-{commit[:10]}",
        base_commit=base,
        gold_commit=commit,
        created_at=datetime.max,
        environment="",
        statement_source=texts.source,
        gold_files=tuple(sources),
        test_files=tuple(tests),
        digests=texts.digests,
    )


def _sort(paths: list[str], layout: Layout) -> tuple[list[str], list[str]]:
    source, module = is_source(layout), is_test_module(layout)
    return sorted(filter(source, paths)), sorted(filter(module, paths))


def texts_of(
    clone: Clone, layout: Layout, base: str, commit: str, issues: Mapping[int, Issue]
) -> InstanceTexts:
    """Read statement, patch and test patch of a commit. Raises ValueError if they do not split."""
    diff = clone.run(*DIFF, base, commit)
    if "".join(part.text for part in parts(diff)) != diff:
        raise ValueError("the diff does not come apart cleanly")
    test_patch, patch = split(diff, is_test(layout))
    statement, source = statement_of(clone, base, commit, issues)
    return InstanceTexts(statement=statement, source=source, patch=patch, test_patch=test_patch)
