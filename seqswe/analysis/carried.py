"""Code policy `carry`: what of the agent's own work a run kept, and what gold's history undid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seqswe.arms import SEQUENTIAL
from seqswe.experiment import CARRY
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedPatches:
    """Counts over the sequential chains of a run, all seeds together."""

    accepted: int
    """Patches that were graded as resolved."""
    conflicts: int
    """Of these, those that were dropped because they no longer fitted gold's history."""
    held: int
    """Those that the last task of each chain started with."""
    tasks: int
    """Tasks that started from other code than their base commit."""
    first_conflict: str = ""
    """`A at task B`, of the first."""

    @classmethod
    def of(cls, info: RunInfo, rollouts: Sequence[Rollout]) -> CarriedPatches | None:
        """Count a run's; None where nothing was to be carried."""
        if info.experiment.code_policy != CARRY:
            return None
        chain = [r for r in rollouts if r.graded and r.arm == SEQUENTIAL]
        last = {r.seed: r for r in sorted(chain, key=lambda r: r.position)}
        dropped = [r for r in chain if r.carry_conflicts]
        return cls(
            accepted=sum(bool(r.resolved) for r in chain),
            conflicts=sum(len(r.carry_conflicts) for r in dropped),
            held=sum(len(r.carried) for r in last.values()),
            tasks=sum(bool(r.code_before) for r in chain),
            first_conflict=(
                f"{dropped[0].carry_conflicts[0]} at {dropped[0].instance_id}" if dropped else ""
            ),
        )

    def sentence(self) -> str:
        """What the report says before anything is compared."""
        where = f", the first {self.first_conflict}" if self.conflicts else ""
        return (
            f"CODE CARRIED: in arm {SEQUENTIAL}, {self.tasks} tasks started from the agent's own "
            f"accepted patches in place of gold's; of {self.accepted} accepted, {self.conflicts} "
            f"were dropped in conflict with gold's history{where}. Other arms start from gold's "
            "code, so a difference between them is of memory and code together."
        )


def carried_sentences(info: RunInfo, rollouts: Sequence[Rollout]) -> Iterable[str]:
    """The sentence on carried code, of a run that carries any."""
    if (found := CarriedPatches.of(info, rollouts)) is not None:
        yield found.sentence()
