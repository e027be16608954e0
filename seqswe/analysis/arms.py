"""Journal lines laid out as arrays: tasks down, seeds across, NaN where there is no verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqswe.analysis.model import ArmOutcome, ArmResult, FailureCount, VerdictCount
from seqswe.experiment import make_plan
from seqswe.outcome import Outcome
from seqswe.runs.rollout import CAUSES, REASONS, Reason, Rollout
from seqswe.runs.store import Journal, RunInfo
from seqswe.statistics import Curve, Estimate, arm_curve, interval_mean
from seqswe.statistics.arrays import FloatArray

CURVE_TASKS = 10
"""Under this many tasks there is no curve, only the tasks themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLayout:
    """Which rollouts a run directory was to hold: its arms, seeds and number of tasks."""

    arms: tuple[str, ...]
    seeds: dict[str, tuple[int, ...]]
    positions: dict[str, tuple[int, ...]]
    """Of the tasks of each arm, in the order of the sequence."""
    tasks: int

    @property
    def planned(self) -> int:
        """Rollouts planned over all arms."""
        return sum(len(self.positions[arm]) * len(self.seeds[arm]) for arm in self.arms)


def layout(info: RunInfo, journal: Journal) -> RunLayout:
    """What was planned, and whatever the journal holds beyond it (a resume may add seeds)."""
    experiment = info.experiment
    orders = {cell.arm: cell.order for cell in make_plan(experiment, info.instance_ids).cells}
    arms = tuple(dict.fromkeys([*orders, *(r.arm for r in journal.rollouts)]))
    seeds = {
        arm: tuple(
            sorted({*range(experiment.seeds), *(r.seed for r in journal.rollouts if r.arm == arm)})
        )
        for arm in arms
    }
    total = len(info.instance_ids)
    planned = min(total, experiment.limit) if experiment.limit else total
    seen = max((r.position + 1 for r in journal.rollouts), default=0)
    tasks = max(planned, seen)
    positions = {arm: tuple(sorted(orders.get(arm, range(tasks)))) for arm in arms}
    return RunLayout(arms=arms, seeds=seeds, positions=positions, tasks=tasks)


def arm_result(
    run: str,
    arm: str,
    rollouts: Sequence[Rollout],
    plan: RunLayout,
    outcomes: Sequence[Outcome],
    headline: Outcome,
) -> ArmResult:
    """One arm's rollouts as matrices and means, with the curve of the headline outcome."""
    mine = [r for r in rollouts if r.arm == arm]
    seeds = plan.seeds[arm]
    by_name = {o.name: _arm_outcome(o, mine, plan, arm) for o in outcomes}
    main = by_name[headline.name]
    curve = on_axis(_curve(whole(main.values)), complete_tasks(main.values))
    by_name[headline.name] = replace(main, curve=curve)
    return ArmResult(
        run=run,
        arm=arm,
        seeds=seeds,
        positions=plan.positions[arm],
        graded=sum(r.graded for r in mine),
        resolved=sum(bool(r.resolved) for r in mine),
        deterministic=_deterministic(mine, seeds),
        outcomes=by_name,
    )


def matrix(
    outcome: Outcome, rollouts: Iterable[Rollout], seeds: Sequence[int], tasks: int
) -> FloatArray:
    """Values (tasks, seeds) of one outcome; NaN where a rollout has none or does not exist."""
    values: FloatArray = np.full((tasks, len(seeds)), np.nan)
    column = {seed: index for index, seed in enumerate(seeds)}
    for rollout in rollouts:
        value = outcome.of(rollout)
        if value is not None:
            values[rollout.position, column[rollout.seed]] = value
    return values


def whole(values: FloatArray) -> FloatArray:
    """The values without empty seeds and then without tasks that have a gap; may be empty."""
    return started(values)[complete_tasks(values)]


def started(values: FloatArray) -> FloatArray:
    """The columns (seeds) that hold at least one value."""
    kept: FloatArray = values[:, np.isfinite(values).any(axis=0)]
    return kept


def complete_tasks(*arms: FloatArray) -> NDArray[np.bool_]:
    """Which tasks have a value in every started seed of every arm; none if an arm is empty."""
    mask: NDArray[np.bool_] = np.ones(len(arms[0]), dtype=bool)
    for values in arms:
        kept = started(values)
        mask &= np.isfinite(kept).all(axis=1) & (kept.shape[1] > 0)
    return mask


def on_axis(curve: Curve | None, kept: NDArray[np.bool_]) -> Curve | None:
    """The curve with positions of the whole sequence, where tasks were dropped on the way."""
    if curve is None:
        return None
    places = np.flatnonzero(kept) + 1.0
    position = np.interp(curve.position, np.arange(1.0, len(places) + 1.0), places)
    return replace(curve, position=position)


def failures(run: str, rollouts: Iterable[Rollout]) -> tuple[FailureCount, ...]:
    """Failures by arm and cause, in the order of the failure table."""
    groups: dict[tuple[str, str, bool], list[Rollout]] = {}
    for rollout in rollouts:
        if rollout.failure:
            key = (rollout.arm, rollout.failure.cause, rollout.graded)
            groups.setdefault(key, []).append(rollout)
    return tuple(
        FailureCount(
            run=run,
            arm=arm,
            cause=cause,
            meaning=CAUSES[cause].meaning if cause in CAUSES else "",
            graded=graded,
            count=len(members),
            example=next((m.failure.detail for m in members if m.failure), ""),
        )
        for (arm, cause, graded), members in sorted(groups.items())
    )


def verdicts(run: str, rollouts: Iterable[Rollout]) -> tuple[VerdictCount, ...]:
    """Verdicts by arm and reason, in the order of the table of reasons."""
    groups: dict[tuple[str, Reason], list[Rollout]] = {}
    for rollout in rollouts:
        if rollout.graded and rollout.reason:
            groups.setdefault((rollout.arm, rollout.reason), []).append(rollout)
    order = {reason: place for place, reason in enumerate(REASONS)}
    return tuple(
        VerdictCount(
            run=run,
            arm=arm,
            reason=reason,
            meaning=REASONS[reason],
            count=len(members),
            dropped=sum(bool(member.dropped_files) for member in members),
            example=next(filter(None, map(_example, members)), ""),
        )
        for (arm, reason), members in sorted(
            groups.items(), key=lambda g: (g[0][0], order[g[0][1]])
        )
    )


def _example(rollout: Rollout) -> str:
    left_out = (f"{path}: {why}" for path, why in rollout.dropped_files.items())
    return rollout.problem or next(left_out, "")


def _arm_outcome(
    outcome: Outcome, rollouts: Iterable[Rollout], plan: RunLayout, arm: str
) -> ArmOutcome:
    seeds = plan.seeds[arm]
    values = matrix(outcome, rollouts, seeds, plan.tasks)
    kept = whole(values)
    gaps = ~np.isfinite(values)
    return ArmOutcome(
        outcome=outcome,
        values=values,
        mean=_mean(kept),
        run_means=tuple(
            None if gaps[:, k].all() else float(np.nanmean(values[:, k])) for k in range(len(seeds))
        ),
        missing=int(gaps[list(plan.positions[arm])].sum()),
    )


def _mean(values: FloatArray) -> Estimate | None:
    return interval_mean(values) if len(values) >= 2 else None


def _curve(values: FloatArray) -> Curve | None:
    return arm_curve(values) if len(values) >= CURVE_TASKS else None


def _deterministic(rollouts: Sequence[Rollout], seeds: Sequence[int]) -> bool | None:
    if len(seeds) < 2:
        return None
    by_task: dict[int, set[tuple[object, ...]]] = {}
    for r in rollouts:
        seen = (r.resolved, r.patch_digest, r.ranking, r.usage, r.recalled_bytes)
        by_task.setdefault(r.position, set()).add(seen)
    counts = {seed: sum(r.seed == seed for r in rollouts) for seed in seeds}
    return min(counts.values()) > 0 and all(len(seen) == 1 for seen in by_task.values())
