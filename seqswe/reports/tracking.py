"""What a tracker of experiments is given: a run's settings, and its curves by position.

`seqswe report RUN --track NAME` hands it on; trackers register under `seqswe.tracker`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Protocol

from seqswe.arms import BASELINE
from seqswe.runs.registry import present
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory

Points = Mapping[int, float]
"""A value by position in the sequence, which begins at 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRun:
    """One run, as a tracker keeps it."""

    name: str
    settings: Mapping[str, str]
    tags: Mapping[str, str]
    """Digests, by which the same results are known again."""
    curves: Mapping[str, Points]
    """`OUTCOME/ARM`: the mean over seeds at each task. `OUTCOME_so_far/ARM`: the mean over the
    tasks up to it. `OUTCOME_lift_so_far/ARM`: the same of the difference to the baseline, on the
    tasks that both have."""


class Tracker(Protocol):
    """Keeps runs in somebody's tracker. Built as `Factory()`."""

    def track(self, run: TrackedRun, files: Sequence[Path]) -> str:
        """Keep a run with the files of its report; returns where it is to be seen.

        Raises MissingError for a server that does not answer.
        """
        ...


def tracked(store: RunDirectory) -> TrackedRun:
    """What there is to keep of a run."""
    journal, info = store.journal(), store.info
    settings = {name: str(value) for name, value in asdict(info.experiment).items()}
    return TrackedRun(
        name=store.root.name,
        settings={name: value for name, value in settings.items() if value},
        tags={
            "seqswe.version": info.seqswe,
            "seqswe.results": journal.results_digest(),
            "seqswe.sequence": info.sequence_digest,
            "seqswe.synthetic": str(info.synthetic).lower(),
        },
        curves=dict(_curves([r for r in journal.rollouts if r.graded])),
    )


def _curves(rollouts: Sequence[Rollout]) -> Iterator[tuple[str, Points]]:
    arms = dict.fromkeys(rollout.arm for rollout in rollouts)
    for outcome in present(rollouts):
        by_arm: dict[str, dict[int, list[float]]] = {arm: {} for arm in arms}
        for rollout in rollouts:
            if (value := outcome.of(rollout)) is not None:
                by_arm[rollout.arm].setdefault(rollout.position, []).append(value)
        means = {arm: {n: fmean(v) for n, v in sorted(at.items())} for arm, at in by_arm.items()}
        base = means.get(BASELINE, {})
        for arm, points in means.items():
            yield f"{outcome.name}/{arm}", points
            yield f"{outcome.name}_so_far/{arm}", _so_far(points)
            if arm != BASELINE:
                difference = {n: value - base[n] for n, value in points.items() if n in base}
                yield f"{outcome.name}_lift_so_far/{arm}", _so_far(difference)


def _so_far(points: Points) -> Points:
    """The mean of all values up to each position."""
    total, means = 0.0, {}
    for count, (position, value) in enumerate(points.items(), 1):
        total += value
        means[position] = total / count
    return means
