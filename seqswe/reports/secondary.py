"""The tables of secondary estimates, and of another benchmark's metrics beside them."""

from __future__ import annotations

from seqswe.analysis import Analysis, Contrast, Secondary, SweBenchClMetrics
from seqswe.analysis.words import change, plain, signed
from seqswe.reports.table import Column, Columns, Table
from seqswe.statistics import SWE_BENCH_CL_WARNING


def secondary_table(analysis: Analysis) -> Table:
    """Every secondary estimate with its interval and what it says in plain words."""
    headlines = {contrast.run: contrast for contrast in analysis.headlines()}
    columns: Columns[Secondary] = (
        Column("Run", lambda s: s.run),
        Column("Estimate", lambda s: s.title),
        Column("Of", lambda s: s.contrast),
        Column("Value", lambda s: _value(s, headlines[s.run])),
        Column("95 % interval", lambda s: _interval(s, headlines[s.run])),
        Column("In plain words", lambda s: s.meaning),
    )
    return Table.of("Secondary estimates", columns, analysis.secondary, _note(analysis))


def swe_bench_cl_table(analysis: Analysis) -> Table:
    """SWE-Bench-CL's metrics, labelled as theirs, with the warning."""
    columns: Columns[SweBenchClMetrics] = (
        Column("Run", lambda m: m.run),
        Column("Of", lambda m: m.contrast),
        Column("Accuracy", lambda m: _number(m.metrics.accuracy)),
        Column("AULC", lambda m: _number(m.metrics.aulc)),
        Column("Forward transfer", lambda m: signed(m.metrics.forward_transfer, 3)),
        Column("Forgetting", lambda m: _number(m.metrics.forgetting)),
        Column("Backward transfer", lambda m: _number(m.metrics.backward_transfer)),
        Column("CL-Score", lambda m: _number(m.metrics.cl_score)),
    )
    return Table.of(
        "SWE-Bench-CL's metrics (theirs, for comparison only)",
        columns,
        analysis.swe_bench_cl,
        f"{SWE_BENCH_CL_WARNING} Computed on: {analysis.headline_outcome.title}.",
    )


def _note(analysis: Analysis) -> str:
    text = (
        "They describe; none is a test made in advance, so there are no p-values. Intervals are "
        "paired by task and count a run as one cluster."
    )
    if any(contrast.single_run for contrast in analysis.headlines()):
        text += (
            " SINGLE-RUN: with fewer than three seeds they carry the noise of tasks alone, as that "
            "between runs is not known."
        )
    if not any(secondary.name == "regret" for secondary in analysis.secondary):
        text += " Regret and gap closed need a run with the oracle's memory reported beside this."
    if not analysis.probes:
        text += " Transfer and forgetting need frozen or replay arms, age at equal dose windows."
    if analysis.secondary and not any(s.name == "half_life" for s in analysis.secondary):
        text += " The half-life of a lesson needs the files that each task's fix changes."
    return text


def _value(secondary: Secondary, contrast: Contrast) -> str:
    if secondary.estimate is None:
        return "not shown" if secondary.unit in ("task number", "age") else "–"
    if secondary.unit == "task number":
        return f"task {secondary.estimate:.0f}"
    return _shown(secondary, contrast, secondary.estimate)


def _interval(secondary: Secondary, contrast: Contrast) -> str:
    if secondary.low is None and secondary.high is None:
        return "–"
    if secondary.high is None:
        return f"at least {_shown(secondary, contrast, secondary.low or 0.0)}"
    if secondary.low is None:
        return f"at most {_shown(secondary, contrast, secondary.high)}"
    ends = [_shown(secondary, contrast, end) for end in (secondary.low, secondary.high)]
    return f"{ends[0].split(' ')[0]} to {ends[1]}"


def _shown(secondary: Secondary, contrast: Contrast, number: float) -> str:
    if secondary.unit == "tasks":
        return signed(number, 1) + " tasks"
    if secondary.unit == "task number":
        return f"{number:.0f}"
    if secondary.unit == "age":
        return f"{number:.0f} tasks"
    if secondary.unit == "share":
        return plain(100 * number, 1) + " %"
    return change(contrast, number)


def _number(value: float | None) -> str:
    return "–" if value is None else plain(value, 3)
