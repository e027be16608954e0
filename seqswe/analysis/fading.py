"""Does the lift level off, and do lessons fade? What a run cannot tell, its row says in words.

Estimates with intervals, none of them a test. docs/beside.md has their formulas and says how the
intervals were tried.
"""

from __future__ import annotations

from collections.abc import Iterator

from seqswe.analysis.arms import Compared
from seqswe.analysis.model import Analysis, Contrast, Secondary
from seqswe.statistics.forgetting import LEAST as ON_EITHER_SIDE
from seqswe.statistics.forgetting import after_events
from seqswe.statistics.halflife import LEAST, Lessons, half_life
from seqswe.statistics.saturation import FEWEST, saturation_point

HINGE = (
    "Read off a hinge, a rise and then a level: from there on the lift is not seen to grow. A "
    "memory that is full looks the same as tasks that have no more to teach."
)
NO_HINGE = "Not shown: a lift that grows to the last task, or does not grow at all, fits as well."
TOO_FEW = "Not told: {n} tasks are too few to see a lift level off; it takes {fewest}."
AFTER = (
    "The lift of up to {n} tasks from a refactoring on less that of as many before it ({events} of "
    "{all}): below zero, what was learned of files that are gone is lost. Tasks differ, too."
)
TOO_NEAR = "Not told: none of {all} refactorings has {least} tasks on either side to itself."
NO_REFACTORING = (
    "Not told: at no task is a fifth of the files gone that earlier tasks fixed and that the task "
    "before still had."
)
FADES = (
    "In how many tasks a lesson loses half of the lift that it brings to tasks with the same files."
)
NO_FADING = "Not shown: lessons that fade and lessons that do not fit equally well."
LASTS = "At least so many tasks pass until a lesson has lost half of its lift, if it fades at all."
NO_SPREAD = (
    "Not told: of {n} tasks {some} have an earlier one with the same files, and it takes {least} "
    "with a young and {least} with an old lesson."
)


def fading(analysis: Analysis, contrast: Contrast, pair: Compared) -> Iterator[Secondary]:
    """When the lift levels off, and the half-life of a lesson. pair: the contrast's arms."""
    yield _saturation(contrast, pair)
    yield from _refactorings(analysis, contrast, pair)
    files = gold_files(analysis, contrast.run, len(pair.kept))
    if any(files):
        yield _half_life(contrast, pair, Lessons.of(files).only(pair.kept))


def gold_files(analysis: Analysis, label: str, tasks: int) -> list[frozenset[str]]:
    """The files that each task's true fix changes, in the order of the sequence."""
    run = next(run for run in analysis.runs if run.label == label)
    known = {r.position: frozenset(r.gold_files) for r in run.rollouts}
    return [known.get(position, frozenset()) for position in range(tasks)]


def _saturation(contrast: Contrast, pair: Compared) -> Secondary:
    found = saturation_point(*pair.values, coupled=pair.coupled)
    shown = found is not None and found.high is not None and found.estimate is not None
    meaning = HINGE if shown else NO_HINGE
    if found is None:
        meaning = TOO_FEW.format(n=len(pair.values[0]), fewest=FEWEST)
    return Secondary.of(
        contrast,
        found.estimate if found and shown else None,
        # Where the start is not refused, the lift may have been at its height from there on.
        ends=(found.low or 1.0, found.high) if found and shown else (None, None),
        name="saturation",
        title="Lift levels off",
        meaning=meaning,
        unit="task number",
    )


def _refactorings(analysis: Analysis, contrast: Contrast, pair: Compared) -> Iterator[Secondary]:
    """The lift after a refactoring less that before it; nothing of a run in which nobody looked."""
    run = next(run for run in analysis.runs if run.label == contrast.run)
    if run.info.refactorings is None:
        return
    # Rows of what is compared, from places in the sequence.
    events = [int(pair.kept[: event.task - 1].sum()) for event in run.info.refactorings]
    y1, y0 = pair.values
    found = after_events(y1, y0, events, coupled=pair.coupled)
    if found:
        meaning = AFTER.format(n=found.window, events=found.events, all=len(events))
    elif events:
        meaning = TOO_NEAR.format(all=len(events), least=ON_EITHER_SIDE)
    else:
        meaning = NO_REFACTORING
    yield Secondary.of(
        contrast,
        found.difference if found else None,
        name="after_refactoring",
        title="After less before a refactoring",
        meaning=meaning,
    )


def _half_life(contrast: Contrast, pair: Compared, lessons: Lessons) -> Secondary:
    y1, y0 = pair.values
    found = half_life(y1, y0, lessons, coupled=pair.coupled)
    if found is None:
        some = int((lessons.similarity > 0.0).sum())
        meaning = NO_SPREAD.format(n=len(lessons.age), some=some, least=LEAST)
    elif found.high is not None:
        meaning = FADES
    else:
        meaning = NO_FADING if found.low is None else LASTS
    return Secondary.of(
        contrast,
        found.estimate if found and found.high is not None else None,
        ends=(found.low, found.high) if found else (None, None),
        name="half_life",
        title="Half-life of a lesson",
        meaning=meaning,
        unit="age",
    )
