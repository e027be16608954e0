"""The charts, as Vega-Lite specifications built with Altair. No colour stands here: themes do.

Arms are told apart by colour, dash and shape, never by colour alone. Titles and captions are the
page's own text, so that they wrap on a narrow screen; axes carry title and unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

import altair as alt
import numpy as np

from seqswe.analysis import Analysis, ArmOutcome, ArmResult, Contrast, Efficiency
from seqswe.outcome import Outcome
from seqswe.reports.chart_base import (
    HEIGHT,
    Plot,
    Row,
    Spec,
    axis_title,
    factor_of,
    lift_title,
    position,
)
from seqswe.reports.charts_secondary import (
    cost_ratios,
    forest_of_outcomes,
    growth,
    heatmap,
    lines_legend,
    run_means,
)
from seqswe.runs.outcomes import MEMORY_BYTES, RECALLED_BYTES
from seqswe.statistics import Curve

MOST_POINTS = 600
"""Raw points drawn per arm; longer sequences are drawn as means over blocks of tasks."""

LARGE = 360
"""Height of the first chart of a page."""


def lift_chart(contrast: Contrast, height: int = HEIGHT) -> Spec | None:
    """The paired lift along the sequence with its simultaneous band."""
    curve = contrast.curve
    if curve is None:
        return None
    factor = factor_of(contrast.outcome, ratio=contrast.scale == "ratio")
    rows = [
        {"task": task, "lift": factor * mid, "low": factor * low, "high": factor * high}
        for task, mid, low, high in told_points(contrast, curve)
    ]
    if not rows:
        return None
    ends = lift_ends(contrast, curve)
    scale = alt.Scale(domain=[factor * end for end in ends]) if ends else alt.Scale()
    plot = Plot()
    base = plot.chart(rows).encode(x=position(_last(curve)))
    title = lift_title(contrast)
    tips = [
        alt.Tooltip("task:Q", title="Task", format=".0f"),
        alt.Tooltip("lift:Q", title="Lift", format="+.3~f"),
        alt.Tooltip("low:Q", title="Band from", format="+.3~f"),
        alt.Tooltip("high:Q", title="Band to", format="+.3~f"),
    ]
    band = base.mark_area(opacity=0.22, line=False, clip=True).encode(
        y=alt.Y("low:Q", title=title, scale=scale), y2=alt.Y2("high:Q"), tooltip=tips
    )
    line = base.mark_line(strokeWidth=2.5, clip=True).encode(
        y=alt.Y("lift:Q", title=title), tooltip=tips
    )
    zero = plot.chart([{"zero": 0}]).mark_rule(strokeDash=[4, 4]).encode(y="zero:Q")
    return plot.finished(alt.layer(band, zero, line), height)


def lifts_chart(contrasts: Iterable[Contrast]) -> Spec | None:
    """The lift of several runs along the sequence, laid over each other, without their bands."""
    shown = [(contrast, contrast.curve) for contrast in contrasts if contrast.curve]
    if len(shown) < 2:
        return None
    factor = factor_of(shown[0][0].outcome, ratio=shown[0][0].scale == "ratio")
    rows = [
        {"run": contrast.run, "task": task, "lift": factor * mid}
        for contrast, curve in shown
        for task, mid, _, _ in _points(curve, contrast)
    ]
    plot, names = Plot(), [contrast.run for contrast, _ in shown]
    same: dict[str, Any] = {
        "title": None,
        "scale": alt.Scale(domain=names),
        "legend": lines_legend(names),
    }
    lines = (
        plot.chart(rows)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=position(max(_last(curve) for _, curve in shown)),
            y=alt.Y("lift:Q", title=lift_title(shown[0][0])),
            color=alt.Color("run:N", **same),
            strokeDash=alt.StrokeDash("run:N", **same),
            tooltip=[
                alt.Tooltip("run:N", title="Run"),
                alt.Tooltip("task:Q", title="Task", format=".0f"),
                alt.Tooltip("lift:Q", title="Lift", format="+.3~f"),
            ],
        )
    )
    zero = plot.chart([{"zero": 0}]).mark_rule(strokeDash=[4, 4]).encode(y="zero:Q")
    return plot.finished(alt.layer(zero, lines), LARGE)


def arms_chart(arms: list[ArmResult], outcome: Outcome) -> Spec | None:
    """Every arm's smoothed curve over its raw points."""
    shown = [(arm.arm, arm.outcomes[outcome.name]) for arm in arms]
    points = [row for name, arm_outcome in shown for row in _raw(name, arm_outcome)]
    curves = [row for name, arm_outcome in shown for row in _smooth(name, arm_outcome)]
    if not points:
        return None
    plot, names = Plot(), [name for name, _ in shown]
    legend = alt.Legend(title=None)
    tasks = max(len(arm_outcome.values) for _, arm_outcome in shown)
    x = position(tasks)
    dots = _arm_layer(plot.chart(points), outcome, None if curves else legend, names, "shape")
    dots = dots.encode(x=x)
    layers = [dots.mark_point(filled=True, size=16, opacity=0.35)]
    if curves:
        lines = _arm_layer(plot.chart(curves), outcome, lines_legend(names), names, "dash").encode(
            x=x
        )
        layers.append(lines.mark_line(strokeWidth=2.5))
    # With scales of their own the points leave the legend to the lines.
    layered = alt.layer(*layers).resolve_scale(
        color="independent", shape="independent", strokeDash="independent"
    )
    return plot.finished(layered)


def _arm_layer(
    base: alt.Chart, outcome: Outcome, legend: alt.Legend | None, names: list[str], sign: str
) -> alt.Chart:
    full = [0, 100 if outcome.percent else 1]
    y_scale = alt.Scale(domain=full) if outcome.kind == "share" else alt.Scale()
    # One domain and one legend for all channels, or else there would be several.
    same: dict[str, Any] = {"title": "Arm", "scale": alt.Scale(domain=names), "legend": legend}
    shape, dash = alt.Shape("arm:N", **same), alt.StrokeDash("arm:N", **same)
    marked = base.encode(shape=shape) if sign == "shape" else base.encode(strokeDash=dash)
    return marked.encode(
        y=alt.Y("value:Q", title=axis_title(outcome), scale=y_scale),
        color=alt.Color("arm:N", **same),
        tooltip=[
            alt.Tooltip("arm:N", title="Arm"),
            alt.Tooltip("task:Q", title="Task", format=".0f"),
            alt.Tooltip("value:Q", title=outcome.title, format=".3~f"),
        ],
    )


def told_points(contrast: Contrast, curve: Curve) -> list[tuple[float, float, float, float]]:
    """Task, lift and band wherever the band excludes anything: at the ends of a short sequence it
    may hold all that a share can be, and a line there would be read as if it did not."""
    whole = contrast.outcome.kind == "share" and contrast.scale == "difference"
    return [
        point
        for point in _points(curve, contrast)
        if isfinite(point[3]) and not (whole and point[2] <= -1.0 and point[3] >= 1.0)
    ]


def lift_ends(contrast: Contrast, curve: Curve) -> tuple[float, float] | None:
    """Where the y axis of a lift ends, if its band is so wide that the lift would look flat."""
    if contrast.scale != "difference":
        return None
    half = (curve.high - curve.low) / 2.0
    limit = float(np.abs(curve.estimate).max() + 2.5 * np.median(half))
    if contrast.outcome.kind == "share":
        limit = min(1.0, limit)
    low, high = float(curve.low.min()), float(curve.high.max())
    if -limit <= low and high <= limit:
        return None
    return max(low, -limit), min(high, limit)


def charts_of(analysis: Analysis, run: str) -> dict[str, Spec]:
    """The charts of one run by name, in reading order; those that the data do not allow are out."""
    outcome = analysis.headline_outcome
    arms = analysis.curve_arms(run)
    primary = next((c for c in analysis.headlines() if c.run == run), None)
    specs = {
        "lift": lift_chart(primary, LARGE) if primary else None,
        "arms": arms_chart(arms, outcome),
        "forest": forest_of_outcomes(analysis, run),
        "means": run_means(arms, outcome),
        "heatmap": heatmap(arms, outcome),
        "cost": cost_ratios(e for e in analysis.efficiencies if _is_primary(e, primary)),
        "memory": growth(arms, MEMORY_BYTES),
        "recalled": growth(arms, RECALLED_BYTES),
    }
    return {name: spec for name, spec in specs.items() if spec}


def curves_of(analysis: Analysis, run: str) -> Mapping[str, tuple[Contrast, Spec]]:
    """The lift along the sequence of every contrast but the primary one."""
    primary = next((c for c in analysis.headlines() if c.run == run), None)
    curves = {}
    for number, contrast in enumerate(c for c in analysis.contrasts if c.run == run):
        if contrast is not primary and (spec := lift_chart(contrast)):
            curves[f"curve{number}"] = (contrast, spec)
    return curves


def _is_primary(efficiency: Efficiency, primary: Contrast | None) -> bool:
    return primary is not None and (efficiency.run, efficiency.arm, efficiency.baseline) == (
        primary.run,
        primary.arm,
        primary.baseline,
    )


def _last(curve: Curve) -> int:
    """The last task that a curve is about, from 1."""
    return round(float(curve.position[-1]))


def _points(curve: Curve, contrast: Contrast) -> list[tuple[float, float, float, float]]:
    columns = zip(curve.position, curve.estimate, curve.low, curve.high, strict=True)
    return [
        (
            float(task),
            contrast.shown(float(mid)),
            contrast.shown(float(low)),
            contrast.shown(float(high)),
        )
        for task, mid, low, high in columns
    ]


def _raw(name: str, arm_outcome: ArmOutcome) -> list[Row]:
    graded = np.isfinite(arm_outcome.values)
    tasks = np.flatnonzero(graded.any(axis=1))
    if not len(tasks):
        return []
    means = np.nanmean(arm_outcome.values[tasks], axis=1) * factor_of(arm_outcome.outcome)
    block = -(-len(tasks) // MOST_POINTS)
    return [
        {
            "arm": name,
            "task": float(tasks[i : i + block].mean()) + 1.0,
            "value": float(means[i : i + block].mean()),
        }
        for i in range(0, len(tasks), block)
    ]


def _smooth(name: str, arm_outcome: ArmOutcome) -> list[Row]:
    if arm_outcome.curve is None:
        return []
    factor = factor_of(arm_outcome.outcome)
    estimate = arm_outcome.curve.estimate
    if arm_outcome.outcome.kind == "share":
        # A local line overshoots at the ends; no share lies outside 0 to 1.
        estimate = np.clip(estimate, 0.0, 1.0)
    return [
        {"arm": name, "task": float(task), "value": factor * float(value)}
        for task, value in zip(arm_outcome.curve.position, estimate, strict=True)
    ]
