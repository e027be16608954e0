"""A sequence under other names: its clone, its candidates and its issues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath

from harness.codebases.mining import fix_of
from harness.codebases.statements import sources
from harness.codebases.statements.issues import Issue
from harness.codebases.statements.leak import leaks_of
from harness.codebases.statements.rules import rules_of
from harness.grading.layout import is_source
from harness.history.git import Clone
from harness.history.objects import Objects
from harness.renaming.history import Window, line_of, renamed_clone, versions_of
from harness.renaming.names import Names
from harness.renaming.survey import Survey
from seqswe.errors import ManifestError, MissingError
from seqswe.instance import digest_of
from seqswe.manifests.manifest import InstanceRecord, InstanceTexts, Layout, Manifest, Renamed
from seqswe.runs.folders import cache_folder

SOURCE_FOLDERS = frozenset({"src", "lib", "python"})
AGAIN = "Rename the codebase again with `seqswe rename`."


def survey_of(clone: Clone, layout: Layout, window: Window, texts: Iterable[str] = ()) -> Survey:
    """Read every version of every file in a window, and the messages of its commits.

    texts: further ones that people wrote, such as issues. Raises MissingError.
    """
    survey, source = Survey(), is_source(layout)
    with Objects(clone) as objects:
        files = list(versions_of(clone, objects, window))
        own = packages_of(file.path for file in files)
        for file in files:
            survey.add(file.path, objects.read(file.oid) or b"", own, source=source(file.path))
    for message in (*texts, *_messages(clone, window)):
        survey.add_prose(message)
    return survey


def packages_of(paths: Iterable[str]) -> frozenset[str]:
    """What the modules of a codebase are imported by: the first part of their names."""
    names = set()
    for parts in (PurePosixPath(path).parts for path in paths if path.endswith(".py")):
        inner = parts[1:] if parts[0] in SOURCE_FOLDERS and len(parts) > 1 else parts
        names |= {inner[0].removesuffix(".py"), parts[0].removesuffix(".py")}
    return frozenset(names)


def _messages(clone: Clone, window: Window) -> list[str]:
    count = len(line_of(clone, window))
    log = ("log", "--first-parent", f"--max-count={count}", "--format=%B%x00")
    return clone.run(*log, "--end-of-options", window.last, "--").split("\0")


def renamed_records(
    manifest: Manifest,
    clone: Clone,
    renamed: Renamed,
    names: Names,
    records: Sequence[InstanceRecord],
    issues: Mapping[int, Issue],
) -> tuple[str, list[InstanceRecord]]:
    """The head of the renamed history, and the records as candidates that are still to be proved.

    Ids stay: a task and its renamed one can be compared. The renamed history has no branches, so a
    task whose statement is in what was merged gets that of another source, and is left out if there
    is none. Raises MissingError.
    """
    window = Window(first=renamed.first, last=renamed.last)
    target = _folder(manifest, renamed)
    commits = renamed_clone(clone, window, names, target)
    new = Clone(target)
    told = _RenamedIssues(issues, names)
    moved = (
        replace(
            record,
            base_commit=_commit(commits, record.base_commit),
            gold_commit=_commit(commits, record.gold_commit),
            FAIL_TO_PASS=(),
            PASS_TO_PASS=(),
            flaky=(),
            pytest_arguments=(),
        )
        for record in records
    )
    candidates = [c for record in moved if (c := _told(new, manifest, record, told))]
    return commits[renamed.last], candidates


def _told(
    clone: Clone, manifest: Manifest, record: InstanceRecord, issues: Mapping[int, Issue]
) -> InstanceRecord | None:
    """A record with what its texts are in this clone; None if nothing states its problem."""
    rules = rules_of(manifest.mining.statements, manifest.name)
    patches, fix = fix_of(clone, manifest.layout, record, rules)
    clock = datetime.fromisoformat(clone.date(record.base_commit))
    statement = sources.choose(fix, clock, issues)
    if statement is None:
        return None
    texts = InstanceTexts(
        statement=statement.text,
        source=statement.source,
        patch=patches.patch,
        test_patch=patches.test_patch,
    )
    return replace(
        record,
        statement_source=texts.source,
        digests=texts.digests,
        leaks=leaks_of(texts.statement, texts.patch),
    )


def _commit(commits: Mapping[str, str], commit: str) -> str:
    if commit not in commits:
        raise MissingError(
            f"{commit[:12]} is not in the first-parent history of the tasks",
            "Only sequences along one line of history can be renamed.",
        )
    return commits[commit]


def clone_of_renamed(manifest: Manifest, clone: Clone) -> Clone:
    """The clone of a renamed sequence, made of the codebase's own and `names.json`.

    Raises ManifestError if it is not the one that was made first.
    """
    renamed = manifest.renamed
    assert renamed
    names = names_of(manifest.folder)
    if names.digest != renamed.names:
        raise ManifestError(f"{manifest.folder}: names.json was changed", AGAIN)
    target = _folder(manifest, renamed)
    commits = renamed_clone(clone, Window(first=renamed.first, last=renamed.last), names, target)
    if commits[renamed.last] != manifest.mining.head:
        raise ManifestError(
            f"{manifest.name}: its renamed history is another one than when it was made", AGAIN
        )
    return Clone(target)


def renamed_issues(manifest: Manifest, issues: Mapping[int, Issue]) -> Mapping[int, Issue]:
    """Issues in the words of a sequence: unchanged where nothing is renamed."""
    if not manifest.renamed or not issues:
        return issues
    return _RenamedIssues(issues, names_of(manifest.folder))


class _RenamedIssues(Mapping[int, Issue]):
    """Renames an issue when it is asked for: a task needs one of thousands."""

    def __init__(self, issues: Mapping[int, Issue], names: Names) -> None:
        self._issues, self._names = issues, names

    def __getitem__(self, number: int) -> Issue:
        issue = self._issues[number]
        title, body = self._names.text(issue.title), self._names.text(issue.body)
        return replace(issue, title=title, body=body)

    def __iter__(self) -> Iterator[int]:
        return iter(self._issues)

    def __len__(self) -> int:
        return len(self._issues)


@lru_cache(maxsize=4)
def names_of(folder: Path) -> Names:
    """The mapping of a renamed sequence. Raises ManifestError."""
    return Names.load(folder)


def _folder(manifest: Manifest, renamed: Renamed) -> Path:
    """Where the clone is: what decides its content is in the name."""
    parts = (manifest.repo, renamed.names, renamed.first, renamed.last)
    name = f"{renamed.codebase}-renamed-{digest_of(chr(0).join(parts))[7:19]}"
    return cache_folder() / "clones" / name
