"""What needs an arm made for it: regret against an oracle, transfer, and forgetting.

Which snapshot a frozen or replay arm read is taken from the journal, never from its name: the
arm's memory before every task is one that the sequential arm had after m tasks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seqswe.analysis.arms import complete_tasks, started
from seqswe.analysis.contrasts import BASELINE, WITHOUT
from seqswe.analysis.model import Analysis, ArmResult, Contrast, RunResult, Secondary
from seqswe.statistics import backward_transfer, forward_transfer, gap_closed, regret
from seqswe.statistics.arrays import FloatArray

CHAIN = "sequential"
ORACLE = "oracle"
"""The memory that sees gold data: the upper bound, in a run beside this one."""
FEWEST = 5
"""Under this many tasks no transfer is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """An arm whose every rollout read the sequential arm's memory after `learnt` tasks."""

    arm: ArmResult
    learnt: int


def against_oracle(analysis: Analysis, contrast: Contrast) -> Iterator[Secondary]:
    """Regret and gap closed, where a run with the oracle's memory stands beside this one."""
    oracle = _oracle(analysis, contrast)
    if oracle is None:
        return
    run, name = contrast.run, contrast.outcome.name
    arms = [analysis.of_arm(run, contrast.arm), analysis.of_arm(run, contrast.baseline), oracle]
    values = [arm.outcomes[name].values for arm in arms]
    kept = complete_tasks(*values)
    if kept.sum() < FEWEST:
        return
    y1, y0, best = (started(found)[kept] for found in values)
    meaning = "Tasks lost over the sequence against a memory that sees the gold data."
    said = ("regret", "Regret", meaning)
    yield Secondary.of(
        contrast, said, regret(y1, best), unit="tasks", between=f"oracle − {contrast.arm}"
    )
    closed = gap_closed(y1, y0, best)
    meaning = "Share of the oracle's own lift that this memory reached."
    if closed is None:
        meaning += " Not told: the oracle's lift is not clearly above zero."
    said = ("gap_closed", "Gap closed", meaning)
    between = f"({contrast.name}) / (oracle − {contrast.baseline})"
    yield Secondary.of(contrast, said, closed, unit="share", between=between)


def transfers(analysis: Analysis, contrast: Contrast) -> Iterator[Secondary]:
    """Forward transfer of every frozen snapshot, and retention where seen tasks were run again."""
    for found in _frozen(analysis, contrast):
        if forward := _forward(analysis, contrast, found):
            yield forward
        if backward := _backward(analysis, contrast, found):
            yield backward


def replay_of(analysis: Analysis, contrast: Contrast) -> FloatArray | None:
    """All of the contrast's tasks again with the final memory, (N, K); None without such an arm."""
    first, second = (_values(analysis, contrast, arm) for arm in (contrast.arm, contrast.baseline))
    kept = complete_tasks(first, second)
    for found in _frozen(analysis, contrast):
        values = found.arm.outcomes[contrast.outcome.name].values
        if found.learnt == len(values) and complete_tasks(values)[kept].all():
            return started(values)[kept]
    return None


def _forward(analysis: Analysis, contrast: Contrast, found: Frozen) -> Secondary | None:
    values = found.arm.outcomes[contrast.outcome.name].values
    base = _values(analysis, contrast, contrast.baseline)
    kept = complete_tasks(values, base) & (np.arange(len(values)) >= found.learnt)
    if contrast.baseline != BASELINE or kept.sum() < FEWEST:
        return None
    estimate = forward_transfer(started(values)[kept], started(base)[kept], learnt=0)
    meaning = "What that memory, kept as it was, is worth on the tasks that came after it."
    said = ("forward_transfer", f"Forward transfer after {found.learnt} tasks", meaning)
    return Secondary.of(contrast, said, estimate, between=f"{found.arm.arm} − {BASELINE}")


def _backward(analysis: Analysis, contrast: Contrast, found: Frozen) -> Secondary | None:
    values = found.arm.outcomes[contrast.outcome.name].values
    base = _values(analysis, contrast, contrast.arm)
    kept = complete_tasks(values, base) & (np.arange(len(values)) < found.learnt)
    if contrast.arm != CHAIN or kept.sum() < FEWEST:
        return None
    estimate = backward_transfer(started(values)[kept], started(base)[kept])
    meaning = (
        f"Tasks run again with the memory after {found.learnt}; below zero is forgetting. Such a "
        "memory has met these very tasks, so a gain is no skill."
    )
    said = ("backward_transfer", "Backward transfer", meaning)
    return Secondary.of(contrast, said, estimate, between=f"{found.arm.arm} − {contrast.arm}")


def _values(analysis: Analysis, contrast: Contrast, arm: str) -> FloatArray:
    return analysis.of_arm(contrast.run, arm).outcomes[contrast.outcome.name].values


def _oracle(analysis: Analysis, contrast: Contrast) -> ArmResult | None:
    mine = _run(analysis, contrast.run)
    if mine.info.experiment.memory == ORACLE:
        return None
    for run in analysis.runs:
        same = _asked(run) == _asked(mine) and run.info.experiment.memory == ORACLE
        if same and any((a.run, a.arm) == (run.label, CHAIN) for a in analysis.arms):
            return analysis.of_arm(run.label, CHAIN)
    return None


def _asked(run: RunResult) -> tuple[object, ...]:
    e = run.info.experiment
    return (run.info.sequence_digest, e.limit, e.agent, e.agent_option, e.feedback, e.code)


def _run(analysis: Analysis, label: str) -> RunResult:
    return next(run for run in analysis.runs if run.label == label)


def _frozen(analysis: Analysis, contrast: Contrast) -> Iterator[Frozen]:
    run = _run(analysis, contrast.run)
    chain = [r for r in run.rollouts if r.arm == CHAIN]
    after = {(r.seed, r.memory_after): r.position + 1 for r in chain if r.memory_after}
    for arm in analysis.arms:
        if arm.run != run.label or arm.arm in (CHAIN, BASELINE, WITHOUT):
            continue
        mine = [r for r in run.rollouts if r.arm == arm.arm and r.graded]
        learnt = {after.get((r.seed, r.memory_before), 0) for r in mine}
        if len(learnt) == 1 and (count := learnt.pop()):
            yield Frozen(arm=arm, learnt=count)
