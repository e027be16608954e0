"""A first-parent history with the files that each commit changes, read in one pass of git."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType

from harness.history.git import Clone

LINK = "160000"
"""Mode of a submodule, whose object is in another repository."""
DIFF = (
    "diff-tree",
    "-p",
    "--binary",
    "--full-index",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
)
"""Plumbing: neither settings of the clone nor attributes of a work tree change what it prints."""

FORMAT = "%x00%H%x00%P%x00%cI%x00%B%x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file that a commit changes."""

    path: str
    status: str
    """git's letter: A added, D deleted, M modified, T another type."""
    blobs: tuple[str, ...]
    """Ids of the contents before and after, as far as there are any in this repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One commit of a first-parent history."""

    commit: str
    parents: tuple[str, ...]
    date: datetime | None
    """When it was committed; None if git's date cannot be read."""
    message: str
    changes: tuple[Change, ...]
    """Against the first parent; against nothing for a first commit."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of the changed files."""
        return tuple(change.path for change in self.changes)


def walk(clone: Clone, head: str, count: int = 0) -> list[Step]:
    """Return the first-parent commits up to `head`, oldest first; the last `count` (0: all)."""
    # A text that no history holds, because messages and file names may hold anything else.
    mark = secrets.token_hex(16)
    limit = (f"--max-count={count}",) if count else ()
    shape = ("--first-parent", "-m", "--raw", "--no-renames", "--no-abbrev", "--root", "-z")
    text = clone.run(
        "log", *shape, *limit, f"--format={mark}{FORMAT}", "--end-of-options", head, "--"
    )
    return [_step(entry) for entry in text.split(mark)[:0:-1]]


def _step(entry: str) -> Step:
    _, commit, parents, date, message, *rest = entry.split("\0")
    return Step(
        commit=commit,
        parents=tuple(parents.split()),
        date=_date(date),
        message=message,
        changes=tuple(_changes(rest)),
    )


def _changes(words: list[str]) -> Iterator[Change]:
    places = iter(words)
    for word in places:
        fields = word.lstrip("\n").split(" ")
        if len(fields) == 5 and fields[0].startswith(":"):
            before, after, old, new, status = fields
            sides = ((before.lstrip(":"), old), (after, new))
            yield Change(
                path=next(places),
                status=status[:1],
                blobs=tuple(b for mode, b in sides if mode != LINK and b.strip("0")),
            )


def _date(text: str) -> datetime | None:
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    return None


class Diffs:
    """Diffs between commits by one git process that stays open; use it as a context manager."""

    def __init__(self, clone: Clone) -> None:
        self._process = clone.open(*DIFF, "--stdin", "--no-commit-id")

    def __enter__(self) -> Diffs:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def diff(self, base: str, commit: str) -> str:
        """Return the patch between two commits, given by full ids.

        Raises ValueError if git cannot make it.
        """
        assert self._process.stdin
        assert self._process.stdout
        # git repeats a line that names no commit once it has written what was asked before.
        end = f"end {secrets.token_hex(16)}\n".encode()
        try:
            self._process.stdin.write(f"{commit} {base}\n".encode() + end)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ValueError("git diff-tree ended") from None
        lines: list[bytes] = []
        for line in self._process.stdout:
            if line.endswith(end):
                lines.append(line.removesuffix(end))
                return b"".join(lines).decode("utf-8", "surrogateescape")
            lines.append(line)
        raise ValueError("git diff-tree ended")


def diff(clone: Clone, base: str, commit: str) -> str:
    """Return the patch between two commits. Raises GitError."""
    return clone.run(*DIFF, "--end-of-options", base, commit, "--")
