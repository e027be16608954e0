"""Journal lines laid out as arrays: tasks down, seeds across, NaN where there is no verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqswe.analysis.model import (
    Analysis,
    ArmOutcome,
    ArmResult,
    Contrast,
    FailureCount,
    RepeatCount,
    VerdictCount,
)
from seqswe.experiment import make_plan
from seqswe.outcome import Outcome
from seqswe.runs.journal import Journal
from seqswe.runs.rollout import CAUSES, REASONS, Reason, Rollout
from seqswe.runs.store import RunInfo
from seqswe.statistics import (
    Curve,
    Estimate,
    arm_curve,
    interval_mean,
    share_interval,
    shared_tasks,
)
from seqswe.statistics.arrays import FloatArray, on_shared_tasks

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

    def borrowing(self, arm: str, lender: RunLayout) -> RunLayout:
        """With an arm of another run over the same tasks, in the place of its own."""
        return RunLayout(
            arms=(arm, *(name for name in self.arms if name != arm)),
            seeds={**self.seeds, arm: lender.seeds[arm]},
            positions={**self.positions, arm: lender.positions[arm]},
            tasks=max(self.tasks, lender.tasks),
        )


def layout(info: RunInfo, journal: Journal) -> RunLayout:
    """What was planned, and whatever the journal holds beyond it (a resume may add seeds)."""
    experiment = info.experiment
    cells = make_plan(experiment, info.instance_ids).cells
    orders = {cell.arm: cell.order for cell in cells}
    runs = {*((c.arm, c.seed) for c in cells), *((r.arm, r.seed) for r in journal.rollouts)}
    arms = tuple(dict.fromkeys([*orders, *(r.arm for r in journal.rollouts)]))
    seeds = {arm: tuple(sorted(seed for name, seed in runs if name == arm)) for arm in arms}
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
    *,
    coupled: bool = False,
) -> ArmResult:
    """One arm's rollouts as matrices and means, with the curve of the headline outcome.

    coupled: whether its agent draws the same dice by seed in every arm.
    """
    mine = [r for r in rollouts if r.arm == arm]
    seeds = plan.seeds[arm]
    by_name = {o.name: _arm_outcome(o, mine, plan, arm) for o in outcomes}
    main = by_name[headline.name]
    curve = on_axis(_curve(main.values), shared_tasks(main.values))
    by_name[headline.name] = replace(main, curve=curve)
    return ArmResult(
        run=run,
        arm=arm,
        seeds=seeds,
        positions=plan.positions[arm],
        graded=sum(r.graded for r in mine),
        resolved=sum(bool(r.resolved) for r in mine),
        deterministic=_deterministic(mine, seeds),
        coupled=coupled,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Arms side by side on the tasks that all have: what each has of them, NaN where missing."""

    values: tuple[FloatArray, ...]
    """Per arm (tasks, seeds), without tasks and seeds that an arm lacks."""
    kept: NDArray[np.bool_]
    """Which tasks of the sequence those are."""
    coupled: bool
    """Whether column k is the same seed in all, and draws the same dice."""

    @property
    def missing(self) -> int:
        """Tasks that an arm has no outcome of at all."""
        return int(len(self.kept) - self.kept.sum())


def compared(
    arms: Sequence[ArmResult], *outcomes: str, first: int = 0, fewest: int = 2
) -> Compared | None:
    """Arms side by side on some outcomes, arm by arm; None under `fewest` tasks.

    Tasks before `first` are left out. A task needs one seed of each arm. Of coupled arms it must be
    the same seed, and only seeds that all of them have count. Several outcomes of one arm stand
    beside each other, and a rollout needs all of them.
    """
    coupled = all(arm.coupled for arm in arms)
    columns = _seed_columns(arms, coupled=coupled)
    values: list[FloatArray] = []
    for arm, picked in zip(arms, columns, strict=True):
        mine = [arm.outcomes[name].values[first:, picked] for name in outcomes]
        there = np.isfinite(np.stack(mine)).all(axis=0)
        values += [np.where(there, matrix, np.nan) for matrix in mine]
    matrices = on_shared_tasks(*values, coupled=coupled, fewest=fewest)
    if matrices is None:
        return None
    kept = shared_tasks(*values, coupled=coupled)
    return Compared(values=matrices, kept=np.r_[np.zeros(first, bool), kept], coupled=coupled)


def of_contrast(analysis: Analysis, contrast: Contrast, *outcomes: str) -> Compared | None:
    """A contrast's arms side by side; None under two tasks."""
    arms = [analysis.of_arm(contrast.run, name) for name in (contrast.arm, contrast.baseline)]
    return compared(arms, *outcomes)


def _seed_columns(arms: Sequence[ArmResult], *, coupled: bool) -> list[list[int]]:
    """Which columns of each arm count: all, or of coupled arms those of the seeds all have."""
    if not coupled:
        return [list(range(len(arm.seeds))) for arm in arms]
    shared = sorted(set.intersection(*(set(arm.seeds) for arm in arms)))
    return [[arm.seeds.index(seed) for seed in shared] for arm in arms]


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


def repeats(run: str, rollouts: Iterable[Rollout]) -> tuple[RepeatCount, ...]:
    """Rollouts that were tried before, by arm and by what ended the earlier tries."""
    groups: dict[tuple[str, str], list[Rollout]] = {}
    for rollout in rollouts:
        for ended in rollout.earlier_tries:
            groups.setdefault((rollout.arm, ended), []).append(rollout)
    return tuple(
        RepeatCount(
            run=run,
            arm=arm,
            ended=ended,
            rollouts=len(members),
            tries=sum(member.earlier_tries[ended] for member in members),
            most_tries=max(member.tries for member in members),
            resolved=sum(bool(member.resolved) for member in members),
        )
        for (arm, ended), members in sorted(groups.items())
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
    gaps = ~np.isfinite(values)
    return ArmOutcome(
        outcome=outcome,
        values=values,
        mean=_mean(values, outcome),
        run_means=tuple(
            None if gaps[:, k].all() else float(np.nanmean(values[:, k])) for k in range(len(seeds))
        ),
        missing=int(gaps[list(plan.positions[arm])].sum()),
    )


def _mean(values: FloatArray, outcome: Outcome) -> Estimate | None:
    known = on_shared_tasks(values)
    if known is None:
        return None
    return share_interval(*known) if outcome.kind == "share" else interval_mean(*known)


def _curve(values: FloatArray) -> Curve | None:
    known = on_shared_tasks(values, fewest=CURVE_TASKS)
    return arm_curve(*known) if known else None


def _deterministic(rollouts: Sequence[Rollout], seeds: Sequence[int]) -> bool | None:
    if len(seeds) < 2:
        return None
    if set(seeds) - {r.seed for r in rollouts}:
        return False
    first: dict[int, tuple[object, ...]] = {}
    for r in rollouts:
        seen = (r.resolved, r.patch_digest, r.ranking, r.usage, r.recalled_bytes)
        if first.setdefault(r.position, seen) != seen:
            return False
    return True
