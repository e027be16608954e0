"""The leaderboard as text, Markdown, JSON, CSV and pictures; `leaderboard_page.py` is the page."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import asdict
from io import StringIO
from typing import Any

from seqswe import __version__
from seqswe.analysis.leaderboard import Cell, Difference, Leaderboard, Row
from seqswe.analysis.leaderboard_words import sentences
from seqswe.reports.csv_report import inert
from seqswe.reports.json_report import strict
from seqswe.reports.leaderboard_page import page, picture
from seqswe.reports.leaderboard_tables import all_tables, short_table
from seqswe.reports.markdown import escape, table_markdown
from seqswe.reports.static import DARK, as_png, as_svg
from seqswe.reports.table import table_text
from seqswe.statistics import Estimate, Pooled
from seqswe.visible import visible, visible_json

SCHEMA = "seqswe.leaderboard"
SCHEMA_VERSION = 1
CSV_COLUMNS = (
    *("memory", "codebase", "outcome", "complete", "synthetic", "tasks", "seeds", "lift", "low"),
    *("high", "lost", "won", "rank_from", "rank_to", "tier", "difference_to_reference"),
    *("difference_low", "difference_high", "p_against_reference"),
)
POOLED = "(mean over codebases)"


def text(board: Leaderboard) -> str:
    """The findings and the standings for a terminal."""
    parts = [*board.warnings, *sentences(board), "", table_text(short_table(board))]
    return visible("\n".join(parts)) + "\n"


def markdown(board: Leaderboard) -> str:
    """The whole leaderboard as Markdown."""
    mark = " (SYNTHETIC)" if board.synthetic else ""
    parts = [f"# SeqSWE leaderboard{mark}", ""]
    parts += [f"> **{escape(line)}**\n" for line in board.warnings]
    parts += [f"{escape(line)}\n" for line in sentences(board)]
    return "\n".join([*parts, *(table_markdown(table) for table in all_tables(board))])


def as_json(board: Leaderboard) -> dict[str, Any]:
    """The leaderboard as plain data, schema `seqswe.leaderboard`."""
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "seqswe": __version__,
        "complete": board.complete,
        "synthetic": board.synthetic,
        "agent": board.agent,
        "outcome": board.outcome.name,
        "reason": board.reason,
        "reference": board.reference or None,
        "codebases": list(board.codebases),
        "suite": board.suite or None,
        "sentences": list(sentences(board)),
        "warnings": list(board.warnings),
        "memories": [row_json(row) for row in board.rows],
    }


def row_json(row: Row) -> dict[str, Any]:
    """One memory: shares and lifts lie in −1 to 1, ratios are of the logarithm."""
    return {
        "memory": row.memory,
        "tier": row.tier,
        "ranks": list(row.ranks) if row.ranks else None,
        "lift": asdict(row.lift) if row.lift else None,
        "p": row.p,
        "against_reference": _difference_json(row.against),
        "lost": asdict(row.lost) if row.lost else None,
        "lost_by_chance": row.by_chance,
        "won": asdict(row.won) if row.won else None,
        "ratios": {name: asdict(pooled) for name, pooled in row.ratios.items()},
        "codebases": [_cell_json(cell) for cell in row.cells.values()],
    }


def csv_text(board: Leaderboard) -> str:
    """A line per memory and codebase, and one for the mean; what is missing is an empty cell."""
    out = StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(CSV_COLUMNS)
    for row in board.rows:
        for cell in row.cells.values():
            writer.writerow(_line(board, row, cell))
        writer.writerow(_line(board, row, None))
    return out.getvalue()


def _line(board: Leaderboard, row: Row, cell: Cell | None) -> list[object]:
    """One line of the CSV: of a codebase, or with None of the mean over them."""
    lift = cell.lift if cell else row.lift
    harm = cell.harm if cell else row
    against: Estimate | Pooled | None = None
    if row.against:
        codebase = cell.stream.codebase if cell else ""
        against = row.against.by_codebase.get(codebase) if cell else row.against.pooled
    stream = cell.stream if cell else None
    place = (*(row.ranks or ("", "")), row.tier or "") if cell is None else ("", "", "")
    return [
        inert(row.memory),
        inert(stream.codebase) if stream else POOLED,
        board.outcome.name,
        stream.complete if stream else all(c.stream.complete for c in row.cells.values()),
        stream.synthetic if stream else board.synthetic,
        len(stream.tasks) if stream else "",
        stream.seeds if stream else "",
        *_ends(lift),
        harm.lost.estimate if harm and harm.lost else "",
        harm.won.estimate if harm and harm.won else "",
        *place,
        *_ends(against),
        "" if cell or row.against is None or row.against.p is None else row.against.p,
    ]


def _ends(estimate: Estimate | Pooled | None) -> tuple[object, object, object]:
    return (estimate.estimate, estimate.low, estimate.high) if estimate else ("", "", "")


def _cell_json(cell: Cell) -> dict[str, Any]:
    stream, harm = cell.stream, cell.harm
    return {
        "codebase": stream.codebase,
        "source": stream.source,
        "complete": stream.complete,
        "synthetic": stream.synthetic,
        "tasks": len(stream.tasks),
        "seeds": stream.seeds,
        "planned": stream.planned,
        "graded": stream.graded,
        "iid_arm_of": stream.lender or (stream.memory if stream.baseline else None),
        "lift": asdict(cell.lift) if cell.lift else None,
        "lost": asdict(harm.lost) if harm else None,
        "lost_by_chance": harm.by_chance if harm else None,
        "won": asdict(harm.won) if harm else None,
        "ratios": {name: asdict(estimate) for name, estimate in cell.ratios.items()},
        "results_digest": stream.digest or None,
    }


def _difference_json(found: Difference | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "pooled": asdict(found.pooled) if found.pooled else None,
        "p": found.p,
        "codebases": {name: asdict(estimate) for name, estimate in found.by_codebase.items()},
    }


def _json_bytes(board: Leaderboard) -> bytes:
    return (visible_json(strict(as_json(board), indent=1, ensure_ascii=False)) + "\n").encode()


FORMATS: Mapping[str, tuple[str, Callable[[Leaderboard], bytes]]] = {
    "json": (".json", _json_bytes),
    "markdown": (".md", lambda board: markdown(board).encode("utf-8", "replace")),
    "html": (".html", lambda board: page(board).encode("utf-8", "replace")),
    "csv": (".csv", lambda board: csv_text(board).encode("utf-8", "replace")),
    "svg": (".svg", lambda board: as_svg(picture(board))),
    "svg-dark": ("-dark.svg", lambda board: as_svg(picture(board, DARK))),
    "png": (".png", lambda board: as_png(picture(board))),
    "text": (".txt", lambda board: text(board).encode("utf-8", "replace")),
}
"""By name: what the file's name ends with, and its bytes."""
