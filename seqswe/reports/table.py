"""A table as reports print it: a caption, a header row and rows of plain text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

Item = TypeVar("Item")

NUMBERS = re.compile(r"(?:[\d\s.,:+\-−–%×()/|<>=∞]|\b(?:to|points|USD|kB|s|so far)\b)+")
"""A cell of numbers, their signs and units, or a dash for none."""


@dataclass(frozen=True, slots=True)
class Column(Generic[Item]):
    """One column of a table over items: its title, and an item's text in it."""

    title: str
    text: Callable[[Item], str]


Columns = tuple[Column[Item], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of unescaped text; the report that prints it escapes."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    wraps: bool = False
    """Whether a page may break short cells, because there are as many columns as there are."""

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold nothing but numbers: pages set those to the right."""
        columns = zip(*self.rows, strict=True)
        return tuple(all(NUMBERS.fullmatch(cell) for cell in cells) for cells in columns)

    @classmethod
    def of(
        cls, caption: str, columns: Columns[Item], items: Iterable[Item], note: str = ""
    ) -> Table:
        """A table with a row per item, its columns in their order."""
        return cls(
            caption=caption,
            header=tuple(column.title for column in columns),
            rows=tuple(tuple(column.text(item) for column in columns) for item in items),
            note=note,
        )

    def without_run(self) -> Table:
        """The table without its column of runs, which says nothing where there is only one."""
        if self.header[0] != "Run":
            return self
        return replace(self, header=self.header[1:], rows=tuple(row[1:] for row in self.rows))


def table_text(table: Table) -> str:
    """A table for a terminal: columns of one width each, under its header, numbers to the right."""
    rows = [table.header, *table.rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.header))]
    right = table.numeric or tuple(False for _ in table.header)
    lines = [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)
