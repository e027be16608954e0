"""What a table is, whoever prints it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from seqswe.analysis import ArmResult


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


def seeds_of(arm: ArmResult) -> str:
    """How many seeds an arm has, and whether they gave the same."""
    return f"{len(arm.seeds)}{' (identical)' if arm.deterministic else ''}"
