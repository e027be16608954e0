"""report.html: one file that opens from disk with no network, charts and all."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from gzip import compress
from hashlib import sha256
from importlib.resources import files
from typing import Any

from seqswe import __version__
from seqswe.analysis import Analysis, ArmResult, Contrast
from seqswe.analysis.arms import CURVE_TASKS
from seqswe.reports.chart_base import Spec
from seqswe.reports.chart_text import (
    arms_text,
    growth_text,
    heatmap_text,
    lift_text,
    lifts_text,
    means_text,
    rows_text,
)
from seqswe.reports.charts import (
    MOST_POINTS,
    charts_of,
    curves_of,
    lift_ends,
    lifts_chart,
    told_points,
)
from seqswe.reports.charts_secondary import MOST_COLUMNS, forest_of_runs
from seqswe.reports.head import facts, tiles
from seqswe.reports.json_report import strict
from seqswe.reports.rollout_view import COLUMNS, WORDED, extract, ordered, row
from seqswe.reports.tables import all_tables, settings_table, standings_table
from seqswe.statistics.curve import BANDWIDTH
from seqswe.visible import visible, visible_data

WIDE = ("lift", "heatmap")
"""Charts that take the whole width of the page."""
BUNDLE = "window.vegaEmbed = vegaEmbed;"
"""What the charts' library is asked to leave behind for the page's own script."""

TITLES = {
    "lift": "Paired lift along the sequence",
    "arms": "Each arm along the sequence",
    "forest": "All shares at a glance",
    "means": "Means of whole runs",
    "heatmap": "Task by seed",
    "cost": "Cost per resolved task",
    "memory": "Growth of the memory",
    "recalled": "What was recalled",
}


class HtmlReport:
    """The single-file HTML report.

    Jinja2 escapes all text of runs; a content security policy with the hashes of the page's own
    scripts refuses any other script and any request, so a hostile issue text stays text.
    """

    suffix = ".html"

    def render(self, analysis: Analysis) -> bytes:
        """The whole page, UTF-8."""
        return page(analysis).encode("utf-8", "replace")


def page(analysis: Analysis, *, live: bool = False, home: bool = False) -> str:
    """The report as HTML text; a live page asks its server for each rollout that is opened.

    With `home` the server has a list of runs, and the page leads back to it.
    """
    # The table of rollouts is ready before a live page has even asked for the charts' library.
    scripts = [asset("rollouts.js"), "" if live else charts_library(), asset("report.js")]
    rollouts, packed, note = _rollouts(analysis, live=live)
    sections = [_section(analysis, run.label) for run in analysis.runs]
    together, standings = _together(analysis), standings_table(analysis)
    figures = [f for section in sections for f in (*section["figures"], *section["others"])]
    specs: dict[str, Spec] = {f["id"]: f["spec"] for f in (*together, *figures)}
    return rendered(
        "report.html.j2",
        analysis=analysis,
        sections=sections,
        specs=visible_data(specs),
        together=together,
        facts=facts(analysis),
        tiles=tiles(analysis),
        findings=[text.partition(": ") for text in analysis.sentences[: len(analysis.headlines())]],
        remarks=analysis.sentences[len(analysis.headlines()) :],
        standings=standings if standings.rows else None,
        tables=[table for table in all_tables(analysis) if table != standings],
        settings=[settings_table(run) for run in analysis.runs],
        style=asset("report.css"),
        scripts=scripts,
        policy=content_policy(scripts, live=live),
        live=live,
        home=home,
        columns=list(COLUMNS.values()),
        numbers=[title for name, title in COLUMNS.items() if name not in WORDED],
        rollouts=visible_data(rollouts),
        packed=packed,
        rollouts_note=note,
        version=__version__,
        codebases=", ".join(dict.fromkeys(r.info.experiment.codebase for r in analysis.runs)),
    )


def rendered(name: str, **values: Any) -> str:
    """A template that ships with the reports, filled; all text in `values` is escaped."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(asset),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.policies["json.dumps_function"] = strict
    return environment.get_template(name).render(**values)


def _visible(value: object) -> object:
    """What an expression of the template gives, unless it is markup of our own."""
    return visible(value) if type(value) is str else value


def asset(name: str) -> str:
    """The text of a template, style sheet or script that ships with the reports."""
    return (files("seqswe.reports") / "assets" / name).read_text(encoding="utf-8")


@cache
def charts_library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, in the version that Altair writes for."""
    import vl_convert

    return str(vl_convert.javascript_bundle(BUNDLE, vl_version=vega_lite_version()))


def vega_lite_version() -> str:
    """The version that Altair writes for, or the newest that can be drawn."""
    import altair
    import vl_convert

    wanted = ".".join(altair.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    known = vl_convert.get_vegalite_versions()
    return str(wanted if wanted in known else known[-1])


def content_policy(scripts: list[str], *, live: bool = False, form: bool = False) -> str:
    """A policy that lets exactly these scripts run, and nothing be fetched but from a live page's
    own server; with `form` that server may be asked by a form.
    """
    hashes = " ".join(
        f"'sha256-{b64encode(sha256(s.encode()).digest()).decode()}'" for s in scripts if s
    )
    own = "'self' " if live else ""
    return (
        f"default-src 'none'; script-src {own}{hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; "
        + ("form-action 'self'" if form else "form-action 'none'")
        + ("; connect-src 'self'" if live else "")
    )


def _rollouts(analysis: Analysis, *, live: bool) -> tuple[dict[str, Any], str, str]:
    """The table's data, the packed details of those that a file carries, and what it leaves out."""
    data: dict[str, Any] = {"live": live, "columns": list(COLUMNS)}
    if live:
        return data | {"rows": [row(*pair) for pair in ordered(analysis)], "opens": []}, "", ""
    extracted = extract(analysis)
    data |= {"rows": extracted.rows, "opens": sorted(extracted.details)}
    packed = _packed(visible_data(dict(extracted.details)))
    if len(extracted.details) == extracted.total:
        return data, packed, ""
    note = (
        f"Details of {len(extracted.details):,} of {extracted.total:,} rollouts are in this file, "
        "those where the arms disagree first. `seqswe view` shows every rollout."
    )
    if len(extracted.rows) < extracted.total:
        note += f" The table ends after {len(extracted.rows):,} rows."
    return data, packed, note


def _packed(details: Any) -> str:
    """Details as JSON, compressed, in letters that no page mistakes for markup."""
    return b64encode(compress(strict(details).encode(), mtime=0)).decode()


def _section(analysis: Analysis, run: str) -> dict[str, Any]:
    index = [r.label for r in analysis.runs].index(run)
    primary = next((c for c in analysis.headlines() if c.run == run), None)
    captions, specs = _captions(analysis, run, primary), charts_of(analysis, run)
    texts = _texts(analysis, run, primary, specs)
    figures = [
        {
            "id": f"{name}-{index}",
            "spec": spec,
            "title": TITLES[name],
            "caption": captions[name],
            "text": texts[name],
            "wide": name in WIDE,
        }
        for name, spec in specs.items()
    ]
    others = [
        {
            "id": f"{name}-{index}",
            "spec": spec,
            "title": f"{contrast.outcome.title}, {contrast.name}",
            "caption": _lift_caption(contrast),
            "text": lift_text(contrast),
            "wide": False,
        }
        for name, (contrast, spec) in curves_of(analysis, run).items()
    ]
    return {"run": run, "figures": figures, "others": others, "notes": _too_small(analysis, run)}


def _too_small(analysis: Analysis, run: str) -> list[str]:
    """What is not drawn because there is too little of it."""
    tasks = max(arm.tasks for arm in analysis.curve_arms(run))
    if tasks >= CURVE_TASKS:
        return []
    count = f"{tasks} task{'s are' if tasks > 1 else ' is'}"
    return [f"{count} too few for a learning curve: one is drawn from {CURVE_TASKS} tasks on."]


def _together(analysis: Analysis) -> list[dict[str, Any]]:
    """What several runs have in common: their curves laid over each other, and their lifts."""
    outcome, headlines = analysis.headline_outcome, analysis.headlines()
    specs = {"lifts": lifts_chart(headlines), "forest-of-runs": forest_of_runs(analysis)}
    captions = {
        "lifts": (
            "The runs laid over each other",
            f"{outcome.title}: the lift of every run along the sequence, smoothed. The band of "
            "each stands in its own chart below.",
        ),
        "forest-of-runs": (
            "The runs beside each other",
            f"{outcome.title}: the headline contrast of every run with its interval; p-values in "
            "the table are adjusted for the number of runs (Holm).",
        ),
    }
    return [
        {
            "id": name,
            "spec": spec,
            "title": captions[name][0],
            "caption": captions[name][1],
            "text": lifts_text(headlines) if name == "lifts" else rows_text(spec),
            "wide": True,
        }
        for name, spec in specs.items()
        if spec
    ]


def _texts(
    analysis: Analysis, run: str, primary: Contrast | None, specs: dict[str, Spec]
) -> dict[str, str]:
    """What each chart shows, in words."""
    arms, outcome = analysis.curve_arms(run), analysis.headline_outcome
    own = {
        "lift": lift_text(primary) if primary else "",
        "arms": arms_text(arms, outcome),
        "means": means_text(arms, outcome),
        "heatmap": heatmap_text(arms, outcome),
    }
    grown = ("memory", "recalled")
    return {
        name: own.get(name) or (growth_text(spec) if name in grown else rows_text(spec))
        for name, spec in specs.items()
    }


def _captions(analysis: Analysis, run: str, primary: Contrast | None) -> dict[str, str]:
    arms = analysis.curve_arms(run)
    title = analysis.headline_outcome.title
    blocks = " Cells are means over blocks of consecutive tasks."
    long = max(arm.tasks for arm in arms) > MOST_COLUMNS
    pair = primary.name if primary else ""
    return {
        "lift": _lift_caption(primary) if primary else "",
        "arms": _arms_caption(analysis, arms),
        "forest": f"{pair} on every outcome that is a share (ranks in hundredths), with its "
        "interval. Only the headline outcome is a test made in advance.",
        "means": f"{title}: one dot per seed. Dots of an arm far apart mean that runs differ by "
        "more than their tasks explain.",
        "heatmap": f"{title}, task by seed; a blank cell has no verdict."
        + (blocks if long else ""),
        "cost": f"All that was spent over tasks resolved, {pair}; left of 1 the memory saves. "
        "Intervals at 95 %.",
        "memory": "What the memory weighs after each task (mean over seeds).",
        "recalled": "What the memory put before the agent (mean over seeds).",
    }


def _lift_caption(contrast: Contrast) -> str:
    bandwidth = contrast.curve.bandwidth if contrast.curve else BANDWIDTH
    text = (
        f"{contrast.outcome.title}: {contrast.name}, paired by task and smoothed over the "
        "sequence. The band holds for the whole smoothed curve at once (95 %): where it leaves "
        "the dashed line at zero, the arms differ there. A sudden change is smoothed over some "
        f"{200 * bandwidth:.0f} % of the sequence, and the lift itself may lie outside there."
    )
    if contrast.single_run:
        text += " SINGLE-RUN: with under three seeds the noise between runs is not known."
    if contrast.curve and lift_ends(contrast, contrast.curve):
        text += " The band goes on beyond the chart's edge."
    if contrast.curve and len(told_points(contrast, contrast.curve)) < len(contrast.curve.position):
        text += " Nothing is drawn where too few tasks say anything."
    return text


def _arms_caption(analysis: Analysis, arms: list[ArmResult]) -> str:
    curves = any(arm.outcomes[analysis.headline_outcome.name].curve for arm in arms)
    text = (
        f"{analysis.headline_outcome.title} of each arm: points are tasks (mean over seeds)"
        f"{', lines their local-linear smooth' if curves else ''}. They rise and fall with the "
        "difficulty of the tasks: learning shows in the lift only."
    )
    if max(arm.tasks for arm in arms) > MOST_POINTS:
        text += " Points are means over blocks of consecutive tasks."
    return text
