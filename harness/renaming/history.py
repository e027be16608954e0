"""A clone whose every commit has the new names: what an agent may see of the past is made of it.

It begins with one commit that holds the whole first base, so nothing older can show an old name,
and follows the first parents from there. Authors, dates and messages stay, the latter with new
names. The same clone and names give the same commit ids on every machine.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.history.git import Clone, GitError, run_git, settle
from harness.history.objects import TREE, Objects
from harness.history.walk import LINK, walk
from harness.renaming.names import Names
from seqswe.errors import MissingError

BRANCH = "refs/heads/main"
HEADERS = (b"author ", b"committer ")
NOBODY = "seqswe <seqswe@localhost>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The commits that a renamed history is made of."""

    first: str
    """Base commit of the first task: the root."""
    last: str
    """Gold commit of the last task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a commit."""

    path: str
    mode: str
    oid: str


def line_of(clone: Clone, window: Window) -> list[str]:
    """The commits of a window, oldest first. Raises MissingError if they are not in one line."""
    try:
        span = f"{window.first}..{window.last}"
        newer = clone.run("rev-list", "--first-parent", "--end-of-options", span, "--").split()
    except GitError as error:
        raise MissingError(
            f"the clone {clone.path} lacks {window.first[:12]} or {window.last[:12]}: "
            f"{error.reason}",
            "Fetch the whole history into the mirror.",
        ) from None
    return [window.first, *reversed(newer)]


def files_of(objects: Objects, tree: str, folder: str = "") -> Iterator[File]:
    """All files of a tree, sorted by path within each folder."""
    for name, (mode, oid) in sorted(objects.tree(tree).items()):
        path = f"{folder}{name}"
        if mode == TREE:
            yield from files_of(objects, oid, f"{path}/")
        else:
            yield File(path=path, mode=mode, oid=oid)


def versions_of(clone: Clone, objects: Objects, window: Window) -> Iterator[File]:
    """Every version of every file in a window, once."""
    seen: set[tuple[str, str]] = set()
    commits = line_of(clone, window)
    root = files_of(objects, f"{window.first}^{{tree}}")
    for file in (*root, *(f for c in changes(clone, commits) for f in c.files)):
        if file.mode != LINK and (file.path, file.oid) not in seen:
            seen.add((file.path, file.oid))
            yield file


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a commit changes of the one before."""

    commit: str
    gone: tuple[str, ...]
    files: tuple[File, ...]


def changes(clone: Clone, commits: Sequence[str]) -> Iterator[Changes]:
    """The changes of each commit of a line but the first."""
    if len(commits) < 2:
        return
    steps = walk(clone, commits[-1], len(commits) - 1)
    with Objects(clone) as objects:
        for step in steps:
            files, gone = [], []
            for path in step.paths:
                found = _entry(objects, step.commit, path)
                if found is None:
                    gone.append(path)
                else:
                    files.append(found)
            yield Changes(commit=step.commit, gone=tuple(gone), files=tuple(files))


def _entry(objects: Objects, commit: str, path: str) -> File | None:
    tree, *names = f"{commit}^{{tree}}", *path.split("/")
    for number, name in enumerate(names):
        mode, oid = objects.tree(tree).get(name, ("", ""))
        if not oid:
            return None
        if number == len(names) - 1:
            return None if mode == TREE else File(path=path, mode=mode, oid=oid)
        tree = oid
    return None


def renamed_clone(clone: Clone, window: Window, names: Names, target: Path) -> Mapping[str, str]:
    """Make the bare clone at `target`, unless it is there; old commit id → new commit id.

    Raises MissingError if the clone lacks a commit or a file of the window.
    """
    commits = line_of(clone, window)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)
        start = ("init", "--bare", "--quiet", "--template=", "--initial-branch=main")
        run_git(target.parent, *start, "--end-of-options", str(partial))
        _import(clone, partial, _Stream(clone, commits, names))
        settle(partial, target)
    new = Clone(target).first_parents(BRANCH)
    return dict(zip(commits, new, strict=True))


def _import(clone: Clone, folder: Path, stream: _Stream) -> None:
    wanted = ("fast-import", "--quiet", "--date-format=raw-permissive", "--force")
    process = Clone(folder).open(*wanted)
    assert process.stdin
    try:
        for part in stream.parts():
            process.stdin.write(part)
        process.stdin.close()
    except BrokenPipeError:
        pass
    if process.wait():
        raise MissingError(
            f"git cannot write the renamed history of {clone.path}",
            "Check the free disk space, and the clone: git fsck.",
        )


class _Stream:
    """What `git fast-import` reads."""

    def __init__(self, clone: Clone, commits: Sequence[str], names: Names) -> None:
        self._clone, self._commits, self._names = clone, commits, names
        self._marks: dict[str, int] = {}

    def parts(self) -> Iterator[bytes]:
        with Objects(self._clone) as objects:
            root = tuple(files_of(objects, f"{self._commits[0]}^{{tree}}"))
            first = Changes(commit=self._commits[0], gone=(), files=root)
            for change in (first, *changes(self._clone, self._commits)):
                yield from self._blobs(objects, change.files)
                yield from self._commit(objects, change)
        yield from self._tags()

    def _blobs(self, objects: Objects, files: Sequence[File]) -> Iterator[bytes]:
        for file in files:
            if file.mode != LINK and file.oid not in self._marks:
                data = objects.read(file.oid)
                if data is None:
                    raise MissingError(
                        f"the clone {self._clone.path} lacks the file {file.path[:200]}",
                        "Fetch the whole history into the mirror.",
                    )
                self._marks[file.oid] = len(self._marks) + 1
                yield b"blob\nmark :%d\n" % self._marks[file.oid]
                yield _data(self._names.apply(data))

    def _commit(self, objects: Objects, change: Changes) -> Iterator[bytes]:
        head, _, message = (objects.read(change.commit) or b"").partition(b"\n\n")
        before = len(self._marks)
        self._marks[change.commit] = before + 1
        yield b"commit %s\nmark :%d\n" % (BRANCH.encode(), before + 1)
        for line in head.split(b"\n"):
            if line.startswith(HEADERS):
                yield line + b"\n"
        yield _data(self._names.apply(message))
        for path in change.gone:
            yield b"D %s\n" % _quoted(path)
        for file in change.files:
            link = file.mode == LINK
            name = file.oid.encode() if link else b":%d" % self._marks[file.oid]
            yield b"M %s %s %s\n" % (file.mode.encode(), name, _quoted(file.path))
        yield b"\n"

    def _tags(self) -> Iterator[bytes]:
        """Tags where the line first reaches them, with their dates: builds read the version."""
        last = len(self._commits) - 1
        yield from self._put(0, self._tags_at(0))
        yield from self._tags_between(0, last, self._tags_at(0), self._tags_at(last))

    def _tags_between(
        self, low: int, high: int, before: Mapping[str, str], after: Mapping[str, str]
    ) -> Iterator[bytes]:
        """Tags that `low` does not reach and `high` does: halved until one commit brings them."""
        if before.keys() == after.keys():
            return
        if high == low + 1:
            new = {name: date for name, date in after.items() if name not in before}
            yield from self._put(high, new)
            return
        middle = (low + high) // 2
        halfway = self._tags_at(middle)
        yield from self._tags_between(low, middle, before, halfway)
        yield from self._tags_between(middle, high, halfway, after)

    def _tags_at(self, number: int) -> dict[str, str]:
        """Tags that a commit reaches, with their dates as git writes them."""
        listed = ("for-each-ref", "--format=%(creatordate:raw)%00%(refname:strip=2)")
        text = self._clone.run(*listed, f"--merged={self._commits[number]}", "--", "refs/tags")
        pairs = (line.partition("\0") for line in text.splitlines())
        return {name: date for date, _, name in pairs if date and name}

    def _put(self, number: int, tags: Mapping[str, str]) -> Iterator[bytes]:
        mark = self._marks[self._commits[number]]
        for name, date in tags.items():
            yield f"tag {name}\nfrom :{mark}\ntagger {NOBODY} {date}\n".encode() + _data(b"")


def _data(data: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(data), data)


def _quoted(path: str) -> bytes:
    data = path.encode("utf-8", "surrogateescape")
    if data.startswith(b'"') or b"\n" in data:
        return b'"%s"' % data.replace(b"\\", rb"\\").replace(b'"', rb"\"").replace(b"\n", rb"\n")
    return data
