"""What a memory did not learn or recall because its model's answers could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seqswe.experiment import make_plan
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunInfo

FEW = 0.03
"""Share of lost lessons, or recalls, above which a report begins with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostLessons:
    """Counts over the rollouts of a run, each of which is counted once."""

    told: int
    """Rollouts that a memory was told of."""
    lessons: int
    """Of these, those of which it learned nothing."""
    recalls: int
    """Rollouts for which nothing was recalled."""
    rollouts: int

    @classmethod
    def of(cls, info: RunInfo, rollouts: Sequence[Rollout]) -> LostLessons:
        """Count those with a verdict: another one is tried again."""
        cells = {(c.arm, c.seed): c for c in make_plan(info.experiment, info.instance_ids).cells}
        graded = [r for r in rollouts if r.graded]
        told = [r for r in graded if (c := cells.get((r.arm, r.seed))) and c.carries_memory]
        return cls(
            told=len(told),
            lessons=sum(bool(r.memory_usage.lessons_lost) for r in graded),
            recalls=sum(bool(r.memory_usage.recalls_lost) for r in graded),
            rollouts=len(graded),
        )

    def sentences(self) -> Iterable[str]:
        """What to know before believing a lift, if it is more than a few per cent."""
        why = "because its model's answers could not be read, though it was asked again"
        if self.lessons > FEW * self.told:
            yield (
                f"LESSONS LOST: the memory learned nothing from {self.lessons} of {self.told} "
                f"tasks, {why}."
            )
        if self.recalls > FEW * self.rollouts:
            yield (
                f"RECALLS LOST: the memory recalled nothing for {self.recalls} of {self.rollouts} "
                f"rollouts, {why}."
            )
