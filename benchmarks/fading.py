"""Checks of what is read off curves: when a lift levels off, how fast a lesson fades, and age.

The truth of a hinge and of a half-life is that of all agents of a cell; a lift on a stretch of the
stream is each data set's own. An end that is open holds everything beyond it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf

import numpy as np

from benchmarks.checks import CHUNK, Share, Size, holds, mean
from benchmarks.planted import (
    Curve,
    FloatArray,
    Planted,
    Scenario,
    flat,
    plant,
    ramp,
    refactoring,
    sequential_outcomes,
)
from seqswe.statistics import two_way
from seqswe.statistics.forgetting import after_events
from seqswe.statistics.halflife import Lessons, half_life
from seqswe.statistics.inversion import Compatible
from seqswe.statistics.saturation import FEWEST, saturation_point

KNOT = 0.3
"""Where the planted lift levels off, as a share of the sequence."""
TOP = 0.3
"""The lift at its height; of a lesson as young and as like as can be, too."""
FILES = 40
LIVES = (10.0, 40.0)
"""Planted half-lives, in tasks."""
NOISE = {"run": 0.1, "serial": 0.3, "memory": 0.9, "task": 0.24}
AGED = 0.05
"""Lift that is lost with age, of lessons that are as many."""


def level(x: FloatArray) -> FloatArray:
    """Lift grows to its height at the knot, and no more."""
    return TOP * np.minimum(x / KNOT, 1.0)


def saturations(size: Size) -> Iterator[Share]:
    """Where a lift levels off: shown of agents whose lift does not; right where it does."""
    for n in _long(size):
        for k in size.runs:
            for name, curve in (("flat", flat), ("ramp", ramp)):
                never = Scenario(name=name, curve=curve, **NOISE)
                shown = [_shown(found) for found in _hinges(size, never, n, k)]
                yield _share("levelling off: falsely shown", name, n, k, shown)
            agent = Scenario(name=f"level from {KNOT:g}", curve=level, **NOISE)
            knot = 1.0 + (n - 1.0) * KNOT
            right = [_holds(found, knot) for found in _hinges(size, agent, n, k)]
            yield _share("levelling off: coverage", agent.name, n, k, right)


def half_lives(size: Size) -> Iterator[Share]:
    """Half-lives: shown of lessons that do not fade, or bring nothing; right where they fade."""
    for n in _long(size):
        for k in size.runs:
            for name, top, life in (("no lift", 0.0, 1.0), ("never fades", TOP, inf)):
                shown = [_shown(found) for found in _lives(size, name, (top, life), n, k)]
                yield _share("half-life: falsely shown", name, n, k, shown)
            for life in LIVES:
                name = f"{life:g} tasks"
                right = [_holds(found, life) for found in _lives(size, name, (TOP, life), n, k)]
                yield _share("half-life: coverage", name, n, k, right)


def windows(size: Size) -> Iterator[Share]:
    """Old lessons against as many new ones, on the last quarter of the tasks, paired by seed."""
    agent = Scenario(name="lessons age", curve=flat, **NOISE)
    for n in _long(size):
        for k in size.runs:
            rng = size.generator("windows", n, k)
            hits = []
            for batch in size.batches(agent, n // 4, k, "windows"):
                # The younger memory's tasks: an arm of its own, with the luck of further runs.
                younger = np.minimum(batch.rates + AGED, 1.0)
                outcomes = sequential_outcomes(agent, younger, k, rng)
                truth = (batch.rates - younger).mean(axis=1)
                pairs = zip(batch.sequential, outcomes, truth, strict=True)
                hits += [holds(two_way(old, new, coupled=True), float(t)) for old, new, t in pairs]
            yield _share("lessons of another age: coverage", agent.name, n, k, hits)


def after_a_refactoring(size: Size) -> Iterator[Share]:
    """The lift after a sudden loss less that before it, of the stream."""
    agent = Scenario(name="refactoring", curve=refactoring, **NOISE)
    for n in _long(size):
        at = int(np.ceil(0.6 * (n - 1)))
        for k in size.runs:
            hits = []
            for batch, b in _datasets(size.batches(agent, n, k, "after a refactoring")):
                found = after_events(batch.sequential[b], batch.iid[b], [at])
                assert found
                lift, width = batch.lift[b], found.window
                truth = lift[at : at + width].mean() - lift[at - width : at].mean()
                hits.append(holds(found.difference, float(truth)))
            yield _share("after a refactoring: coverage", agent.name, n, k, hits)


def by_the_best_hinge(size: Size) -> Iterator[Share]:
    """Teeth: how often the best hinge of agents that learn nothing levels off before the end."""
    shown = []
    for batch in size.batches(Scenario(name="flat", curve=flat, **NOISE), 100, 5, "best hinge"):
        task = np.arange(1.0, 101.0)
        knots = np.arange(5.0, 101.0, 5.0)
        hinges = np.minimum(task, knots[:, np.newaxis])
        hinges -= hinges.mean(axis=1, keepdims=True)
        hinges /= np.linalg.norm(hinges, axis=1, keepdims=True)
        gains = (batch.sequential.mean(axis=2) - batch.iid.mean(axis=2)) @ hinges.T
        best = gains[np.arange(len(gains)), np.abs(gains).argmax(axis=1)]
        shown += [*((np.abs(gains).argmax(axis=1) < len(knots) - 2) & (best > 0.0))]
    yield _share("levelling off by the best hinge: falsely shown", "flat", 100, 5, shown)


def _hinges(size: Size, agent: Scenario, n: int, k: int) -> Iterator[Compatible]:
    for batch, b in _datasets(size.batches(agent, n, k, "levelling off")):
        found = saturation_point(batch.sequential[b], batch.iid[b])
        assert found, f"{FEWEST} tasks or more"
        yield found


def _lives(
    size: Size, name: str, lesson: tuple[float, float], n: int, k: int
) -> Iterator[Compatible]:
    """Of agents whose lessons bring lesson[0] and halve in lesson[1] tasks."""
    rng = size.generator("half-life", name, n, k)
    often = 1.0 / np.arange(1.0, FILES + 1.0)
    for start in range(0, size.datasets, CHUNK):
        counts = rng.integers(1, 3, n)
        drawn = [rng.choice(FILES, count, p=often / often.sum()) for count in counts]
        lessons = Lessons.of([set(map(str, files)) for files in drawn])
        lift = lesson[0] * lessons.similarity * np.exp2(-lessons.age / lesson[1])
        agent = Scenario(name=name, curve=_always(lift), **NOISE)
        batch = plant(agent, (min(CHUNK, size.datasets - start), n, k), rng)
        for b in range(len(batch.iid)):
            found = half_life(batch.sequential[b], batch.iid[b], lessons)
            assert found, "lessons of many ages"
            yield found


def _always(lift: FloatArray) -> Curve:
    """A curve that is `lift`, task by task."""
    return lambda _: lift


def _datasets(batches: Iterator[Planted]) -> Iterator[tuple[Planted, int]]:
    for batch in batches:
        for b in range(len(batch.iid)):
            yield batch, b


def _shown(found: Compatible) -> bool:
    return found.high is not None


def _holds(found: Compatible, truth: float) -> bool:
    return (found.low or 0.0) <= truth <= (inf if found.high is None else found.high)


def _long(size: Size) -> list[int]:
    return [n for n in size.tasks if n >= 100]


def _share(check: str, scenario: str, n: int, k: int, hits: list[bool]) -> Share:
    return Share(check=check, scenario=scenario, n=n, k=k, value=mean(hits))


FADING: tuple[Callable[[Size], Iterator[Share]], ...] = (
    saturations,
    half_lives,
    after_a_refactoring,
    windows,
)
FADING_TEETH: tuple[Callable[[Size], Iterator[Share]], ...] = (by_the_best_hinge,)
