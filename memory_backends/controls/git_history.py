"""`git_history`, a control: the git log before the base commit, a memory that costs nothing.

It learns nothing from rollouts. RepoMem (arXiv 2510.01003) found that recent commits and what
they touched help to localize; a memory must beat this to be worth its keep. An agent whose
sandbox holds the log can read the same by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from memory_backends.shared.git_log import LIMIT, MOST_FILES, alike, focused
from memory_backends.shared.records import DEFAULT_K, ISSUE, MAX_BYTES, at_least, budgeted
from memory_backends.shared.text import clean, clip, first_lines
from seqswe.errors import UsageError
from seqswe.instance import Task
from seqswe.memory import Commit, Experience, Recall, Recalled, Services


class GitHistory:
    """The k commits whose message and files share most words with the issue (BM25).

    limit: commits looked at, from the base commit backwards; most_files: commits that touch
    more files are left out, since releases and renames say nothing about where faults are.
    """

    needs: ClassVar[tuple[str, ...]] = ("history",)

    def __init__(
        self,
        home: Path,
        *,
        services: Services,
        k: int = DEFAULT_K,
        max_bytes: int = MAX_BYTES,
        limit: int = LIMIT,
        most_files: int = MOST_FILES,
    ) -> None:
        at_least(k=(k, 1), max_bytes=(max_bytes, 0), limit=(limit, 0), most_files=(most_files, 1))
        if services.history is None:
            raise UsageError("memory 'git_history' needs a log", "Run it through the harness.")
        self.home, self.k, self.max_bytes = home, k, max_bytes
        self.limit, self.most_files = limit, most_files
        self._history = services.history

    def recall(self, task: Task) -> Recall:
        """Recall commits before the base commit."""
        commits = focused(self._history(task), self.limit, self.most_files)
        ranked = alike(commits, task.problem_statement, self.k)
        return budgeted(self._items(ranked), self.max_bytes)

    def record(self, experience: Experience) -> None:
        """Record nothing: a fix shows in the log by itself, once it is merged."""

    def save(self, directory: Path) -> None:
        """Write nothing: there is no state."""

    def load(self, directory: Path) -> None:
        """Read nothing: there is no state."""

    def _items(self, ranked: Sequence[tuple[Commit, float]]) -> Iterator[Recalled]:
        for commit, score in ranked:
            files = tuple(map(clean, commit.files))
            about = first_lines(clean(commit.message), ISSUE)
            text = f"Commit {commit.sha[:10]} of {commit.created_at:%Y-%m-%d}: {about}"
            listing = clip(f"Files: {', '.join(files)}", ISSUE)
            yield Recalled(
                text=f"{text}\n{listing}",
                score=score,
                files=files,
                origins=(f"history:{commit.sha}",),
            )
