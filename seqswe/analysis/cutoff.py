"""The tasks before a model's stated cutoff against those after it: does the model know its past?

A task's date is that of its fix, as the manifest has it. Difficulty is taken off by another run's
i.i.d. arm on the same tasks, such as `localizer`'s, which has read nothing; without one by the
number of files that the fix touches. This is a screening: no p-value, no verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date

import numpy as np

from seqswe.analysis.model import Analysis, RunResult
from seqswe.arms import BASELINE
from seqswe.errors import UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.outcome import Outcome
from seqswe.runs.outcomes import HIT_AT_1
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory
from seqswe.statistics.arrays import FloatArray
from seqswe.statistics.cutoff import FEWEST, CutoffSplit, split_by_control, split_by_covariate

HINT = "See `seqswe report --help`: --cutoff and --difficulty."


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoff:
    """What the date split of one run says."""

    run: str
    day: date
    outcome: Outcome
    difficulty: str
    """What was taken off, in words."""
    split: CutoffSplit
    dropped: int
    """Tasks without a value, which count on neither side."""

    @property
    def sentence(self) -> str:
        """The finding, and what it may not say."""
        split, left = self.split, f"; {self.dropped} tasks have no value" if self.dropped else ""
        found = (
            "More than difficulty explains: the model may know these tasks."
            if split.low > 0
            else "Less than difficulty explains: no sign that the model knows its past."
            if split.high < 0
            else "Difficulty explains it, as far as these tasks tell; that is no proof of absence."
        )
        way = "higher" if split.raw >= 0 else "lower"
        return (
            f"CUTOFF {self.day} ({self.run}): {self.outcome.title} in arm {BASELINE} was "
            f"{abs(100 * split.raw):.1f} points {way} in the {split.before} tasks up to it than "
            f"in the {split.after} after it; {self.difficulty} explains "
            f"{_points(split.explained)}. The rest is C = {_points(split.estimate)} points "
            f"(95 % interval {_points(split.low)} to {_points(split.high)}{left}). {found}"
        )


def with_cutoff(analysis: Analysis, day: date, difficulty: RunDirectory | None = None) -> Analysis:
    """The analysis with one more sentence for each run; raises as `cutoff` does."""
    told = [cutoff(run, analysis.headline_outcome, day, difficulty) for run in analysis.runs]
    return replace(analysis, sentences=(*analysis.sentences, *(each.sentence for each in told)))


def cutoff(
    run: RunResult, outcome: Outcome, day: date, difficulty: RunDirectory | None = None
) -> Cutoff:
    """Split one run's i.i.d. arm at a day, which itself counts as before.

    difficulty: a run whose i.i.d. arm's hits at 1 are taken off. Raises UsageError without that
    arm, without dates, for an outcome that is no share, or with too few tasks on one side.
    """
    if outcome.kind != "share":
        raise UsageError(f"{outcome.title} is no share: there are no points to split", HINT)
    values = _by_task(run.rollouts, outcome)
    tasks = [task for task in run.info.instance_ids if task in values]
    control = _by_task(difficulty.journal().rollouts, HIT_AT_1) if difficulty else None
    if control is not None:
        tasks = [task for task in tasks if task in control]
    dates = _dates(run, tasks)
    before = [dates[task] <= day for task in tasks]
    try:
        y = _rows(values, tasks)
        if control is None:
            files = {r.instance_id: len(r.gold_files) for r in run.rollouts}
            size = np.log1p([float(files[task]) for task in tasks])
            split = split_by_covariate(y, size, before)
        else:
            split = split_by_control(y, _rows(control, tasks), before)
    except ValueError:
        sides = f"{sum(before)} up to {day} and {len(tasks) - sum(before)} later"
        raise UsageError(
            f"{run.label}: of the tasks with a value in arm {BASELINE}, {sides}",
            f"Each side needs {FEWEST} of them.",
        ) from None
    return Cutoff(
        run=run.label,
        day=day,
        outcome=outcome,
        difficulty=_named(difficulty),
        split=split,
        dropped=len(run.info.instance_ids) - len(tasks),
    )


def _by_task(rollouts: Iterable[Rollout], outcome: Outcome) -> dict[str, dict[int, float]]:
    """The i.i.d. arm's values by task and seed, of tasks that every seed with a value has."""
    values: dict[str, dict[int, float]] = {}
    for rollout in rollouts:
        if rollout.arm == BASELINE and (value := outcome.of(rollout)) is not None:
            values.setdefault(rollout.instance_id, {})[rollout.seed] = value
    seeds = {seed for each in values.values() for seed in each}
    return {task: each for task, each in values.items() if each.keys() == seeds}


def _rows(values: Mapping[str, Mapping[int, float]], tasks: Sequence[str]) -> FloatArray:
    rows = [[each[seed] for seed in sorted(each)] for each in (values[task] for task in tasks)]
    return np.array(rows, dtype=np.float64)


def _dates(run: RunResult, tasks: Iterable[str]) -> dict[str, date]:
    codebase = run.info.experiment.codebase
    records = manifests.load(codebase).instances
    dates = {r.instance_id: r.created_at.astimezone(UTC).date() for r in records}
    if lost := next((task for task in tasks if task not in dates), None):
        raise UsageError(
            f"{codebase} has no task {lost}: its date is not known",
            "Restore the sequence that the run was made with.",
        )
    return dates


def _named(difficulty: RunDirectory | None) -> str:
    if difficulty is None:
        return "the number of files that the fix touches"
    experiment = difficulty.info.experiment
    return f"the hit at 1 of {experiment.agent_name} in arm {BASELINE}"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
