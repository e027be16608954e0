"""The charts of a data card as one SVG: what a codebase's tasks are like along its sequence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from seqswe.reports.html import vega_lite_version
from seqswe.reports.static import LIGHT, vega_config
from seqswe.visible import visible_data

WIDTH, HEIGHT = 250, 130
TICKS = (0, 1, 3, 10, 30, 100, 300, 1000, 3000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number of every task, and how it is shown."""

    title: str
    values: Sequence[float]
    logarithmic: bool = False


def card_svg(title: str, years: Mapping[int, int], measures: Sequence[Measure]) -> bytes:
    """Tasks by year, and the distribution of each measure; one without values is left out."""
    import vl_convert

    rows = [{"year": str(year), "tasks": count} for year, count in sorted(years.items())]
    bars = alt.Chart(alt.InlineData(values=rows)).mark_bar(color=LIGHT.series[0])
    charts = [
        bars.encode(
            x=alt.X("year:O", title="Year of the fix", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("tasks:Q", title="Tasks"),
        ).properties(width=WIDTH, height=HEIGHT)
    ]
    charts += [_distribution(measure) for measure in measures if measure.values]
    spec = alt.concat(*charts, columns=3, spacing=24).to_dict(validate=False)
    spec.pop("$schema", None)
    whole = visible_data({**spec, "config": vega_config(LIGHT), "title": title})
    return vl_convert.vegalite_to_svg(json.dumps(whole), vl_version=vega_lite_version()).encode()


def _distribution(measure: Measure) -> alt.Chart:
    """How many tasks have at most so much: every task is in it, whatever the bins would be."""
    ordered = sorted(measure.values)
    share = 100.0 / len(ordered)
    rows = [{"value": value, "share": (n + 1) * share} for n, value in enumerate(ordered)]
    # A logarithm has no zero: "symlog" is linear near it. It labels few of its ticks by itself.
    scale = alt.Scale(type="symlog", constant=1) if measure.logarithmic else alt.Scale()
    axis = alt.Axis(values=TICKS) if measure.logarithmic else alt.Axis()
    chart = alt.Chart(alt.InlineData(values=rows)).mark_line(
        interpolate="step-after", color=LIGHT.series[0]
    )
    encoded: alt.Chart = chart.encode(
        x=alt.X("value:Q", title=measure.title, scale=scale, axis=axis),
        y=alt.Y("share:Q", title="% of tasks, at most"),
    ).properties(width=WIDTH, height=HEIGHT)
    return encoded
