"""How long a run takes and what it costs, going by the runs that are there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqswe.errors import SeqSWEError
from seqswe.experiment import Experiment, Plan
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory

LOW, HIGH = 0.1, 0.9
"""Quantiles of earlier rollouts that bound the next ones."""
FEWEST = 3
"""Earlier rollouts from which on anything is said."""
TOTAL = "total"
"""Of a rollout's seconds: all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """Rollouts of earlier runs of the same codebase, agent, memory and models."""

    runs: tuple[Path, ...]
    rollouts: tuple[Rollout, ...]


def earlier(runs: Iterable[Path], experiment: Experiment) -> Earlier:
    """Rollouts to go by; runs that cannot be read are left out."""
    used, rollouts = [], []
    for path in runs:
        try:
            store = RunDirectory.open(path)
            if not _is_alike(store.info.experiment, experiment):
                continue
            found = [r for r in store.journal().rollouts if r.graded and TOTAL in r.timing]
        except SeqSWEError:
            continue
        if found:
            used.append(path)
            rollouts += found
    return Earlier(runs=tuple(used), rollouts=tuple(rollouts))


def estimates(runs: Iterable[Path], plan: Plan) -> list[str]:
    """Say bounds of time and cost of a plan, in two lines."""
    past, experiment = earlier(runs, plan.experiment), plan.experiment
    if len(past.rollouts) < FEWEST:
        alike = "no earlier run below this folder has this codebase, agent and memory"
        bound = f"${experiment.max_cost:g} (--max-cost)" if experiment.max_cost else "not bounded"
        asks = experiment.model or experiment.memory_model or experiment.user_model
        money = [f"cost: {bound}; {alike}"] if asks else []
        return [f"time: not known; {alike}", *money]
    basis = (
        f"from {len(past.rollouts)} rollouts of {len(past.runs)} earlier run"
        f"{'' if len(past.runs) == 1 else 's'}, 10th to 90th percentile"
    )
    seconds = [rollout.timing[TOTAL] for rollout in past.rollouts]
    low, high = (_wall(quantile(seconds, q), plan) for q in (LOW, HIGH))
    lines = [f"time: {_minutes(low)} to {_minutes(high)} with {experiment.jobs} jobs ({basis})"]
    costs = [c for c in map(cost_of, past.rollouts) if c is not None]
    if len(costs) >= FEWEST:
        least, most = (quantile(costs, q) * plan.rollouts for q in (LOW, HIGH))
        bound = f"; at most ${experiment.max_cost:g} by --max-cost" if experiment.max_cost else ""
        lines.append(f"cost: ${least:.2f} to ${most:.2f} ({basis}){bound}")
    return lines


def cost_of(rollout: Rollout) -> float | None:
    """USD of what agent, memory and user of a rollout took, as far as known; None if nothing is."""
    user = rollout.user_usage
    costs = [rollout.usage.cost_usd, rollout.memory_usage.cost_usd]
    costs += [user.cost_usd] if user else []
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None


def quantile(values: Sequence[float], share: float) -> float:
    """The value that a share (0 to 1) of the values do not exceed; linear between two."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _wall(seconds: float, plan: Plan) -> float:
    """Seconds by the clock if each rollout takes so many: a chain cannot be shared out."""
    chains = [len(cell.order) for cell in plan.cells if cell.carries_memory]
    together = plan.rollouts / min(plan.experiment.jobs, plan.rollouts)
    return seconds * max([together, *chains])


def _minutes(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{max(1, round(seconds / 60))} min"


def _is_alike(past: Experiment, planned: Experiment) -> bool:
    models = ("model", "memory_model", "user_model")
    names = ("codebase", "agent", "memory", "user", "sandbox", *models)
    return all(getattr(past, name) == getattr(planned, name) for name in names)
