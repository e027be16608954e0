"""How far a run has come, by arm: what is resolved, what failed, and what it has cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from seqswe.experiment import Plan
from seqswe.runs.rollout import CAUSES, Rollout


class Advance:
    """Counts the rollouts that have ended, by arm.

    spent: what the agents' model has taken so far, in words; "" if they ask none.
    """

    def __init__(self, plan: Plan, done: Iterable[Rollout], spent: Callable[[], str]) -> None:
        self._planned: Counter[str] = Counter()
        for cell in plan.cells:
            self._planned[cell.arm] += len(cell.order)
        self._spent, self._most = spent, plan.experiment.max_cost
        self._model = plan.experiment.model
        self._graded: Counter[str] = Counter()
        self._resolved: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._memory_tokens = self._own_tokens = 0
        self._own_cost = 0.0
        for rollout in done:
            self.add(rollout)

    def add(self, rollout: Rollout) -> None:
        """Count one more."""
        self._graded[rollout.arm] += rollout.graded
        self._resolved[rollout.arm] += bool(rollout.resolved)
        if rollout.failure:
            self._failures[rollout.failure.cause] += 1
        self._memory_tokens += rollout.memory_usage.tokens
        self._own_tokens += rollout.usage.tokens or 0
        self._own_cost += rollout.usage.cost_usd or 0.0

    def lines(self, *, ended: bool = False) -> list[str]:
        """Say how the run stands: a line for each arm, then failures and money.

        ended: say it as well if no model was asked.
        """
        width = max(map(len, self._planned))
        arms = [
            f"{arm:{width}}  {self._resolved[arm]} resolved, {self._graded[arm]} graded of {count}"
            for arm, count in self._planned.items()
        ]
        money = self._money() or ([self._nothing_spent()] if ended else [])
        return [*arms, f"failures: {self._failed()}", *money]

    def data(self) -> dict[str, Any]:
        """The same as data."""
        arms: Mapping[str, Any] = {
            arm: {"planned": n, "graded": self._graded[arm], "resolved": self._resolved[arm]}
            for arm, n in self._planned.items()
        }
        return {"arms": arms, "failures": dict(self._failures), "spent": self._spent()}

    def _failed(self) -> str:
        each = [
            f"{count} {cause} ({'graded all the same' if CAUSES[cause].grade else 'no verdict'})"
            for cause, count in self._failures.most_common()
        ]
        return ", ".join(each) or "none"

    def _nothing_spent(self) -> str:
        if self._model and any(self._graded.values()):
            return (
                f"warning: no rollout asked the model {self._model}: is the agent told its address?"
            )
        return "cost: no model was asked"

    def _money(self) -> list[str]:
        spent = self._spent()
        lines = [f"agent: {spent}{f' of ${self._most:g}' if self._most else ''}"] if spent else []
        if not spent and self._own_tokens:
            lines = [f"agent: {self._own_tokens:,} tokens, ${self._own_cost:.2f} by its own count"]
        memory = [f"memory's model: {self._memory_tokens:,} tokens"] if self._memory_tokens else []
        return lines + memory


def outcome_of(rollout: Rollout) -> str:
    """Say in a line what became of a rollout."""
    if rollout.resolved is None:
        outcome = rollout.failure.cause if rollout.failure else "no verdict"
    else:
        outcome = "resolved" if rollout.resolved else f"unresolved ({rollout.reason or 'unknown'})"
    task = f"task {rollout.position + 1} {rollout.instance_id}"
    return f"{rollout.arm}, seed {rollout.seed}, {task}: {outcome}"
