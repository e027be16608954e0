"""Rollouts whose agent crashed: how many, which tasks, and what the first one said.

They are graded for what the agent left, which says little of what was to be measured. So nothing is
tested on a side that has any, unless somebody wants it: the comparison is then a finding of its
own, which closes the gate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from seqswe.analysis.arms import RunLayout
from seqswe.errors import CrashedError, IncompleteError, StoppedError
from seqswe.patterns import COUNT, INSTANCE_ID
from seqswe.runs.rollout import Rollout

LONGEST = 160
"""Letters of what the first crash said."""
MOST = 300
"""Letters of an error's line."""
ALLOW = "Correct the agent and run it again, or take crashes as they were graded: --allow-crashes."


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashedTask:
    """One task in one arm, with at least one rollout whose agent crashed."""

    arm: str
    number: Annotated[int, COUNT]
    """In the sequence, from 1."""
    instance_id: Annotated[str, INSTANCE_ID]
    crashed: Annotated[int, COUNT]
    """Seeds that crashed, of `seeds`."""
    seeds: Annotated[int, COUNT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashes:
    """The crashes of one side."""

    rollouts: Annotated[int, COUNT]
    """How many crashed, of `planned`."""
    planned: Annotated[int, COUNT]
    tasks: tuple[CrashedTask, ...] = ()
    """By arm, in the order of the sequence; empty where an older file only counted them."""
    first: str = ""
    """What the first of them said, in one line; no file keeps it."""

    def sentence(self, side: str) -> str:
        """How many crashed and why, in a line; side: whose they are, such as `head`."""
        names = {task.instance_id for task in self.tasks}
        tasks = f" ({len(names)} task{'s' if len(names) != 1 else ''})" if names else ""
        said = f". The first said: {self.first}" if self.first else ""
        count = f"{self.rollouts} of {self.planned} rollouts"
        return f"the agent crashed in {count} of {side}{tasks}{said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoVerdict:
    """Why two sides were not tested against each other, in place of a comparison."""

    finding: Literal["crashed", "incomplete"]
    reason: str
    advice: str
    crashes: Mapping[str, Crashes]
    """By side, `base` and `head`; empty where a side could not be read to its end."""
    differences: Mapping[str, tuple[Any, Any]]
    """Settings that differ, (base, head)."""
    synthetic: bool = False


def crashes_of(rollouts: Iterable[Rollout], plan: RunLayout) -> Crashes | None:
    """The crashes among the rollouts of a run; None if there are none."""
    crashed = [rollout for rollout in rollouts if rollout.crashed]
    if not crashed:
        return None
    count = Counter((r.arm, r.position, r.instance_id) for r in crashed)
    order = sorted(count, key=lambda place: (plan.arms.index(place[0]), place[1]))
    tasks = [
        CrashedTask(
            arm=arm,
            number=position + 1,
            instance_id=instance_id,
            crashed=count[arm, position, instance_id],
            seeds=len(plan.seeds[arm]),
        )
        for arm, position, instance_id in order
    ]
    return Crashes(
        rollouts=len(crashed), planned=plan.planned, tasks=tuple(tasks), first=_said(crashed[0])
    )


def check_ended(rollouts: Iterable[Rollout], plan: RunLayout, run: str) -> None:
    """Raises IncompleteError unless every planned rollout has a verdict.

    A run that was stopped because its agent had only crashed (`--crashes`) is not to be gone on
    with: it raises StoppedError.
    """
    seen = list(rollouts)
    graded = sum(rollout.graded for rollout in seen)
    if graded == plan.planned and graded:
        return
    left = f"{plan.planned - graded} of {plan.planned} rollouts have no verdict"
    if seen and all(rollout.crashed for rollout in seen):
        raise StoppedError(
            f"{run}: {left}: the agent crashed in all of the first {len(seen)}: {_said(seen[0])}",
            f"Correct it and start a new run. Or go on with `seqswe resume {run} --crashes 0`.",
        )
    raise IncompleteError(
        f"{run}: {left}",
        "Finish it with `seqswe resume`: a partial run neither passes nor becomes a baseline.",
    )


def check_crashes(sides: Mapping[str, Crashes | None], advice: str = ALLOW) -> None:
    """Raises CrashedError if the agent crashed on a side; each is given by its name."""
    said = [crashes.sentence(name) for name, crashes in sides.items() if crashes]
    if said:
        raise CrashedError("; ".join(said)[:MOST], advice)


def _said(rollout: Rollout) -> str:
    detail = rollout.failure.detail if rollout.failure else ""
    return " ".join(detail.split())[:LONGEST] or "nothing"
