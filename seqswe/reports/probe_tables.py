"""Tables of the arms beside the headline: dose and response, and what is diagnostic."""

from __future__ import annotations

from seqswe.analysis import Analysis, Probe
from seqswe.analysis.words import difference, mean_interval, seeds_of
from seqswe.arms import arm_of
from seqswe.reports.table import Table


def doses_table(analysis: Analysis) -> Table:
    """What the memory after so many tasks is worth on the tasks that follow."""
    doses = [probe for probe in analysis.probes if probe.kind == "dose"]
    return Table(
        caption=f"Dose and response: {analysis.headline_outcome.title}",
        header=("Run", "Memory after", "Contrast", "Estimate", "95 % interval", "Tasks", "Seeds"),
        rows=tuple((p.run, f"{p.learnt} tasks", *_probe(p)) for p in doses),
        note="A memory frozen after so many tasks, read-only, against an empty one. All doses "
        "stand on the same tasks, those after the largest dose, so difficulty cannot pass for "
        "dose; 0 is the baseline by construction. Under three seeds the noise between runs is "
        "unknown.",
    )


def retention_table(analysis: Analysis) -> Table:
    """Diagnostic arms against their baselines."""
    found = [probe for probe in analysis.probes if probe.kind != "dose"]
    return Table(
        caption=f"Diagnostic arms: {analysis.headline_outcome.title}",
        header=("Run", "Shows", "Contrast", "Estimate", "95 % interval", "Tasks", "Seeds"),
        rows=tuple((p.run, p.kind, *_probe(p)) for p in found),
        note="DIAGNOSTIC, never part of the headline: these memories hold lessons of a task's own "
        "future. Retention: negative is forgetting. Transfer: what other tasks' lessons teach. "
        "Own lesson: what a task gains from having been seen. Order: the chain in another order.",
    )


def diagnostic_arms_table(analysis: Analysis) -> Table:
    """The diagnostic arms themselves, apart from the others."""
    outcome = analysis.headline_outcome
    return Table(
        caption="Diagnostic arms, no results",
        header=("Run", "Arm", "Tasks", "Seeds", "Resolved / graded", outcome.title, "What it is"),
        rows=tuple(
            (
                arm.run,
                arm.arm,
                str(arm.tasks),
                seeds_of(arm),
                f"{arm.resolved} / {arm.graded}",
                mean_interval(outcome, arm.outcomes[outcome.name].mean),
                arm_of(arm.arm).meaning,
            )
            for arm in analysis.arms
            if arm.diagnostic
        ),
    )


def _probe(probe: Probe) -> tuple[str, ...]:
    found, outcome = probe.estimate, probe.outcome
    low, high = difference(outcome, found.low), difference(outcome, found.high)
    return (
        f"{probe.arm} − {probe.baseline}",
        difference(outcome, found.estimate),
        f"{low.split(' ')[0]} to {high}",
        str(found.n),
        f"{found.k1} against {found.k0}",
    )
