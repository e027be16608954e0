"""The leaderboard's tables, which text, Markdown and the page share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import exp

from seqswe.analysis.leaderboard import Cell, Leaderboard, Row
from seqswe.analysis.leaderboard_words import span
from seqswe.analysis.words import difference, p_number, plain
from seqswe.outcome import Outcome
from seqswe.reports.table import Column, Columns, Table
from seqswe.statistics import Estimate, Pooled

NONE = "–"
NO_BREAK = "\u00a0"


def standings_table(board: Leaderboard) -> Table:
    """Every memory's mean, what is sure about its place, and its difference to the reference."""
    outcome = board.outcome
    columns: list[Column[Row]] = [
        Column("Memory", lambda row: row.memory),
        Column("Tier", lambda row: NONE if row.tier is None else str(row.tier)),
        Column("Ranks", ranks),
        Column("Mean lift (95 %)", lambda row: _span(outcome, row.lift)),
        Column("p of lift", lambda row: _p(row.p)),
    ]
    if board.reference:
        columns += [
            Column(f"To {board.reference} (95 %)", lambda row: _against(board, row)),
            Column("p of difference", lambda row: _p(row.against.p if row.against else None)),
        ]
    columns.append(Column("Codebases", lambda row: f"{len(row.counted)} of {len(board.codebases)}"))
    return Table.of(
        "Standings",
        tuple(columns),
        board.rows,
        "Mean lift: of the sequential over the i.i.d. arm, every codebase with the same weight. "
        "Ranks: those that the data do not exclude, all at once (95 %). Within a tier nobody is "
        "surely better than another. p-values are Holm's, over the memories; none under five "
        "codebases. Differences to another memory are of the sequential arms, task by task.",
    )


def lifts_table(board: Leaderboard) -> Table:
    """Memory × codebase: the lift with its interval."""
    columns: list[Column[Row]] = [Column("Memory", lambda row: row.memory)]
    for codebase in board.codebases:
        columns.append(Column(codebase, _cell_of(board.outcome, codebase)))
    columns.append(Column("Mean", lambda row: _short(board.outcome, row.lift)))
    unit = "points" if board.outcome.percent else board.outcome.unit
    table = Table.of(
        f"Lift by codebase ({unit}, 95 %)",
        tuple(columns),
        board.rows,
        "Each over the memory's own i.i.d. arm on that codebase, unless a warning says that one "
        "was shared. An unfinished run is marked and enters no mean.",
    )
    return replace(table, wraps=True)


def pooled_table(board: Leaderboard) -> Table:
    """How far codebases differ, and what a new one may bring."""
    outcome = board.outcome
    columns: Columns[tuple[str, Pooled]] = (
        Column("Memory", lambda item: item[0]),
        Column("Mean lift (95 %)", lambda item: span(outcome, item[1])),
        Column("τ", lambda item: difference(outcome, item[1].tau).lstrip("+")),
        Column("I²", lambda item: f"{100 * item[1].i_squared:.0f} %"),
        Column("A new codebase", lambda item: _predicted(outcome, item[1])),
    )
    return Table.of(
        "Between codebases",
        columns,
        [(row.memory, row.lift) for row in board.rows if row.lift],
        "τ: standard deviation of the true lifts between codebases (Paule and Mandel). I²: share "
        "of the spread seen that is not noise. A new codebase's lift lies in the last column in "
        "about 90 to 95 % of cases. Lifts are taken as normal between codebases; where they are "
        "skewed, intervals hold up to .05 less often than they say.",
    )


def harm_table(board: Leaderboard) -> Table:
    """What a memory loses and costs beside what it lifts."""
    columns: list[Column[Row]] = [
        Column("Memory", lambda row: row.memory),
        Column("Lost (95 %)", lambda row: _share(row.lost)),
        Column("Lost by chance", lambda row: _percent(row.by_chance)),
        Column("Won (95 %)", lambda row: _share(row.won)),
        *(Column(f"{r.short} (95 %)", _ratio_of(r.name)) for r in board.resources),
    ]
    rows = [row for row in board.rows if row.lost or row.ratios]
    return Table.of(
        "Harm and cost",
        tuple(columns),
        rows,
        "Lost: share of rollouts that did not solve a task which the i.i.d. arm's majority "
        "solved; by chance: the same for the i.i.d. arm's runs against each other. Won: the other "
        "way round. Of a rank only the first place is solved. Cost and tokens against the i.i.d. "
        "arm, the memory's own model with them. Means over codebases, without a test.",
    )


def runs_table(board: Leaderboard) -> Table:
    """What was read: every run with its size and digest."""
    columns: Columns[Cell] = (
        Column("Codebase", lambda cell: cell.stream.codebase),
        Column("Memory", lambda cell: cell.stream.memory),
        Column("Source", lambda cell: cell.stream.source),
        Column("Tasks, seeds", lambda cell: f"{len(cell.stream.tasks)}, {cell.stream.seeds}"),
        Column("I.i.d. arm", _baseline),
        Column("Graded", lambda cell: f"{cell.stream.graded} of {cell.stream.planned}"),
        Column("Results digest", lambda cell: cell.stream.digest[:23] or NONE),
    )
    cells = [cell for row in board.rows for cell in row.cells.values()]
    return Table.of("Runs", columns, sorted(cells, key=lambda cell: cell.stream.codebase))


def all_tables(board: Leaderboard) -> list[Table]:
    """The tables that have any rows, the standings first."""
    makers = (standings_table, lifts_table, pooled_table, harm_table, runs_table)
    return [table for table in (make(board) for make in makers) if table.rows]


def short_table(board: Leaderboard) -> Table:
    """What a terminal shows: the standings, or the lifts one by one where nothing is pooled."""
    return standings_table(board) if board.pooled else lifts_table(board)


def ranks(row: Row) -> str:
    """`2–5`, or that nothing is known of it."""
    if row.ranks is None:
        return NONE
    best, worst = row.ranks
    return str(best) if best == worst else f"{best}–{worst}"


def _span(outcome: Outcome, pooled: Pooled | None) -> str:
    return span(outcome, pooled) if pooled else NONE


def _short(outcome: Outcome, estimate: Estimate | Pooled | None) -> str:
    """A span without its unit, for a table that names it once; it breaks before its interval."""
    if estimate is None:
        return NONE
    middle, ends = span(outcome, estimate).replace(" points", "").split(" (")
    return f"{middle} ({ends.replace(' ', NO_BREAK)}"


def _against(board: Leaderboard, row: Row) -> str:
    if row.memory == board.reference:
        return "the reference"
    return _span(board.outcome, row.against.pooled if row.against else None)


def _cell_of(outcome: Outcome, codebase: str) -> Callable[[Row], str]:
    def told(row: Row) -> str:
        cell = row.cells.get(codebase)
        if cell is None:
            return NONE
        mark = "" if cell.stream.complete else "INCOMPLETE "
        return mark + _short(outcome, cell.lift)

    return told


def _ratio_of(name: str) -> Callable[[Row], str]:
    def told(row: Row) -> str:
        pooled = row.ratios.get(name)
        if pooled is None:
            return NONE
        ends = (plain(exp(end), 2) for end in (pooled.estimate, pooled.low, pooled.high))
        return "× {} ({} to {})".format(*ends)

    return told


def _predicted(outcome: Outcome, pooled: Pooled) -> str:
    low = difference(outcome, pooled.predicted_low).split(" ")[0]
    return f"{low} to {difference(outcome, pooled.predicted_high)}"


def _share(pooled: Pooled | None) -> str:
    if pooled is None:
        return NONE
    low, high = (100 * min(1.0, max(0.0, end)) for end in (pooled.low, pooled.high))
    return f"{100 * pooled.estimate:.1f} % ({low:.1f} to {high:.1f})"


def _percent(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:.1f} %"


def _p(p: float | None) -> str:
    return NONE if p is None else p_number(p)


def _baseline(cell: Cell) -> str:
    if not cell.stream.baseline:
        return "none"
    return f"of {cell.stream.lender}" if cell.stream.lender else "its own"
