"""report.svg, report-dark.svg, report.png: the charts as one picture, for a paper or a README."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from seqswe.analysis import Analysis
from seqswe.reports.chart_base import Spec
from seqswe.reports.charts import charts_of
from seqswe.reports.html import vega_lite_version
from seqswe.visible import visible_data

WIDTH = 640


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Colours of a picture, which are those of the page (Okabe and Ito's palette)."""

    paper: str
    ink: str
    soft: str
    line: str
    series: tuple[str, ...]


LIGHT = Theme(
    paper="white",
    ink="#1b1f24",
    soft="#57606a",
    line="#d8dee4",
    series=("#0072b2", "#d55e00", "#009e73", "#aa4a8a", "#56b4e9", "#b58900", "#444444"),
)
DARK = Theme(
    paper="#14171b",
    ink="#e8eaed",
    soft="#a8b0b9",
    line="#363c44",
    series=("#56b4e9", "#e69f00", "#2fc79a", "#d98bbd", "#3d8fd1", "#f0e442", "#c4c9cf"),
)


class SvgReport:
    """The lift and the arms of every run as one SVG."""

    suffix = ".svg"
    theme = LIGHT

    def render(self, analysis: Analysis) -> bytes:
        """The picture, on the paper of its theme."""
        return as_svg(picture(analysis, self.theme))


class DarkSvgReport(SvgReport):
    """The same for a page that is dark."""

    suffix = "-dark.svg"
    theme = DARK


class PngReport:
    """The same picture as pixels, at twice the size."""

    suffix = ".png"

    def render(self, analysis: Analysis) -> bytes:
        """The picture, on white."""
        return as_png(picture(analysis))


def picture(analysis: Analysis, theme: Theme = LIGHT) -> Spec:
    """The lift and the arms of every run under each other, with titles and their own colours."""
    marks = "SYNTHETIC · " * analysis.synthetic + "INCOMPLETE · " * (not analysis.complete)
    several = len(analysis.runs) > 1
    single = {c.run for c in analysis.headlines() if c.single_run}
    panels: list[Spec] = []
    for run in analysis.runs:
        of_run = f" · {run.label}" if several else ""
        of_run += " · SINGLE-RUN" if run.label in single else ""
        charts = charts_of(analysis, run.label)
        for name, heading in (("lift", "Paired lift"), ("arms", "Each arm")):
            if name in charts:
                title = f"{marks}{run.info.experiment.codebase}{of_run} · {heading}"
                panels.append(panel(charts[name], title, f"{run.label}-{name}-"))
    return stacked(panels, theme)


def stacked(panels: Iterable[Spec], theme: Theme = LIGHT) -> Spec:
    """Panels under each other, on the paper and in the colours of a theme."""
    panels = list(panels)
    datasets = {key: rows for panel in panels for key, rows in panel.pop("datasets").items()}
    made = {"vconcat": panels, "datasets": datasets, "config": vega_config(theme), "spacing": 28}
    return dict(visible_data(made))


def as_svg(spec: Spec) -> bytes:
    """A picture as SVG."""
    import vl_convert

    return vl_convert.vegalite_to_svg(json.dumps(spec), vl_version=vega_lite_version()).encode()


def as_png(spec: Spec) -> bytes:
    """A picture as pixels, at twice its size."""
    import vl_convert

    version = vega_lite_version()
    return vl_convert.vegalite_to_png(json.dumps(spec), vl_version=version, scale=2.0)


def panel(spec: Spec, title: str, prefix: str) -> Spec:
    """One chart of a picture under a title; `prefix` keeps its data apart from the others'."""
    datasets = {prefix + name: rows for name, rows in spec["datasets"].items()}
    made: Spec = _renamed({k: v for k, v in spec.items() if k != "datasets"}, prefix)
    del made["autosize"]
    return {**made, "width": WIDTH, "title": title, "datasets": datasets}


def _renamed(data: Any, prefix: str) -> Any:
    # Charts name their data alike; beside each other each needs a name of its own.
    if isinstance(data, list):
        return [_renamed(item, prefix) for item in data]
    if not isinstance(data, dict):
        return data
    return {
        key: {"name": prefix + value["name"]} if key == "data" else _renamed(value, prefix)
        for key, value in data.items()
    }


def vega_config(theme: Theme) -> Spec:
    """Vega's configuration of a picture in a theme."""
    text = {"labelColor": theme.soft, "titleColor": theme.ink, "titleFontWeight": 500}
    line = theme.line
    lines = {"gridColor": line, "domainColor": line, "tickColor": line, "labelOverlap": True}
    own = {name: {"color": theme.series[0]} for name in ("area", "line", "point")}
    return {
        "background": theme.paper,
        "view": {"stroke": None},
        "title": {"anchor": "start", "color": theme.ink},
        "axis": {**text, **lines},
        "legend": {**text, "orient": "top"},
        "range": {"category": list(theme.series)},
        "rule": {"color": theme.soft},
        **own,
    }
