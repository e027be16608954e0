"""How far a run has come, on one line: tasks by arm, money, and the rollout that ended last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from seqswe.experiment import Plan
from seqswe.runs.rollout import Rollout


class Advance:
    """Counts the rollouts that have ended, by arm.

    spent: USD that the agents' model has cost so far, None if they ask none.
    """

    def __init__(
        self, plan: Plan, done: Iterable[Rollout], spent: Callable[[], float | None]
    ) -> None:
        self._planned: Counter[str] = Counter()
        for cell in plan.cells:
            self._planned[cell.arm] += len(cell.order)
        self._ended = Counter(rollout.arm for rollout in done if rollout.graded)
        self._spent, self._most = spent, plan.experiment.max_cost

    def line(self, rollout: Rollout) -> str:
        """Count one more, and say how far the run is."""
        self._ended[rollout.arm] += rollout.graded
        arms = [f"{arm} {self._ended[arm]}/{count}" for arm, count in self._planned.items()]
        return " · ".join([*arms, *self._money(), _outcome(rollout)])

    def _money(self) -> list[str]:
        spent = self._spent()
        if spent is None:
            return []
        return [f"${spent:.2f} of ${self._most:g}" if self._most else f"${spent:.2f}"]


def _outcome(rollout: Rollout) -> str:
    if rollout.resolved is None:
        outcome = rollout.failure.cause if rollout.failure else "no verdict"
    else:
        outcome = "resolved" if rollout.resolved else "unresolved"
    task = f"task {rollout.position + 1} {rollout.instance_id}"
    return f"{rollout.arm}, seed {rollout.seed}, {task} {outcome}"
