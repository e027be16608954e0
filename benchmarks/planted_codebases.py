"""Simulated codebases: each its own length, difficulty and luck of runs, and a lift of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.planted import (
    BETA,
    FloatArray,
    Scenario,
    flat,
    sequential_outcomes,
    spread_over_tasks,
)
from seqswe.statistics import two_way

RUNS = 3
TASKS = (40, 340)
"""Shortest and longest codebase; lengths are drawn evenly on the logarithm."""
RATES = (0.2, 0.6)
RUN_EFFECTS = (0.0, 0.12, 0.24)
"""On the probit scale: about 0, 2 and 4 points between the means of whole runs."""
CHUNK = 50
"""Data sets that share the lengths and difficulties of their codebases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """How true lifts differ between codebases: their mean, standard deviation and shape."""

    mean: float
    tau: float
    skewed: bool = False

    @property
    def name(self) -> str:
        """For tables."""
        shape = "skewed" if self.skewed else "normal"
        return f"{shape}, mean {self.mean:g}, tau {self.tau:g}"

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        """True lifts: normal, or an exponential shifted to the same mean."""
        unit = rng.exponential(size=shape) - 1.0 if self.skewed else rng.standard_normal(shape)
        lifts: FloatArray = self.mean + self.tau * unit
        return lifts


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """B data sets of C codebases: estimated lifts, their variances, and a new codebase's lift."""

    lifts: FloatArray
    variances: FloatArray
    tasks: FloatArray
    new: FloatArray


def estimated(
    between: Between, sets: int, codebases: int, rng: np.random.Generator
) -> Iterator[Estimated]:
    """Yield `sets` data sets, a chunk at a time: outcomes drawn, then the shipped 2W estimator."""
    for start in range(0, sets, CHUNK):
        count = min(CHUNK, sets - start)
        true = between.draw((count, codebases), rng)
        columns = [_estimates(true[:, c], rng) for c in range(codebases)]
        lifts, variances, tasks = (np.column_stack(parts) for parts in zip(*columns, strict=True))
        new = between.draw((count,), rng)
        yield Estimated(lifts=lifts, variances=variances, tasks=tasks, new=new)


def _estimates(
    lifts: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One codebase in every data set of a chunk: estimate, squared standard error and tasks."""
    sets = len(lifts)
    n = int(np.exp(rng.uniform(*np.log(TASKS))))
    rate = float(rng.uniform(*RATES))
    scenario = Scenario(name="", curve=flat, run=float(rng.choice(RUN_EFFECTS)), task=0.2)
    baseline = rng.beta(rate * sum(BETA), (1.0 - rate) * sum(BETA), (sets, n))
    moved = moved_by(baseline, rate, lifts[:, np.newaxis])
    sequential = sequential_outcomes(
        scenario, spread_over_tasks(moved, scenario.task, rng), RUNS, rng
    )
    iid = (rng.random((sets, n, RUNS)) < baseline[..., np.newaxis]).astype(np.float64)
    results = [two_way(y1, y0) for y1, y0 in zip(sequential, iid, strict=True)]
    return (
        np.array([r.estimate for r in results]),
        np.array([r.se**2 for r in results]),
        np.full(sets, float(n)),
    )


def moved_by(rates: FloatArray, mean: float, lift: FloatArray) -> FloatArray:
    """Move rates of that mean so that their mean moves by exactly `lift`, within [0, 1]."""
    lift = np.clip(lift, -mean, 1.0 - mean)
    up = rates + lift / (1.0 - mean) * (1.0 - rates)
    moved: FloatArray = np.where(lift >= 0.0, up, rates * (1.0 + lift / mean))
    return moved
