"""Regret and gap closed, against the run of an oracle reported beside this one."""

from __future__ import annotations

from collections.abc import Iterator

from seqswe.analysis.arms import compared
from seqswe.analysis.model import Analysis, ArmResult, Contrast, RunResult, Secondary
from seqswe.arms import SEQUENTIAL
from seqswe.statistics import gap_closed, regret

ORACLE = "oracle"
"""The memory that sees gold data, in a run beside this one; no upper bound for every agent."""
FEWEST = 5
"""Under this many tasks nothing is reported."""


def against_oracle(analysis: Analysis, contrast: Contrast) -> Iterator[Secondary]:
    """Regret and gap closed, where a run with the oracle's memory stands beside this one."""
    oracle = _oracle(analysis, contrast)
    if oracle is None:
        return
    run = contrast.run
    arms = [analysis.of_arm(run, contrast.arm), analysis.of_arm(run, contrast.baseline), oracle]
    three = compared(arms, contrast.outcome.name, fewest=FEWEST)
    if three is None:
        return
    y1, y0, best = three.values
    yield Secondary.of(
        contrast,
        regret(y1, best, coupled=three.coupled),
        name="regret",
        title="Regret",
        meaning="Tasks lost over the sequence against a memory that sees the gold data.",
        unit="tasks",
        between=f"oracle − {contrast.arm}",
    )
    closed = gap_closed(y1, y0, best, coupled=three.coupled)
    meaning = "Share of the oracle's own lift that this memory reached."
    if closed is None:
        meaning += " Not told: the oracle's lift is not clearly above zero."
    yield Secondary.of(
        contrast,
        closed,
        name="gap_closed",
        title="Gap closed",
        meaning=meaning,
        unit="share",
        between=f"({contrast.name}) / (oracle − {contrast.baseline})",
    )


def _oracle(analysis: Analysis, contrast: Contrast) -> ArmResult | None:
    mine = _run(analysis, contrast.run)
    if mine.info.experiment.memory == ORACLE:
        return None
    for run in analysis.runs:
        same = _asked(run) == _asked(mine) and run.info.experiment.memory == ORACLE
        if same and any((a.run, a.arm) == (run.label, SEQUENTIAL) for a in analysis.arms):
            return analysis.of_arm(run.label, SEQUENTIAL)
    return None


def _asked(run: RunResult) -> tuple[object, ...]:
    e = run.info.experiment
    how = (e.agent, e.agent_option, e.feedback, e.delivery)
    return (run.info.sequence_digest, e.limit, *how)


def _run(analysis: Analysis, label: str) -> RunResult:
    return next(run for run in analysis.runs if run.label == label)
