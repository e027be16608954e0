"""A history of runs in words, as a table, as Markdown and as JSON; `history_page.py` draws it."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from seqswe.analysis.words import difference, mean_interval, p_value, percent, value
from seqswe.comparison.compare import Change, Finding
from seqswe.comparison.history import History, Point
from seqswe.reports.comparison import change_json, difference_lines, flip_sentences, flip_tables
from seqswe.reports.markdown import escape, table_markdown
from seqswe.reports.table import Column, Columns, Table, table_text

WORDS = {Finding.REGRESSION: "DROP", Finding.IMPROVEMENT: "RISE"}


def sentences(history: History) -> list[str]:
    """Each change of the level by name, or that there is none and what would have been seen."""
    lines = [_shift(history, index, change) for index, change in history.shifts.items()]
    if lines:
        return _marked(history, lines)
    last = history.points[-1].change
    if last is None or last.estimate.p is None:
        text = "NO TEST: under three seeds the noise between runs is not known."
    else:
        least = difference(history.outcome, last.verdict.detectable).lstrip("+")
        text = (
            f"NO CHANGE is shown in {len(history.points)} runs. The smallest that the last of them "
            f"would have shown with 80 % power is {least}."
        )
    return _marked(history, [text])


def remarks(history: History) -> list[str]:
    """What stands beside the changes: the tasks that flipped, the settings that differ."""
    lines = []
    for index, change in history.shifts.items():
        label = history.points[index].label
        lines += [f"{label}: {text}" for text in flip_sentences(change)]
    for point in history.points:
        lines += [f"{point.label}: {text}" for text in difference_lines(point.differences)]
    tests = len(history.points) - 1
    lines.append(
        f"Each run is held against those since the last change. {tests} "
        f"{'tests share' if tests > 1 else 'test has'} 5 %, so each is made at "
        f"{percent(history.level)}; a longer history tests each run more strictly."
    )
    return lines


def history_table(history: History) -> Table:
    """One row per run."""
    outcome = history.outcome
    columns: Columns[Point] = (
        Column("Run", lambda p: p.label),
        Column("Began", lambda p: p.day or "–"),
        *(_mean_column(history, arm) for arm in history.arms),
        Column("Change", lambda p: _difference(p.change)),
        Column(f"{percent(history.level)} interval", lambda p: _interval(p.change)),
        Column("Mark", lambda p: WORDS[p.shift] if p.shift else "–"),
    )
    note = (
        f"{outcome.title}. Change: {history.arms[0]} against the runs since the last mark, paired "
        "by task."
    )
    return Table.of(f"{outcome.short} of {len(history.points)} runs", columns, history.points, note)


def _mean_column(history: History, arm: str) -> Column[Point]:
    return Column(
        f"{arm} (95 % interval)", lambda point: mean_interval(history.outcome, point.means[arm])
    )


def history_tables(history: History) -> list[Table]:
    """The runs, and below them the tasks that flipped where the level changed."""
    tables = [history_table(history)]
    for index, change in history.shifts.items():
        label = history.points[index].label
        found = flip_tables(change, ("Runs before", "This run"))
        tables += [replace(t, caption=f"{label}: {t.caption}") for t in found]
    return tables


def history_text(history: History) -> str:
    """The runs for a terminal."""
    return table_text(history_table(history))


def history_markdown(history: History) -> str:
    """The history as Markdown."""
    mark = " (SYNTHETIC)" if history.synthetic else ""
    lines = [f"# SeqSWE history: {escape(history.codebase)}{mark}", ""]
    lines += [f"**{escape(text)}**\n" for text in sentences(history)]
    lines += [f"- {escape(text)}" for text in remarks(history)]
    return "\n".join([*lines, "", *map(table_markdown, history_tables(history))])


def history_json(history: History) -> dict[str, Any]:
    """The history as plain data; docs/formats.md describes it."""
    return {
        "schema": "seqswe.history",
        "schema_version": 1,
        "codebase": history.codebase,
        "synthetic": history.synthetic,
        "arm": history.arms[0],
        "outcome": history.outcome.name,
        "level": history.level,
        "sentences": sentences(history),
        "runs": [_point_json(point) for point in history.points],
    }


def _point_json(point: Point) -> dict[str, Any]:
    return {
        "run": point.label,
        "day": point.day or None,
        "arms": {arm: asdict(mean) if mean else None for arm, mean in point.means.items()},
        "shift": point.shift.value if point.shift else None,
        "since": point.since,
        "change": change_json(point.change) if point.change else None,
        "differences": {name: list(pair) for name, pair in point.differences.items()},
    }


def _shift(history: History, index: int, change: Change) -> str:
    point = history.points[index]
    count = index - point.since
    before = "the run before" if count == 1 else f"the {count} runs before"
    return (
        f"{WORDS[change.finding]} in {point.label}{_day(point)}: {change.outcome.title} of "
        f"{change.arm} went from {value(change.outcome, change.base)} in {before} to "
        f"{value(change.outcome, change.head)}, "
        f"{difference(change.outcome, change.estimate.estimate)} "
        f"({percent(history.level)} interval {_interval(change)}; {p_value(change.estimate.p)}; "
        f"{change.estimate.n} tasks). {_since(history, index)}"
    )


def _since(history: History, index: int) -> str:
    later = [other for other in history.shifts if other > index]
    end = later[0] if later else len(history.points)
    stayed = end - index - 1
    runs = f"{stayed} run{'s' if stayed != 1 else ''}"
    if not stayed:
        return "The next run changed again." if later else "It is the newest run."
    kept = f"In {runs} after it no change from the new level is shown"
    return f"{kept}, then {history.points[end].label} changed again." if later else f"{kept}."


def _marked(history: History, lines: list[str]) -> list[str]:
    return [f"SYNTHETIC {line}" for line in lines] if history.synthetic else lines


def _day(point: Point) -> str:
    return f" ({point.day})" if point.day else ""


def _difference(change: Change | None) -> str:
    return difference(change.outcome, change.estimate.estimate) if change else "–"


def _interval(change: Change | None) -> str:
    if change is None:
        return "–"
    ends = (change.estimate.low, change.estimate.high)
    return " to ".join(difference(change.outcome, end) for end in ends)
