"""Tasks of somebody else's data set as candidates: in true order, in environments of our own.

Their texts are no facts, so they stay in `imported.jsonl` beside the manifest, which is one's own:
the rows as they came, in order. A fix has no commit of its own there: like an injected bug, its
base stands for it, and its patch is the row's.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from packaging.utils import canonicalize_name

from harness.codebases.declarations import Remembered
from harness.codebases.environment import environment_at
from harness.codebases.instruction_files import InstructionFiles
from harness.codebases.mining import OF_THE_RUNNER
from harness.codebases.statements.issues import HALF
from harness.codebases.statements.leak import leaks_of
from harness.grading.layout import is_source, is_test_module
from harness.grading.patch import parts, paths_of
from harness.history.git import Clone
from harness.history.objects import CommitFiles, Objects
from seqswe.errors import MissingError
from seqswe.manifests.foreign_rows import ForeignRow, read_rows
from seqswe.manifests.manifest import IMPORTED, InstanceRecord, InstanceTexts, Manifest
from seqswe.patterns import PATH
from seqswe.sandbox import Environment

FILE = "imported.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Candidates in chronological order, their rows and environments, and why others are none."""

    records: tuple[InstanceRecord, ...]
    rows: tuple[ForeignRow, ...]
    environments: tuple[Environment, ...]
    left_out: Mapping[str, int]
    """How many rows, by reason."""


def candidates_of(clone: Clone, manifest: Manifest, rows: Sequence[ForeignRow]) -> Imported:
    """Order the rows of one codebase by ancestry, and find out what each needs.

    Every base must be an ancestor of the next one; what stands beside the others is left out. Of
    tasks with one base, the file's order stays. Dates are those of the bases, because that is when
    a task could first be asked.
    """
    left_out: Counter[str] = Counter()
    chosen: dict[str, ForeignRow] = {}
    for row in rows:
        if reason := next(_reasons(clone, manifest, row, chosen), ""):
            left_out[reason] += 1
        else:
            chosen[row.instance_id.casefold()] = row
    line = clone.first_parents("HEAD")
    ordered = sorted(chosen.values(), key=lambda row: _place(clone, line, row.base_commit))
    records: list[InstanceRecord] = []
    kept: list[ForeignRow] = []
    environments: dict[str, Environment] = {}
    with Objects(clone) as objects:
        declared, instructions = Remembered(), InstructionFiles(objects)
        for row in ordered:
            when = datetime.fromisoformat(clone.date(row.base_commit))
            last = records[-1] if records else None
            if last and not clone.is_ancestor(last.base_commit, row.base_commit):
                left_out["its base does not reach that of the task before"] += 1
                continue
            if last and when < last.created_at:
                left_out["dated before its predecessor"] += 1
                continue
            base = CommitFiles(objects, row.base_commit)
            environment = environment_at(base, base, when, manifest.python, declared)
            environments.setdefault(environment.key, environment)
            record = _record(manifest, row, when)
            found = instructions.at(row.base_commit)
            records.append(replace(record, environment=environment.key, instructions=found))
            kept.append(row)
    return Imported(
        records=tuple(records),
        rows=tuple(kept),
        environments=tuple(environments.values()),
        left_out=dict(left_out),
    )


def save_rows(rows: Sequence[ForeignRow], folder: Path) -> None:
    """Write the rows as they came, one a line."""
    lines = [json.dumps(row.data, ensure_ascii=False, default=str) + "\n" for row in rows]
    (folder / FILE).write_text("".join(lines), encoding="utf-8", errors="backslashreplace")


def imported_texts(manifest: Manifest, record: InstanceRecord) -> InstanceTexts:
    """The texts of an imported task. Raises MissingError if its row is not beside the manifest."""
    path = manifest.folder / FILE
    stamp = path.stat().st_mtime_ns if path.is_file() else 0
    texts = _texts(path, stamp).get(record.instance_id) if stamp else None
    if texts is None:
        raise MissingError(
            f"{record.instance_id} is imported, and its row is not in {path}",
            "`seqswe import FILE` writes it there.",
        )
    return texts


@lru_cache(maxsize=4)
def _texts(path: Path, _stamp: int) -> Mapping[str, InstanceTexts]:
    return {row.instance_id: _texts_of(row) for row in read_rows(path)}


def _texts_of(row: ForeignRow) -> InstanceTexts:
    return InstanceTexts(
        statement=row.problem_statement,
        source=IMPORTED,
        patch=row.patch,
        test_patch=row.test_patch,
    )


def _reasons(
    clone: Clone,
    manifest: Manifest,
    row: ForeignRow,
    chosen: Mapping[str, ForeignRow],
) -> Iterator[str]:
    """Why a row is no candidate; chosen: those before it, by their ids in small letters."""
    if canonicalize_name(manifest.python.distribution) in OF_THE_RUNNER:
        yield "it is of a part of pytest, which runs the tests"
    if twin := chosen.get(row.instance_id.casefold()):
        yield (
            "it stands in the file twice"
            if twin.instance_id == row.instance_id
            else "its id differs from that of another only in case"
        )
    if not clone.has(row.base_commit):
        yield "the clone lacks its base"
    elif not clone.is_ancestor(row.base_commit, "HEAD"):
        yield "the head of the clone does not reach its base"
    if not _is_patch(row.patch) or not _is_patch(row.test_patch):
        yield "its patch does not come apart"
    elif not any(map(is_test_module(manifest.layout), paths_of(row.test_patch))):
        yield "its test patch changes no test module"
    elif not all(map(PATH.fits, (*paths_of(row.patch), *paths_of(row.test_patch)))):
        yield "its patch changes what lies outside of the repository"
    if not row.problem_statement.strip():
        yield "it has no statement"
    if HALF.search(f"{row.problem_statement}{row.patch}{row.test_patch}"):
        yield "it holds half a character"


def _place(clone: Clone, line: Sequence[str], base: str) -> tuple[int, bool]:
    """Where a base stands: the first commit of the main line that reaches it, and if it is that."""
    place = bisect_left(line, True, key=lambda commit: clone.is_ancestor(base, commit))
    return place, line[place] == base


def _is_patch(text: str) -> bool:
    try:
        return bool(text) and "".join(part.text for part in parts(text)) == text
    except ValueError:
        return False


def _record(manifest: Manifest, row: ForeignRow, when: datetime) -> InstanceRecord:
    layout = manifest.layout
    changed = paths_of(row.patch)
    there = [p.paths for p in parts(row.test_patch) if "\n+++ /dev/null" not in p.text]
    tests = {path for paths in there for path in paths if is_test_module(layout)(path)}
    return InstanceRecord(
        instance_id=row.instance_id,
        base_commit=row.base_commit,
        gold_commit=row.base_commit,
        created_at=when,
        environment="",
        statement_source=IMPORTED,
        gold_files=tuple(filter(is_source(layout), changed)) or changed,
        test_files=tuple(sorted(tests)),
        digests=_texts_of(row).digests,
        leaks=leaks_of(row.problem_statement, row.patch),
    )
