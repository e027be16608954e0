"""leaderboard.html: one file that opens from disk with no network, charts and all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt

from seqswe import __version__
from seqswe.analysis.leaderboard import Cell, Leaderboard
from seqswe.analysis.leaderboard_words import sentences
from seqswe.reports.chart_base import Plot, Row, Spec, factor_of
from seqswe.reports.chart_text import rows_text
from seqswe.reports.html import asset, charts_library, content_policy, rendered
from seqswe.reports.leaderboard_tables import all_tables
from seqswe.reports.static import LIGHT, Theme, panel, stacked
from seqswe.statistics import Estimate, Pooled
from seqswe.visible import visible_data

STEP = 34
"""Height of a row, in pixels."""
WIDEST = 150
"""Pixels that a row's name may take."""
APART = alt.Axis(labelSeparation=8)
"""Numbers that only just do not overlap run into each other."""
CAPTIONS = {
    "lifts": (
        "Mean lift over codebases",
        "The mean of each memory with its 95 % interval; ticks are its codebases. Right of the "
        "dashed line the memory helps.",
    ),
    "cells": (
        "Lift by codebase",
        "The lift of each memory on each codebase with its 95 % interval: too few codebases for a "
        "mean.",
    ),
    "ranks": (
        "Ranks that the data do not exclude",
        "All bars hold at once (95 %, Holm over all pairs). Where two bars overlap widely the "
        "order of the two is not known.",
    ),
    "against": (
        "Against the reference",
        "The difference of the sequential arms, task by task, pooled over codebases (95 %). Right "
        "of the dashed line the memory is better than the reference.",
    ),
}


def page(board: Leaderboard) -> str:
    """The leaderboard as HTML text; text of runs is escaped, and no other script runs."""
    scripts = [charts_library(), asset("report.js")]
    specs = charts_of(board)
    return rendered(
        "leaderboard.html.j2",
        board=board,
        title=f"Leaderboard: {len(board.rows)} memories on {len(board.codebases)} codebases",
        sentences=sentences(board),
        figures=[_figure(name, spec) for name, spec in specs.items()],
        specs=visible_data(specs),
        tables=all_tables(board),
        style=asset("report.css"),
        scripts=scripts,
        policy=content_policy(scripts),
        version=__version__,
    )


def charts_of(board: Leaderboard) -> Mapping[str, Spec]:
    """The charts that the leaderboard has the numbers for, by name."""
    specs = {
        "lifts": lifts_chart(board) if board.pooled else None,
        "cells": None if board.pooled else cells_chart(board),
        "ranks": ranks_chart(board),
        "against": against_chart(board),
    }
    return {name: spec for name, spec in specs.items() if spec}


def picture(board: Leaderboard, theme: Theme = LIGHT) -> Spec:
    """The lifts of a leaderboard, and its differences to the reference, as one picture."""
    marks = "SYNTHETIC · " * board.synthetic + "INCOMPLETE · " * (not board.complete)
    charts = charts_of(board)
    shown = [name for name in ("lifts", "cells", "against") if name in charts]
    titles = (f"{marks}{board.agent} · {CAPTIONS[name][0]}" for name in shown)
    return stacked(
        [panel(charts[name], title, f"{name}-") for name, title in zip(shown, titles, strict=True)],
        theme,
    )


def lifts_chart(board: Leaderboard) -> Spec:
    """Pooled lifts with intervals over a tick for each codebase."""
    factor = factor_of(board.outcome)
    means = [_interval(row.memory, row.lift, factor) for row in board.rows if row.lift]
    ticks: list[Row] = [
        {"row": row.memory, "codebase": cell.stream.codebase, "lift": factor * cell.lift.estimate}
        for row in board.rows
        for cell in row.counted
        if cell.lift
    ]
    plot = Plot()
    each = (
        plot.chart(ticks)
        .mark_tick(thickness=2, size=14, opacity=0.8)
        .encode(
            x="lift:Q",
            y=_names(means),
            tooltip=[
                alt.Tooltip("row:N", title="Memory"),
                alt.Tooltip("codebase:N", title="Codebase"),
                alt.Tooltip("lift:Q", title="Lift", format="+.3~f"),
            ],
        )
    )
    return _forest(plot, means, _title(board), "Memory", [each])


def cells_chart(board: Leaderboard) -> Spec | None:
    """Every memory on every codebase, where there is no mean."""
    factor = factor_of(board.outcome)
    cells: list[Cell] = [cell for row in board.rows for cell in row.cells.values()]
    rows = [
        _interval(f"{c.stream.memory} · {c.stream.codebase}", c.lift, factor)
        for c in cells
        if c.lift
    ]
    return _forest(Plot(), rows, _title(board), "Memory · codebase") if rows else None


def against_chart(board: Leaderboard) -> Spec | None:
    """Differences to the reference."""
    factor = factor_of(board.outcome)
    rows = [
        _interval(row.memory, row.against.pooled, factor)
        for row in board.rows
        if row.against and row.against.pooled
    ]
    unit = "percentage points" if board.outcome.percent else board.outcome.unit
    title = f"Difference to {board.reference} ({unit})"
    return _forest(Plot(), rows, title, "Memory") if rows else None


def ranks_chart(board: Leaderboard) -> Spec | None:
    """A bar from the best to the worst rank of each memory, in the shade of its tier."""
    rows: list[Row] = [
        {
            "row": row.memory,
            # A bar of one rank would have no length.
            "from": row.ranks[0] - 0.4,
            "to": row.ranks[1] + 0.4,
            "best": row.ranks[0],
            "worst": row.ranks[1],
            "tier": f"tier {row.tier}",
        }
        for row in board.rows
        if row.ranks
    ]
    if not rows:
        return None
    plot = Plot()
    ends = alt.Scale(domain=[0.5, len(board.rows) + 0.5], nice=False)
    whole = alt.Axis(values=list(range(1, len(board.rows) + 1)), format="d")
    bars = (
        plot.chart(rows)
        .mark_bar(height=12, cornerRadius=4)
        .encode(
            x=alt.X("from:Q", title="Rank (1 is best)", scale=ends, axis=whole),
            x2=alt.X2("to:Q"),
            y=_names(rows),
            color=alt.Color("tier:N", title="Tier"),
            tooltip=[
                alt.Tooltip("row:N", title="Memory"),
                alt.Tooltip("best:Q", title="Best rank"),
                alt.Tooltip("worst:Q", title="Worst rank"),
                alt.Tooltip("tier:N", title="Tier"),
            ],
        )
    )
    return plot.finished(bars, STEP * len(rows))


def _forest(
    plot: Plot, rows: list[Row], title: str, axis: str, below: Iterable[alt.Chart] = ()
) -> Spec:
    tips = [
        alt.Tooltip("row:N", title=axis),
        alt.Tooltip("estimate:Q", title="Estimate", format="+.3~f"),
        alt.Tooltip("low:Q", title="From", format="+.3~f"),
        alt.Tooltip("high:Q", title="To", format="+.3~f"),
    ]
    base = plot.chart(rows).encode(y=_names(rows), tooltip=tips)
    lines = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title=title, axis=APART), x2="high:Q"
    )
    dots = base.mark_point(filled=True, size=80, opacity=1).encode(
        x=alt.X("estimate:Q", title=title, axis=APART)
    )
    zero = plot.chart([{"zero": 0}]).mark_rule(strokeDash=[4, 4]).encode(x="zero:Q")
    return plot.finished(alt.layer(zero, *below, lines, dots), STEP * len(rows))


def _interval(name: str, estimate: Estimate | Pooled, factor: float) -> Row:
    return {
        "row": name,
        "estimate": factor * estimate.estimate,
        "low": factor * estimate.low,
        "high": factor * estimate.high,
    }


def _names(rows: list[Row]) -> alt.Y:
    """The rows, in order, with as much room for their names as the widest font takes: what draws a
    picture and what shows it may have different ones."""
    room = min(WIDEST, 7 * max(len(row["row"]) for row in rows))
    axis = alt.Axis(labelLimit=WIDEST, minExtent=room)
    return alt.Y("row:N", title=None, sort=None, axis=axis)


def _title(board: Leaderboard) -> str:
    unit = "percentage points" if board.outcome.percent else board.outcome.unit
    return f"Lift ({unit.removeprefix('mean ')})"


def _figure(name: str, spec: Spec) -> Mapping[str, Any]:
    title, caption = CAPTIONS[name]
    return {
        "id": name,
        "title": title,
        "caption": caption,
        "text": _ranks_text(spec) if name == "ranks" else rows_text(spec),
        "wide": name in ("lifts", "cells"),
    }


def _ranks_text(spec: Spec) -> str:
    rows = [row for rows in spec["datasets"].values() for row in rows]
    said = (f"{row['row']} ranks {row['best']} to {row['worst']}, {row['tier']}" for row in rows)
    return f"{'; '.join(said)}."
