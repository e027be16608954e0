"""The log before a task's base commit, and the commits in it that are most like an issue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from memory_backends.shared.bm25 import Index
from memory_backends.shared.text import clean
from seqswe.memory import Commit

LIMIT = 2000
"""Commits looked at, from the base commit backwards."""
MOST_FILES = 10
"""Files of a commit at most: releases and renames say nothing about where faults are."""


def focused(log: Iterable[Commit], limit: int, most_files: int) -> Sequence[Commit]:
    """Return the commits among the first `limit` of a log that touch 1 to `most_files` files."""
    return [c for c in islice(log, limit) if 0 < len(c.files) <= most_files]


def alike(commits: Sequence[Commit], text: str, k: int) -> Sequence[tuple[Commit, float]]:
    """Return the k commits that share most words with a text, by BM25 over message and files.

    commits: newest first; of equal scores the later commit comes first. The index is made anew
    for each text, so no commit of another task's log can be left in it.
    """
    index = Index()
    oldest_first = commits[::-1]
    for number, commit in enumerate(oldest_first):
        index.add(number, clean(commit.message), clean(" ".join(commit.files)))
    ranked = index.search(text, k)
    index.close()
    return [(oldest_first[number], score) for number, score in ranked]
