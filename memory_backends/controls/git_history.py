"""`git_history`, a control: the git log before the base commit, a memory that costs nothing.

It learns nothing from rollouts. RepoMem (arXiv 2510.01003) found that recent commits and what
they touched help to localize; a memory must beat this to be worth its keep. An agent whose
sandbox holds the log can read the same by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import ClassVar

from memory_backends.shared.bm25 import Index
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
        limit: int = 2000,
        most_files: int = 10,
    ) -> None:
        at_least(k=(k, 1), max_bytes=(max_bytes, 0), limit=(limit, 0), most_files=(most_files, 1))
        if services.history is None:
            raise UsageError("memory 'git_history' needs a log", "Run it through the harness.")
        self.home, self.k, self.max_bytes = home, k, max_bytes
        self.limit, self.most_files = limit, most_files
        self._history = services.history

    def recall(self, task: Task) -> Recall:
        """Recall commits before the base commit.

        The index is made anew for each task, so no later commit can be left in it.
        """
        commits = self._commits(task)
        index = Index()
        # The oldest gets the smallest number: equal ranks then go to the later commit.
        for number, commit in enumerate(commits):
            index.add(number, clean(commit.message), clean(" ".join(commit.files)))
        ranked = index.search(task.problem_statement, self.k)
        index.close()
        return budgeted(self._items(commits, ranked), self.max_bytes)

    def record(self, experience: Experience) -> None:
        """Record nothing: a fix shows in the log by itself, once it is merged."""

    def save(self, directory: Path) -> None:
        """Write nothing: there is no state."""

    def load(self, directory: Path) -> None:
        """Read nothing: there is no state."""

    def _commits(self, task: Task) -> Sequence[Commit]:
        assert self._history is not None
        log = islice(self._history(task), self.limit)
        return [c for c in log if 0 < len(c.files) <= self.most_files][::-1]

    def _items(
        self, commits: Sequence[Commit], ranked: Sequence[tuple[int, float]]
    ) -> Iterator[Recalled]:
        for number, score in ranked:
            commit, files = commits[number], tuple(map(clean, commits[number].files))
            about = first_lines(clean(commit.message), ISSUE)
            text = f"Commit {commit.sha[:10]} of {commit.created_at:%Y-%m-%d}: {about}"
            listing = clip(f"Files: {', '.join(files)}", ISSUE)
            yield Recalled(
                text=f"{text}\n{listing}",
                score=score,
                files=files,
                origins=(f"history:{commit.sha}",),
            )
