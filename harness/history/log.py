"""The git log as commits, for memories that read a repository's past."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from harness.history.git import Clone
from seqswe.memory import Commit

FORMAT = "%x1e%H%x1f%P%x1f%cI%x1f%B%x1f"


@dataclass(frozen=True, slots=True)
class _Entry:
    commit: Commit
    parent: str
    """The first one; "" for none."""


class Log:
    """The log of a clone, of which git tells each commit once. Safe between threads.

    The tasks of a sequence stand on one line of commits: for all but the first, only what is new
    is read.
    """

    def __init__(self, clone: Clone) -> None:
        self._clone = clone
        self._entries: dict[str, _Entry] = {}
        self._last = ""
        """The commit that was asked for last: most of what the next one reaches is known."""
        self._lock = Lock()

    def until(self, commit: str) -> Iterator[Commit]:
        """Yield what `commit` reaches along first parents, itself included, newest first."""
        while commit:
            with self._lock:
                if commit not in self._entries:
                    self._read(commit)
                entry = self._entries[commit]
            yield entry.commit
            commit = entry.parent

    def _read(self, commit: str) -> None:
        text = self._told(commit, f"^{self._last}") if self._last else ""
        for entry in (text or self._told(commit)).split("\x1e")[1:]:
            sha, parents, date, message, files = entry.split("\x1f", 4)
            found = Commit(
                sha=sha,
                created_at=datetime.fromisoformat(date),
                message=message.strip(),
                files=tuple(f for f in files.split("\n") if f),
            )
            self._entries[sha] = _Entry(found, parents.partition(" ")[0])
        self._last = commit

    def _told(self, *commits: str) -> str:
        options = ("--first-parent", "--name-only", "-m", "--no-renames", f"--format={FORMAT}")
        return self._clone.run("log", *options, "--end-of-options", *commits, "--")


def log(clone: Clone, commit: str) -> Iterator[Commit]:
    """`Log.until` of a log that is read for this commit alone."""
    return Log(clone).until(commit)
