"""The git log as commits, for memories that read a repository's past."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from harness.history.git import Clone
from seqswe.memory import Commit


def log(clone: Clone, commit: str) -> Iterator[Commit]:
    """Yield commits that `commit` reaches along first parents, itself included, newest first."""
    text = clone.run(
        "log",
        "--first-parent",
        "--name-only",
        "-m",
        "--no-renames",
        "--format=%x1e%H%x1f%cI%x1f%B%x1f",
        "--end-of-options",
        commit,
        "--",
    )
    for entry in text.split("\x1e")[1:]:
        sha, date, message, files = entry.split("\x1f", 3)
        yield Commit(
            sha=sha,
            created_at=datetime.fromisoformat(date),
            message=message.strip(),
            files=tuple(f for f in files.split("\n") if f),
        )
