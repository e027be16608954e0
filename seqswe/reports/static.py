"""report.svg and report.png: the curves as one picture, for a paper or a README."""

from __future__ import annotations

import json
from typing import Any

from seqswe.analysis import Analysis
from seqswe.reports.chart_base import Spec
from seqswe.reports.charts import charts_of
from seqswe.reports.html import vega_lite_version
from seqswe.visible import visible_data

WIDTH = 640
INK, SOFT, LINE = "#1b1f24", "#57606a", "#d8dee4"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#aa4a8a", "#56b4e9", "#b58900", "#444444")
"""The light theme of the page (Okabe and Ito's palette)."""
_TEXT = {"labelColor": SOFT, "titleColor": INK, "titleFontWeight": 500}
_LINES = {"gridColor": LINE, "domainColor": LINE, "tickColor": LINE, "labelOverlap": True}
THEME: Spec = {
    "background": "white",
    "view": {"stroke": None},
    "title": {"anchor": "start", "color": INK},
    "axis": {**_TEXT, **_LINES},
    "legend": {**_TEXT, "orient": "top"},
    "range": {"category": list(COLOURS)},
    "rule": {"color": SOFT},
    **{name: {"color": COLOURS[0]} for name in ("area", "line", "point")},
}
"""Vega's configuration of a picture on white."""


class SvgReport:
    """The lift and the arms of every run as one SVG."""

    suffix = ".svg"

    def render(self, analysis: Analysis) -> bytes:
        """The picture, on white."""
        import vl_convert

        spec = json.dumps(picture(analysis))
        return vl_convert.vegalite_to_svg(spec, vl_version=vega_lite_version()).encode()


class PngReport:
    """The same picture as pixels, at twice the size."""

    suffix = ".png"

    def render(self, analysis: Analysis) -> bytes:
        """The picture, on white."""
        import vl_convert

        spec = json.dumps(picture(analysis))
        return vl_convert.vegalite_to_png(spec, vl_version=vega_lite_version(), scale=2.0)


def picture(analysis: Analysis) -> Spec:
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
                panels.append(_panel(charts[name], title, f"{run.label}-{name}-"))
    datasets = {key: rows for panel in panels for key, rows in panel.pop("datasets").items()}
    made = {"vconcat": panels, "datasets": datasets, "config": THEME, "spacing": 28}
    return dict(visible_data(made))


def _panel(spec: Spec, title: str, prefix: str) -> Spec:
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
