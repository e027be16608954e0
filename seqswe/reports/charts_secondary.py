"""Charts beside the curves: forest, run means, heatmap, cost per resolved, the memory's growth."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

import altair as alt
import numpy as np

from seqswe.analysis import Analysis, ArmResult, Contrast, Efficiency
from seqswe.analysis.words import verdict
from seqswe.outcome import Outcome
from seqswe.reports.chart_base import (
    Plot,
    Row,
    Spec,
    axis_title,
    factor_of,
    lift_title,
    position,
)
from seqswe.statistics.arrays import FloatArray

STEP = 34
"""Height of one row of a forest, in pixels."""
MOST_COLUMNS = 300
"""Columns of a heatmap; longer sequences are drawn as blocks of consecutive tasks."""
MOST_LINE_POINTS = 300
LABELS = alt.Axis(labelLimit=150)


def forest_of_runs(analysis: Analysis) -> Spec | None:
    """The headline contrast of every run under each other; None for a single run."""
    headlines = analysis.headlines()
    if len(analysis.runs) < 2 or not headlines:
        return None
    best_first = sorted(headlines, key=lambda c: -c.estimate)
    return _forest([(c.run, c) for c in best_first], "Run", lift_title(headlines[0]))


def forest_of_outcomes(analysis: Analysis, run: str) -> Spec | None:
    """The primary pair of one run on every outcome that is a share."""
    primary = next((c for c in analysis.headlines() if c.run == run), None)
    if primary is None:
        return None
    shares = [
        (c.outcome.short, c)
        for c in analysis.contrasts
        if c.run == run and c.name == primary.name and c.outcome.kind == "share"
    ]
    title = "Lift (percentage points)"
    return _forest(shares, "Outcome", title, percent=True) if len(shares) > 1 else None


def run_means(arms: Iterable[ArmResult], outcome: Outcome) -> Spec | None:
    """One dot per seed: how far whole runs lie apart."""
    factor = factor_of(outcome)
    shown = list(arms)
    rows: list[Row] = [
        {"arm": arm.arm, "seed": seed, "mean": factor * mean}
        for arm in shown
        for seed, mean in zip(arm.seeds, arm.outcomes[outcome.name].run_means, strict=True)
        if mean is not None
    ]
    if not rows:
        return None
    plot = Plot()
    dots = (
        plot.chart(rows)
        .mark_point(filled=True, size=90, opacity=0.75)
        .encode(
            x=alt.X("mean:Q", title=axis_title(outcome), scale=alt.Scale(zero=False, padding=12)),
            y=alt.Y("arm:N", title="Arm", sort=None, axis=LABELS),
            color=alt.Color("arm:N", legend=None, scale=_same(shown)),
            tooltip=[
                alt.Tooltip("arm:N", title="Arm"),
                alt.Tooltip("seed:Q", title="Seed"),
                alt.Tooltip("mean:Q", title="Mean of the run", format=".3~f"),
            ],
        )
    )
    return plot.finished(dots, STEP * len(shown))


def heatmap(arms: Iterable[ArmResult], outcome: Outcome) -> Spec | None:
    """Task by seed: where the arms succeed, and where a verdict is missing (left blank)."""
    rows: list[Row] = []
    tasks = 1
    for arm in arms:
        values = arm.outcomes[outcome.name].values * factor_of(outcome)
        tasks = max(tasks, len(values))
        for column, seed in enumerate(arm.seeds):
            rows += _cells(f"{arm.arm} · {seed}", values[:, column])
    if not rows:
        return None
    plot = Plot()
    cells = (
        plot.chart(rows)
        .mark_rect()
        .encode(
            x=position(tasks, cells=True),
            x2=alt.X2("last:Q"),
            y=alt.Y("row:N", title="Arm · seed", sort=None, axis=LABELS),
            color=alt.Color("value:Q", title=axis_title(outcome), legend=_gradient(outcome)),
            tooltip=[
                alt.Tooltip("row:N", title="Arm · seed"),
                alt.Tooltip("task:Q", title="Task", format=".0f"),
                alt.Tooltip("value:Q", title=outcome.title, format=".3~f"),
            ],
        )
    )
    return plot.finished(cells, 22 * len({row["row"] for row in rows}))


def growth(arms: Iterable[ArmResult], outcome: Outcome) -> Spec | None:
    """Size of the memory, or of what was recalled, along the sequence (mean over seeds)."""
    shown = list(arms)
    rows: list[Row] = []
    for arm in shown:
        grown = arm.outcomes.get(outcome.name)
        rows += _line(arm.arm, grown.values) if grown and np.nanmax(grown.values) > 0 else []
    if not rows:
        return None
    plot, legend = Plot(), lines_legend(row["arm"] for row in rows)
    lines = (
        plot.chart(rows)
        .mark_line(strokeWidth=2)
        .encode(
            x=position(max(row["task"] for row in rows)),
            y=alt.Y("value:Q", title=f"{outcome.title} (kB)"),
            color=alt.Color("arm:N", title=None, scale=_same(shown), legend=legend),
            strokeDash=alt.StrokeDash("arm:N", title=None, scale=_same(shown), legend=legend),
            tooltip=[
                alt.Tooltip("arm:N", title="Arm"),
                alt.Tooltip("task:Q", title="Task", format=".0f"),
                alt.Tooltip("value:Q", title="kB", format=",.1f"),
            ],
        )
    )
    return plot.finished(lines, 200)


def cost_ratios(efficiencies: Iterable[Efficiency]) -> Spec | None:
    """Cost per resolved task against the baseline, one row per resource, on a log axis."""
    rows: list[Row] = [
        {
            "row": e.outcome.short,
            "mid": e.ratio.ratio,
            "low": e.ratio.low,
            "high": e.ratio.high,
            "verdict": "",
        }
        for e in efficiencies
        if e.ratio and isfinite(e.ratio.high) and e.ratio.low > 0
    ]
    if not rows:
        return None
    title = "Ratio to the baseline (log)"
    log = alt.Scale(type="log", nice=False, padding=16)
    return _rows(rows, "Resource", alt.X("low:Q", title=title, scale=log), 1.0)


def lines_legend(arms: Iterable[str]) -> alt.Legend:
    """A legend of those arms that are drawn, its symbols long enough to tell dashes apart."""
    drawn = list(dict.fromkeys(arms))
    return alt.Legend(title=None, symbolType="stroke", symbolSize=300, values=drawn)


def _forest(
    contrasts: list[tuple[str, Contrast]], y_title: str, x_title: str, *, percent: bool = False
) -> Spec:
    rows: list[Row] = []
    for label, c in contrasts:
        factor = 100.0 if percent else factor_of(c.outcome, ratio=c.scale == "ratio")
        mid, low, high = (factor * value for value in (c.estimate, c.low, c.high))
        if not isfinite(high - low):
            continue
        rows.append({"row": label, "mid": mid, "low": low, "high": high, "verdict": verdict(c)})
    return _rows(rows, y_title, alt.X("low:Q", title=x_title), 0.0)


def _rows(rows: list[Row], y_title: str, x: alt.X, neutral: float) -> Spec:
    plot = Plot()
    base = plot.chart(rows).encode(
        y=alt.Y("row:N", title=y_title, sort=None, axis=LABELS),
        tooltip=[
            alt.Tooltip("row:N", title=y_title),
            alt.Tooltip("mid:Q", title="Estimate", format=".3~f"),
            alt.Tooltip("low:Q", title="From", format=".3~f"),
            alt.Tooltip("high:Q", title="To", format=".3~f"),
            alt.Tooltip("verdict:N", title="Verdict"),
        ],
    )
    bars = base.mark_bar(height=3).encode(x=x, x2=alt.X2("high:Q"))
    dots = base.mark_point(filled=True, size=80, opacity=1).encode(x="mid:Q")
    line = plot.chart([{"at": neutral}]).mark_rule(strokeDash=[4, 4]).encode(x="at:Q")
    return plot.finished(alt.layer(line, bars, dots), STEP * len(rows))


def _cells(row: str, values: FloatArray) -> list[Row]:
    block = -(-len(values) // MOST_COLUMNS)
    cells = []
    for start in range(0, len(values), block):
        part = values[start : start + block]
        if np.isfinite(part).any():
            cells.append(
                {
                    "row": row,
                    "task": start + 1,
                    "first": start + 0.5,
                    "last": start + len(part) + 0.5,
                    "value": round(float(np.nanmean(part)), 4),
                }
            )
    return cells


def _line(arm: str, values: FloatArray) -> list[Row]:
    tasks = np.flatnonzero(np.isfinite(values).any(axis=1))
    every = -(-len(tasks) // MOST_LINE_POINTS)
    # The last task belongs to the picture: it is the size that stays.
    shown = sorted({*tasks[::every].tolist(), int(tasks[-1])})
    return [
        {"arm": arm, "task": task + 1, "value": round(float(np.nanmean(values[task])) / 1000, 3)}
        for task in shown
    ]


def _same(arms: list[ArmResult]) -> alt.Scale:
    # An arm keeps its colour from chart to chart, also where another arm has nothing to show.
    return alt.Scale(domain=[arm.arm for arm in arms])


def _gradient(outcome: Outcome) -> alt.Legend:
    return alt.Legend(title=axis_title(outcome), gradientLength=160, titleLimit=160)
