"""Tables of the arms beside the headline: dose and response, and what is diagnostic."""

from __future__ import annotations

from seqswe.analysis import Analysis, ArmResult, Probe
from seqswe.analysis.words import difference, mean_interval, seeds_of
from seqswe.arms import arm_of
from seqswe.reports.table import Column, Columns, Table


def doses_table(analysis: Analysis) -> Table:
    """What the memory after so many tasks is worth on the tasks that follow."""
    columns: Columns[Probe] = (
        Column("Run", lambda p: p.run),
        Column("Memory after", lambda p: f"{p.learnt} tasks"),
        *ESTIMATE,
    )
    return Table.of(
        f"Dose and response: {analysis.headline_outcome.title}",
        columns,
        (probe for probe in analysis.probes if probe.kind == "dose"),
        "A memory frozen after so many tasks, read-only, against an empty one. All doses "
        "stand on the same tasks, those after the largest dose, so difficulty cannot pass for "
        "dose; 0 is the baseline by construction. Under three seeds the noise between runs is "
        "unknown.",
    )


def windows_table(analysis: Analysis) -> Table:
    """Memories of equally many lessons, old and new: age at equal dose."""
    columns: Columns[Probe] = (
        Column("Run", lambda p: p.run),
        Column("Shows", lambda p: p.kind),
        Column("Memory of", lambda p: f"{p.learnt} tasks"),
        *ESTIMATE,
    )
    return Table.of(
        f"Age at equal dose: {analysis.headline_outcome.title}",
        columns,
        (probe for probe in analysis.probes if probe.kind in OF_WINDOWS),
        "A memory told of a quarter of the tasks alone, read-only, on the last quarter: the number "
        "after its name is the task before which its lessons end. Window: against an empty memory. "
        "Fading: the oldest lessons against the newest, below zero if lessons age. Older lessons: "
        "all lessons up to there against the newest quarter, what more of them adds.",
    )


def retention_table(analysis: Analysis) -> Table:
    """Diagnostic arms against their baselines."""
    columns: Columns[Probe] = (
        Column("Run", lambda p: p.run),
        Column("Shows", lambda p: p.kind),
        *ESTIMATE,
    )
    return Table.of(
        f"Diagnostic arms: {analysis.headline_outcome.title}",
        columns,
        (p for p in analysis.probes if p.kind not in ("dose", *OF_WINDOWS)),
        "DIAGNOSTIC, never part of the headline: these memories hold lessons of a task's own "
        "future. Retention: negative is forgetting. Transfer: what other tasks' lessons teach. "
        "Own lesson: what a task gains from having been seen. Order: the chain in another order.",
    )


def diagnostic_arms_table(analysis: Analysis) -> Table:
    """The diagnostic arms themselves, apart from the others."""
    outcome = analysis.headline_outcome
    columns: Columns[ArmResult] = (
        Column("Run", lambda arm: arm.run),
        Column("Arm", lambda arm: arm.arm),
        Column("Tasks", lambda arm: str(arm.tasks)),
        Column("Seeds", seeds_of),
        Column("Resolved / graded", lambda arm: f"{arm.resolved} / {arm.graded}"),
        Column(outcome.title, lambda arm: mean_interval(outcome, arm.outcomes[outcome.name].mean)),
        Column("What it is", lambda arm: arm_of(arm.arm).meaning),
    )
    diagnostic = (arm for arm in analysis.arms if arm.diagnostic)
    return Table.of("Diagnostic arms, no results", columns, diagnostic)


def _interval(probe: Probe) -> str:
    low, high = (difference(probe.outcome, n) for n in (probe.estimate.low, probe.estimate.high))
    return f"{low.split(' ')[0]} to {high}"


OF_WINDOWS = ("window", "fading", "older lessons")
ESTIMATE: Columns[Probe] = (
    Column("Contrast", lambda p: f"{p.arm} − {p.baseline}"),
    Column("Estimate", lambda p: difference(p.outcome, p.estimate.estimate)),
    Column("95 % interval", _interval),
    Column("Tasks", lambda p: str(p.estimate.n)),
    Column("Seeds", lambda p: f"{p.estimate.k1} against {p.estimate.k0}"),
)
"""The columns that every table of probes ends with."""
