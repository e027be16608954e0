"""The tables of secondary estimates, and of another benchmark's metrics beside them."""

from __future__ import annotations

from seqswe.analysis import Analysis, Contrast, Secondary
from seqswe.analysis.words import change, plain, signed
from seqswe.reports.table import Table
from seqswe.statistics import SWE_BENCH_CL_WARNING


def secondary_table(analysis: Analysis) -> Table:
    """Every secondary estimate with its interval and what it says in plain words."""
    headlines = {contrast.run: contrast for contrast in analysis.headlines()}
    return Table(
        caption="Secondary estimates",
        header=("Run", "Estimate", "Of", "Value", "95 % interval", "In plain words"),
        rows=tuple(
            (
                found.run,
                found.title,
                found.contrast,
                _value(found, headlines[found.run]),
                _interval(found, headlines[found.run]),
                found.meaning,
            )
            for found in analysis.secondary
        ),
        note=_note(analysis),
    )


def their_metrics_table(analysis: Analysis) -> Table:
    """SWE-Bench-CL's metrics, labelled as theirs, with the warning."""
    outcome = analysis.headline_outcome.title
    return Table(
        caption="SWE-Bench-CL's metrics (theirs, for comparison only)",
        header=(
            "Run",
            "Of",
            "Accuracy",
            "AULC",
            "Forward transfer",
            "Forgetting",
            "Backward transfer",
            "CL-Score",
        ),
        rows=tuple(
            (
                found.run,
                found.contrast,
                _number(found.metrics.accuracy),
                _number(found.metrics.aulc),
                signed(found.metrics.forward_transfer, 3),
                _number(found.metrics.forgetting),
                _number(found.metrics.backward_transfer),
                _number(found.metrics.cl_score),
            )
            for found in analysis.swe_bench_cl
        ),
        note=f"{SWE_BENCH_CL_WARNING} Computed on: {outcome}.",
    )


def _note(analysis: Analysis) -> str:
    text = (
        "They describe; none is a test made in advance, so there are no p-values. Intervals are "
        "paired by task and count a run as one cluster."
    )
    if any(contrast.lift.verdict.single_run for contrast in analysis.headlines()):
        text += (
            " SINGLE-RUN: with fewer than three seeds they carry the noise of tasks alone, as that "
            "between runs is not known."
        )
    told = {found.name for found in analysis.secondary}
    if "regret" not in told:
        text += " Regret and gap closed need a run with the oracle's memory reported beside this."
    if not analysis.probes:
        text += " Transfer and forgetting need frozen or replay arms."
    return text


def _value(found: Secondary, contrast: Contrast) -> str:
    if found.estimate is None:
        return "not reached" if found.unit == "task number" else "–"
    if found.unit == "task number":
        return f"task {found.estimate:.0f}"
    return _shown(found, contrast, found.estimate)


def _interval(found: Secondary, contrast: Contrast) -> str:
    if found.low is None or found.high is None:
        return "–"
    ends = [_shown(found, contrast, end) for end in (found.low, found.high)]
    return f"{ends[0].split(' ')[0]} to {ends[1]}"


def _shown(found: Secondary, contrast: Contrast, number: float) -> str:
    if found.unit == "tasks":
        return signed(number, 1) + " tasks"
    if found.unit == "share":
        return plain(100 * number, 1) + " %"
    return change(contrast, number)


def _number(value: float | None) -> str:
    return "–" if value is None else plain(value, 3)
