"""BM25 over SQLite's FTS5, held in main memory: exact, deterministic, in the standard library."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence

from memory_backends.shared.text import joined, words

TERMS = 48
"""Words of a query at most; the rarest ones are kept."""
VISITS = 6_000
"""Sum of the document frequencies of a query's words at most. It bounds the time of a query and
drops only words so common that they hardly rank: on 2,325 fixes of sqlglot it changed nothing."""

_TABLE = """create virtual table docs using fts5(
    title, body, rest, content='', tokenize="unicode61 remove_diacritics 0 tokenchars '_'")"""
_QUERY = """select rowid, bm25(docs, {}, {}, {}) as rank from docs where docs match ?
    order by rank, rowid desc limit ?"""


class Index:
    """Documents of three columns, by number; equal ranks go to the larger number.

    weights: how much a word counts in each column.
    """

    def __init__(self, weights: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> None:
        # A run may build its memory in one thread and use it in another, never in two at once.
        self._database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._database.execute(_TABLE)
        self._query = _QUERY.format(*weights)
        self._seen: Counter[str] = Counter()

    def add(self, number: int, title: str, body: str = "", rest: str = "") -> None:
        """Add a document under a number of its own."""
        columns = [words(column) for column in (title, body, rest)]
        self._seen.update({word for column in columns for word in column})
        self._database.execute(
            "insert into docs(rowid, title, body, rest) values (?, ?, ?, ?)",
            (number, *map(joined, columns)),
        )

    def search(self, text: str, limit: int) -> Sequence[tuple[int, float]]:
        """Return numbers and positive scores of the documents that share a word with the text."""
        query = self._match(text)
        if not query:
            return []
        rows = self._database.execute(self._query, (query, min(limit, 1 << 40))).fetchall()
        # SQLite's bm25 is negative; rounding keeps ties the same after a rebuild.
        return [(row, max(round(-score, 6), 1e-6)) for row, score in rows]

    def close(self) -> None:
        """Release the main memory."""
        self._database.close()

    def _match(self, text: str) -> str:
        """Build a query of the text's rarest known words, quoted, so that none is FTS5 syntax."""
        by_rarity = sorted((self._seen[w], w) for w in set(words(text)) if w in self._seen)
        chosen: list[str] = []
        visits = 0
        for frequency, word in by_rarity[:TERMS]:
            visits += frequency
            if visits > VISITS and chosen:
                break
            chosen.append(f'"{word}"')
        return " OR ".join(chosen)
