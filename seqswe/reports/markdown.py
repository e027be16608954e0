"""report.md: for a pull request or a step summary."""

from __future__ import annotations

from seqswe.analysis import Analysis
from seqswe.reports.table import Table
from seqswe.reports.tables import all_tables, settings_table
from seqswe.visible import visible


class MarkdownReport:
    """The Markdown report (GitHub's dialect)."""

    suffix = ".md"

    def render(self, analysis: Analysis) -> bytes:
        """UTF-8 Markdown; text from runs is escaped."""
        return markdown(analysis).encode("utf-8", "replace")


def markdown(analysis: Analysis) -> str:
    """The whole report as Markdown."""
    mark = " (SYNTHETIC)" if analysis.synthetic else ""
    parts = [f"# SeqSWE report{mark}", ""]
    parts += [f"> **{escape(text)}**\n" for text in analysis.warnings]
    parts += [f"{escape(text)}\n" for text in analysis.sentences]
    tables = [*all_tables(analysis), *(settings_table(run) for run in analysis.runs)]
    parts += [table_markdown(table) for table in tables]
    return "\n".join(parts)


def table_markdown(table: Table) -> str:
    """One table under its heading."""
    rules = [("---:" if number else "---") for number in table.numeric] or ["---"] * len(
        table.header
    )
    rows = [table.header, tuple(rules), *table.rows]
    lines = ["| " + " | ".join(map(escape_cell, row)) + " |" for row in rows]
    note = [escape(table.note), ""] if table.note else []
    return "\n".join([f"## {escape(table.caption)}", "", *lines, "", *note])


def escape(text: str) -> str:
    """Text that stays text in Markdown: no markup, no HTML, one line."""
    one_line = visible(" ".join(text.split()))
    for sign in "\\`*_[]<>#|~":
        one_line = one_line.replace(sign, "&lt;" if sign == "<" else "\\" + sign)
    return one_line


def escape_cell(text: str) -> str:
    """Text of one table cell; long text is cut."""
    return (
        text if text in ("---", "---:") else escape(text if len(text) <= 200 else text[:199] + "…")
    )
