"""Is what `seqswe plan` promises true? Its lift is planted, and found as often as it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.batches import two_ways
from benchmarks.checks import CHUNK, Share, Size, mean
from benchmarks.planted import FloatArray, Scenario, plant
from seqswe.statistics.planning import (
    RUN_SPREAD,
    SAME_DICE,
    TASK_SPREAD,
    RunCounts,
    best_split,
    detectable_lift,
)
from seqswe.statistics.power import smallest_effect

PLANS = (
    RunCounts(n=60, k1=3, k0=3, coupled=True),
    RunCounts(n=69, k1=3, k0=3),
    RunCounts(n=100, k1=5, k0=5),
    RunCounts(n=100, k1=8, k0=4),
    RunCounts(n=340, k1=3, k0=3),
    RunCounts(n=340, k1=10, k0=10),
    best_split(340, 12),
)


def plans(size: Size) -> Iterator[Share]:
    """Power at the lift that `plan` says is found with 80 %."""
    for runs in PLANS if len(size.tasks) > 1 else PLANS[:4]:  # the short form leaves out long ones
        lift = detectable_lift(runs)
        assert lift is not None
        name = f"{runs.k1} + {runs.k0} runs{', coupled' if runs.coupled else ''}"
        yield _power(size, runs, lift, "plan: power, said to be .80", name)


def by_formula(size: Size) -> Iterator[Share]:
    """Teeth: power at the lift that a formula promises which knows its variances."""
    runs = RunCounts(n=340, k1=3, k0=3)
    lift = smallest_effect(runs.by_formula)
    yield _power(size, runs, lift, "plan by formula: power, said to be .80", "3 + 3 runs")


def _power(size: Size, runs: RunCounts, lift: float, check: str, name: str) -> Share:
    def curve(x: FloatArray) -> FloatArray:
        return np.full_like(x, lift)

    same = {"baseline_run": RUN_SPREAD, "dice": SAME_DICE} if runs.coupled else {}
    scenario = Scenario(name=name, curve=curve, run=RUN_SPREAD, task=TASK_SPREAD, **same)
    rng = size.generator(check, name, runs.n)
    found: list[bool] = []
    for start in range(0, size.datasets, CHUNK):
        shape = (min(CHUNK, size.datasets - start), runs.n, runs.k1)
        batch = plant(scenario, shape, rng, k0=runs.k0)
        arms = batch.sequential, batch.iid
        found += [*two_ways(*arms, coupled=runs.coupled).excludes_zero]
    return Share(check=check, scenario=name, n=runs.n, k=runs.k1, value=mean(found))


PLANNED: tuple[Callable[[Size], Iterator[Share]], ...] = (plans,)
PLANNED_TEETH: tuple[Callable[[Size], Iterator[Share]], ...] = (by_formula,)
