"""A table as reports print it: a caption, a header row and rows of plain text."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of unescaped text; the report that prints it escapes."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def without_run(self) -> Table:
        """The table without its column of runs, which says nothing where there is only one."""
        if self.header[0] != "Run":
            return self
        return replace(self, header=self.header[1:], rows=tuple(row[1:] for row in self.rows))
