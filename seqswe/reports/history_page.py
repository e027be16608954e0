"""history.html: the level of every run with its interval, and marks where it changed."""

from __future__ import annotations

from typing import Any

import altair as alt

from seqswe import __version__
from seqswe.analysis.words import difference, mean_interval, value
from seqswe.comparison.compare import Finding
from seqswe.comparison.history import History
from seqswe.reports.chart_base import Plot, Row, Spec, axis_title, factor_of
from seqswe.reports.charts_secondary import lines_legend
from seqswe.reports.history import WORDS, history_tables, remarks, sentences
from seqswe.reports.html import asset, charts_library, content_policy, rendered
from seqswe.visible import visible_data

CAPTION = (
    "A dot is the mean of a run, its line the 95 % interval of that run by itself. Triangles mark "
    "runs at which the level changed, with what changed."
)


def page(history: History) -> str:
    """The history as HTML text; text of runs is escaped, and no other script runs."""
    scripts = [charts_library(), asset("report.js")]
    return rendered(
        "history.html.j2",
        history=history,
        sentences=[text.partition(":") for text in sentences(history)],
        remarks=remarks(history),
        figure={
            "id": "history",
            "title": f"{history.outcome.title}, run by run",
            "caption": CAPTION,
            "text": chart_text(history),
            "wide": True,
        },
        specs=visible_data({"history": chart(history)}),
        tables=history_tables(history),
        style=asset("report.css"),
        scripts=scripts,
        policy=content_policy(scripts),
        version=__version__,
    )


def chart_text(history: History) -> str:
    """What the chart shows, for people who cannot see it."""
    arm = history.arms[0]
    said = "; ".join(
        f"{point.label} {mean_interval(history.outcome, point.means[arm])}"
        + (f" {WORDS[point.shift]}" if point.shift else "")
        for point in history.points
    )
    return f"{history.outcome.title} of {arm}, run by run: {said}."


def chart(history: History) -> Spec:
    """Means with intervals by run and arm, levels as lines, marks with their size in words."""
    outcome, factor = history.outcome, factor_of(history.outcome)
    rows: list[Row] = [
        {
            "run": point.label,
            "day": point.day,
            "arm": arm,
            "mean": factor * mean.estimate,
            "low": factor * mean.low,
            "high": factor * mean.high,
        }
        for point in history.points
        for arm, mean in point.means.items()
        if mean
    ]
    plot, names = Plot(), list(history.arms)
    scale = alt.Scale(domain=names)
    x = alt.X("run:N", title="Run", sort=None, axis=alt.Axis(labelAngle=0, labelLimit=110))
    full = alt.Scale(domain=[0, factor]) if outcome.kind == "share" else alt.Scale(zero=False)
    title = axis_title(outcome)
    tips = [
        alt.Tooltip("run:N", title="Run"),
        alt.Tooltip("day:N", title="Began"),
        alt.Tooltip("arm:N", title="Arm"),
        alt.Tooltip("mean:Q", title=outcome.title, format=".3~f"),
        alt.Tooltip("low:Q", title="From", format=".3~f"),
        alt.Tooltip("high:Q", title="To", format=".3~f"),
    ]
    # One legend for both signs, or else there would be two.
    same: dict[str, Any] = {"title": None, "scale": scale, "legend": lines_legend(names)}
    color, dash = alt.Color("arm:N", **same), alt.StrokeDash("arm:N", **same)
    base = plot.chart(rows).encode(x=x, color=color, tooltip=tips)
    lines = base.mark_line(strokeWidth=2).encode(
        y=alt.Y("mean:Q", title=title, scale=full), strokeDash=dash
    )
    spans = base.mark_rule(strokeWidth=2, opacity=0.45).encode(y="low:Q", y2="high:Q")
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(y="mean:Q")
    return plot.finished(alt.layer(spans, lines, dots, *_marks(plot, history, x)), 340)


def _marks(plot: Plot, history: History, x: alt.X) -> list[Any]:
    """A triangle above each run at which the level changed, and by how much beside it."""
    factor, top = factor_of(history.outcome), _top(history)
    rows: list[Row] = [
        {
            "run": history.points[index].label,
            "y": top,
            "said": f"{WORDS[change.finding]} "
            f"{difference(history.outcome, change.estimate.estimate)}",
            "from": value(history.outcome, change.base),
            "to": value(history.outcome, change.head),
            "turn": 180 if change.finding is Finding.REGRESSION else 0,
            "end": factor * change.head,
        }
        for index, change in history.shifts.items()
    ]
    if not rows:
        return []
    tips = [
        alt.Tooltip("run:N", title="Run"),
        alt.Tooltip("said:N", title="Mark"),
        alt.Tooltip("from:N", title="Level before"),
        alt.Tooltip("to:N", title="This run"),
    ]
    base = plot.chart(rows).encode(x=x, tooltip=tips)
    leads = base.mark_rule(strokeDash=[2, 3]).encode(y="y:Q", y2="end:Q")
    signs = base.mark_point(filled=True, size=120, opacity=1, shape="triangle-up").encode(
        y="y:Q", angle=alt.Angle("turn:Q", scale=None)
    )
    texts = base.mark_text(align="left", dx=10, fontWeight="bold").encode(y="y:Q", text="said:N")
    return [leads, signs, texts]


def _top(history: History) -> float:
    """Where marks stand: just under the top of the chart."""
    if history.outcome.kind == "share":
        return 0.95 * factor_of(history.outcome)
    means = [mean for point in history.points for mean in point.means.values() if mean]
    return max(mean.high for mean in means)
