"""Runs of one thing over time: where its level changed, and by how much.

Each run is held against all runs since the level last changed, paired by task, so that a slow drift
adds up until it shows. Where the sign is sure a new level begins. The n − 1 tests share ALPHA
(Bonferroni), so that the marks of one history are all true with 95 % confidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqswe.arms import is_probe
from seqswe.comparison.baseline import Baseline, read
from seqswe.comparison.compare import (
    ALPHA,
    Asked,
    Change,
    Finding,
    are_coupled,
    arm_of,
    change_between,
    check_same,
    differences,
    outcome_of,
)
from seqswe.comparison.crashes import check_crashes
from seqswe.errors import UsageError
from seqswe.outcome import Outcome
from seqswe.runs.folders import run_folders
from seqswe.runs.store import RunDirectory
from seqswe.statistics import EQUIVALENCE_MARGIN, Estimate, interval_mean, share_interval
from seqswe.statistics.arrays import FloatArray, on_shared_tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One run of a history: its name, the day that it began ("" if nobody knows), its outcomes."""

    label: str
    day: str
    run: Baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What one run shows: the mean of each arm, with an interval of its own (95 %)."""

    label: str
    day: str
    means: Mapping[str, Estimate | None]
    change: Change | None
    """Against the runs since the level last changed; None for the first run."""
    since: int
    """Index of the first of those runs."""
    differences: Mapping[str, tuple[Any, Any]]
    """Settings that differ from those of the run before, (before, here)."""

    @property
    def shift(self) -> Finding | None:
        """`regression` or `improvement` where a new level begins, else None."""
        found = self.change.finding if self.change else Finding.NO_EVIDENCE
        return None if found is Finding.NO_EVIDENCE else found


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Runs in the order of their days, the arm that is tested first among `arms`."""

    codebase: str
    arms: tuple[str, ...]
    outcome: Outcome
    points: tuple[Point, ...]
    level: float
    """Of each test."""
    synthetic: bool

    @property
    def shifts(self) -> Mapping[int, Change]:
        """The change at each run, by its index, at which a new level begins."""
        return {i: p.change for i, p in enumerate(self.points) if p.change and p.shift}


def read_entries(paths: Sequence[Path]) -> list[Entry]:
    """Run directories, folders that hold some, and baseline files, in the order of their days.

    Where a day is not known (a baseline file has none) all stay as they were given. Raises
    RunDirError, UsageError or IncompleteError.
    """
    places = [
        place for path in paths for place in ([path] if path.is_file() else run_folders([path]))
    ]
    began = [_began(place) for place in places]
    entries = [
        Entry(label=label, day=moment[:10], run=read(place))
        for label, moment, place in zip(_labels(places), began, places, strict=True)
    ]
    if not all(began):
        return entries
    return [entries[i] for i in sorted(range(len(entries)), key=began.__getitem__)]


def history(
    entries: Sequence[Entry], arm: str = "", outcome: str = "", *, allow_crashes: bool = False
) -> History:
    """Find where the level changed. Raises UsageError as `compare` does, and under two runs."""
    if len(entries) < 2:
        raise UsageError("one run is no history", "Give two or more runs of the same kind.")
    runs = [entry.run for entry in entries]
    for run in runs:
        check_same(runs[0], run, across_agents=False)
    if not allow_crashes:
        check_crashes({entry.label: entry.run.known_crashes() for entry in entries})
    shared = [name for name in runs[0].arms if all(name in run.arms for run in runs)]
    gated = arm_of(arm, shared)
    chosen = outcome_of(outcome, runs, gated)
    arms = [gated, *(a for a in shared if a != gated and not is_probe(a))]
    arms = [a for a in arms if all(chosen.name in run.arms[a] for run in runs)]
    asked = Asked(gated, chosen, 1.0 - ALPHA / (len(runs) - 1), EQUIVALENCE_MARGIN)
    return History(
        codebase=runs[0].codebase,
        arms=tuple(arms),
        outcome=chosen,
        points=tuple(_points(entries, arms, asked)),
        level=asked.level,
        synthetic=any(run.synthetic for run in runs),
    )


def _points(entries: Sequence[Entry], arms: Sequence[str], asked: Asked) -> list[Point]:
    runs = [entry.run for entry in entries]
    coupled = are_coupled(runs)
    values = [run.values(asked.arm, asked.outcome.name) for run in runs]
    points: list[Point] = []
    since = 0
    for i, entry in enumerate(entries):
        change = _change(asked, values[since:i], values[i], runs[0], coupled=coupled) if i else None
        point = Point(
            label=entry.label,
            day=entry.day,
            means={arm: _mean(entry.run.values(arm, asked.outcome.name), asked) for arm in arms},
            change=change,
            since=since,
            differences=differences(runs[i - 1], entry.run) if i else {},
        )
        points.append(point)
        since = i if point.shift else since
    return points


def _change(
    asked: Asked, before: Sequence[FloatArray], here: FloatArray, run: Baseline, *, coupled: bool
) -> Change:
    if coupled:
        # The same dice again are no further run: what a seed gave is its mean over the runs.
        seeds = min(values.shape[1] for values in (*before, here))
        level = np.mean([values[:, :seeds] for values in before], axis=0)
    else:
        level = np.hstack(before)
    return change_between(asked, level, here, run.instance_ids, coupled=coupled)


def _mean(values: FloatArray, asked: Asked) -> Estimate | None:
    known = on_shared_tasks(values)
    if known is None:
        return None
    return share_interval(*known) if asked.outcome.kind == "share" else interval_mean(*known)


def _labels(places: Sequence[Path]) -> list[str]:
    """The shortest names that tell files and folders apart."""
    found = [place.resolve() for place in places]
    names = [place.stem if place.is_file() else place.name for place in found]
    longer = [f"{place.parent.name}/{name}" for place, name in zip(found, names, strict=True)]
    unique = (labels for labels in (names, longer) if len(set(labels)) == len(labels))
    return next(unique, [f"{number}: {name}" for number, name in enumerate(names, 1)])


def _began(place: Path) -> str:
    """When a run's first rollout started, as its journal says; "" if nobody knows."""
    if place.is_file():
        return ""
    started = [rollout.started_at for rollout in RunDirectory.open(place).journal().rollouts]
    return min(started) if started and all(started) else ""
