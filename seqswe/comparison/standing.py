"""Where runs stand that were asked the same: the lift of each over one i.i.d. baseline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seqswe.analysis.coupling import is_coupled
from seqswe.arms import BASELINE, SEQUENTIAL
from seqswe.comparison.baseline import Baseline
from seqswe.comparison.compare import headline
from seqswe.outcome import Outcome
from seqswe.statistics import Lift, compare_arms
from seqswe.statistics.arrays import on_shared_tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One run's lift."""

    name: str
    memory: str
    outcome: Outcome
    lift: Lift


def standings(
    runs: Sequence[tuple[str, Baseline]], outcome: Outcome | None = None
) -> list[Standing]:
    """The runs of one question, best lift first; left out: what has no sequential arm.

    outcome: what they are held against each other by; None: what a report would take.

    A run without an i.i.d. arm is held against that of another: with an empty memory the arms of
    all memories are one and the same. On the seeds that both have, since one seed against the mean
    of three would take the agent's luck for the memory's.
    """
    found = [_standing(name, run, runs, outcome) for name, run in runs if SEQUENTIAL in run.arms]
    return sorted((s for s in found if s), key=lambda s: -s.lift.overall.estimate)


def _standing(
    name: str, run: Baseline, others: Iterable[tuple[str, Baseline]], wanted: Outcome | None
) -> Standing | None:
    lenders = (run, *(other for _, other in others))
    base = next((lender for lender in lenders if BASELINE in lender.arms), None)
    if base is None:
        return None
    shared_outcomes = run.arms[SEQUENTIAL].keys() & base.arms[BASELINE].keys()
    outcome = wanted or headline((base, run), shared_outcomes)
    y1, y0 = run.values(SEQUENTIAL, outcome.name), base.values(BASELINE, outcome.name)
    agent = str(run.settings.get("agent", ""))
    coupled = is_coupled(agent, run.coupled) and is_coupled(agent, base.coupled)
    if coupled:
        seeds = min(y1.shape[1], y0.shape[1])
        y1, y0 = y1[:, :seeds], y0[:, :seeds]
    matrices = on_shared_tasks(y1, y0, coupled=coupled)
    if matrices is None:
        return None
    lift = compare_arms(*matrices, coupled=coupled, share=outcome.kind == "share")
    memory = str(run.settings.get("memory", ""))
    return Standing(name=name, memory=memory, outcome=outcome, lift=lift)
