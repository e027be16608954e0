"""What a resolved task costs, in every resource that was metered."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from seqswe.analysis.arms import compared
from seqswe.analysis.model import ArmResult, Efficiency
from seqswe.runs.outcomes import RESOLVED
from seqswe.statistics import Practice, cost_per_resolved, law_of_practice
from seqswe.statistics.arrays import FloatArray

RESOURCES = (
    *("cost", "tokens", "memory_cost", "memory_tokens"),
    *("user_cost", "user_tokens"),
    *("steps", "executions", "hints_spent", "seconds"),
)
PRACTICE_TASKS = 10
"""Under this many tasks no law of practice is fitted."""


def efficiencies(arm: ArmResult, baseline: ArmResult) -> Iterable[Efficiency]:
    """Per resource that both arms report: spent per resolved task, their ratio, its learning."""
    for name in RESOURCES:
        if name in arm.outcomes and (efficiency := _efficiency(arm, baseline, name)):
            yield efficiency


def _efficiency(arm: ArmResult, baseline: ArmResult, name: str) -> Efficiency | None:
    pair = compared((arm, baseline), name, RESOLVED.name)
    if pair is None:
        return None
    c1, y1, c0, y0 = pair.values
    return Efficiency(
        run=arm.run,
        arm=arm.arm,
        baseline=baseline.arm,
        outcome=arm.outcomes[name].outcome,
        per_resolved=_per_resolved(c1, y1),
        baseline_per_resolved=_per_resolved(c0, y0),
        ratio=cost_per_resolved(c1, y1, c0, y0, coupled=pair.coupled),
        practice=_practice(c1, c0, coupled=pair.coupled),
    )


def _per_resolved(cost: FloatArray, resolved: FloatArray) -> float | None:
    total = float(np.nansum(resolved))
    return float(np.nansum(cost)) / total if total else None


def _practice(c1: FloatArray, c0: FloatArray, *, coupled: bool) -> Practice | None:
    if len(c1) < PRACTICE_TASKS or (c1 <= 0).any() or (c0 <= 0).any():
        return None
    return law_of_practice(c1, c0, coupled=coupled)
