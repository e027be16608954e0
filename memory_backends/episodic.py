"""`episodic`: earlier issues by BM25 over SQLite's FTS5; the embedded default.

Exact, deterministic and in the standard library. The index lives in main memory: building it
again from the records takes a fraction of a second at ten thousand of them.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memory_backends.records import Record, RecordMemory
from memory_backends.text import joined, words
from seqswe.instance import Task

TERMS = 48
"""Words of a query at most: the rarest ones."""
VISITS = 20_000
"""Sum of the document frequencies of a query's words: bounds the time of a query, and drops
only words so common that they rank nothing. Below a few hundred records it never binds."""

_TABLE = """create virtual table records using fts5(
    statement, files, rest, content='', tokenize="unicode61 remove_diacritics 0 tokenchars '_'")"""
_QUERY = """select rowid, bm25(records, 1.0, 1.0, 0.5) as rank from records where records match ?
    order by rank, rowid desc limit ?"""


class Episodic(RecordMemory):
    """BM25 over issue, files, notes and failing output; equal ranks go to the later record."""

    def __init__(self, home: Path, **options: Any) -> None:
        super().__init__(home, **options)
        self._open()

    def index(self, start: int) -> None:
        """Add records to the index."""
        if start == 0:
            self._database.close()
            self._open()
        for row, record in enumerate(self.records[start:], start):
            columns = [words(part) for part in _columns(record)]
            self._seen.update({word for column in columns for word in column})
            self._database.execute(
                "insert into records(rowid, statement, files, rest) values (?, ?, ?, ?)",
                (row, *map(joined, columns)),
            )

    def rank(self, task: Task) -> Sequence[tuple[int, float]]:
        """BM25 of the records that share a word with the issue; larger is better."""
        query = self._query(task.problem_statement)
        if not query:
            return []
        rows = self._database.execute(_QUERY, (query, self.k)).fetchall()
        # SQLite's bm25 is negative; rounding keeps ties the same after a rebuild.
        return [(row, max(round(-score, 6), 1e-6)) for row, score in rows]

    def _open(self) -> None:
        # A run may build its memory in one thread and use it in another, never in two at once.
        self._database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._database.execute(_TABLE)
        self._seen: Counter[str] = Counter()

    def _query(self, text: str) -> str:
        """The issue's rarest known words, quoted: nothing of the text is FTS5 syntax."""
        known = sorted((self._seen[w], w) for w in set(words(text)) if w in self._seen)
        chosen: list[str] = []
        visits = 0
        for frequency, word in known[:TERMS]:
            visits += frequency
            if visits > VISITS and chosen:
                break
            chosen.append(f'"{word}"')
        return " OR ".join(chosen)


def _columns(record: Record) -> tuple[str, str, str]:
    return record.statement, joined(record.files), f"{record.note} {record.output}"
