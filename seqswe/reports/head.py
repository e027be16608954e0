"""The head of the report's page: what was run, and the numbers that matter in large type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from seqswe.analysis import Analysis, Contrast, RunResult
from seqswe.analysis.words import certainty, change, p_value, value, verdict
from seqswe.memory import row_name
from seqswe.runs.estimates import cost_of

MOST_TILES = 4
"""Runs whose numbers stand in large type; with more of them the ranking tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One number in large type, what it is, and what stands below it."""

    title: str
    number: str
    note: str


def facts(analysis: Analysis) -> list[tuple[str, str]]:
    """What was run: agent, memory, size, days and cost."""
    runs = [run for run in analysis.runs if run.table is None]
    settings = [run.info.experiment for run in runs]
    pairs = [
        ("Agent", _joined(e.agent + (f" ({e.model})" if e.model else "") for e in settings)),
        ("Memory", _joined(row_name(e.memory) for e in settings)),
        ("Feedback", _joined(e.feedback for e in settings)),
        (
            "Tasks",
            _joined(str(max(a.tasks for a in analysis.arms if a.run == r.label)) for r in runs),
        ),
        ("Seeds", _joined(str(e.seeds) for e in settings)),
        ("Run on", _days(runs)),
        ("Cost", _cost(runs)),
    ]
    return [(name, text) for name, text in pairs if text]


def tiles(analysis: Analysis) -> list[Tile]:
    """The lift first; of a single run its two arms beside it. None before the end of a run."""
    headlines = [c for c in analysis.headlines() if c.final]
    if not headlines or len(headlines) > MOST_TILES:
        return []
    several = len(analysis.runs) > 1
    lifts = [_lift(c, several=several) for c in headlines]
    return lifts if several else [*lifts, *_arms(analysis, headlines[0])]


def _lift(contrast: Contrast, *, several: bool) -> Tile:
    test = "" if contrast.no_difference else f", {p_value(contrast.p)}"
    return Tile(
        title=f"{contrast.run if several else 'Lift'}: {verdict(contrast)}",
        number=change(contrast, contrast.estimate),
        note=f"{certainty(contrast)}{test}",
    )


def _arms(analysis: Analysis, contrast: Contrast) -> list[Tile]:
    outcome = analysis.headline_outcome
    if contrast.scale == "ratio":
        return []
    found = ((contrast.arm, contrast.lift.sequential), (contrast.baseline, contrast.lift.iid))
    return [
        Tile(
            title=f"{outcome.short}, {name}",
            number=value(outcome, estimate.estimate),
            note=_solved(analysis, contrast.run, name),
        )
        for name, estimate in found
    ]


def _solved(analysis: Analysis, run: str, name: str) -> str:
    arm = analysis.of_arm(run, name)
    if analysis.headline_outcome.percent:
        return f"{arm.resolved:,} of {arm.graded:,} rollouts"
    return f"{arm.graded:,} rollouts"


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(texts))


def _days(runs: Iterable[RunResult]) -> str:
    days = sorted({r.started_at[:10] for run in runs for r in run.rollouts if r.started_at})
    return " to ".join(dict.fromkeys(days[:1] + days[-1:]))


def _cost(runs: Iterable[RunResult]) -> str:
    """All that agents, memories and users spent; "" where nobody counted."""
    rollouts = [rollout for run in runs for rollout in run.rollouts]
    spent = [cost for cost in map(cost_of, rollouts) if cost is not None]
    uncounted = sum(r.usage.cost_usd is None for r in rollouts)
    if not any(spent):
        return ""
    gap = f" ({uncounted:,} rollouts did not count)" if uncounted else ""
    return f"{sum(spent):,.2f} USD{gap}"
