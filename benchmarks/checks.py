"""The acceptance checks of the statistics, each a share of datasets counted on the shipped code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from benchmarks.batches import two_ways
from benchmarks.planted import (
    Curve,
    FloatArray,
    Planted,
    Scenario,
    flat,
    plant,
    ramp,
    refactoring,
    saturation,
    sequential_outcomes,
    step,
)
from benchmarks.planted_costs import PlantedCosts, plant_costs
from seqswe.statistics import (
    Estimate,
    Word,
    compare_arms,
    compare_memories,
    confidence_sequence,
    cost_per_resolved,
    law_of_practice,
    lift_curve,
    log_position_design,
    position_design,
)
from seqswe.statistics.twoway import ols_weights

CHUNK = 100
"""Datasets simulated at a time: enough to vectorise, little enough for memory."""

SCENARIOS = (
    Scenario(name="no run effect", curve=flat),
    Scenario(name="moderate, AR(1)", curve=flat, run=0.1, serial=0.3, memory=0.9),
    Scenario(name="strong run effect", curve=flat, run=0.3),
    Scenario(name="strong, AR(1)", curve=flat, run=0.2, serial=0.4, memory=0.97),
    Scenario(name="drift only", curve=flat, run=0.135, drift=1.0),
    Scenario(name="ramp", curve=ramp, run=0.135, task=0.21),
    Scenario(name="step", curve=step, run=0.1, serial=0.3, memory=0.9, task=0.16),
    Scenario(name="early saturation", curve=saturation, run=0.135, task=0.18),
    Scenario(name="refactoring", curve=refactoring, run=0.1, serial=0.3, memory=0.9, task=0.24),
)
"""Run effects have a standard deviation of about 2 to 3.5 points (moderate) or 4 to 5 (strong) in
the mean. A curve adds to the variance of the lift between tasks, so `task` is smaller there: the
sum stays near .008. More of it would only make the interval wider than the stream needs."""

MODERATE, RAMP = SCENARIOS[1], SCENARIOS[5]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much to simulate: datasets per cell, and the cells' tasks and runs."""

    datasets: int
    seed: int
    tasks: tuple[int, ...]
    runs: tuple[int, ...]

    def generator(self, *cell: object) -> np.random.Generator:
        """Return this cell's own generator, so that a cell never depends on those before it."""
        return np.random.default_rng([self.seed, crc32(repr(cell).encode())])

    def batches(self, scenario: Scenario, n: int, k: int, check: str) -> Iterator[Planted]:
        """Yield the cell's datasets, a chunk at a time."""
        rng = self.generator(check, scenario.name, n, k)
        for start in range(0, self.datasets, CHUNK):
            yield plant(scenario, (min(CHUNK, self.datasets - start), n, k), rng)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A counted share: `check` over one cell."""

    check: str
    scenario: str
    n: int
    k: int
    value: float


def estimator(size: Size) -> Iterator[Share]:
    """2W: coverage of the stream's and the superpopulation's lift, type-I error, slopes."""
    for scenario in SCENARIOS:
        for n in size.tasks:
            designs = (position_design(n), log_position_design(n))
            for k in size.runs:
                hits = np.hstack(
                    [
                        _estimator_hits(batch, designs)
                        for batch in size.batches(scenario, n, k, "estimator")
                    ]
                ).mean(axis=1)
                names = ["coverage, stream", "coverage, superpopulation"]
                names += ["slope coverage", "log slope coverage", "type-I error"]
                for name, value in zip(names, hits, strict=True):
                    if name != "type-I error" or scenario.curve is flat:
                        yield Share(check=name, scenario=scenario.name, n=n, k=k, value=value)


def _estimator_hits(batch: Planted, designs: tuple[FloatArray, FloatArray]) -> NDArray[np.bool_]:
    """Per promise, and dataset of the batch, whether it holds: (5, B)."""
    mean = two_ways(batch.sequential, batch.iid)
    slopes = [
        two_ways(batch.sequential, batch.iid, design).holds(batch.lift @ ols_weights(design))
        for design in designs
    ]
    return np.array(
        [
            mean.holds(batch.lift.mean(axis=1)),
            mean.holds(float(batch.curve.mean())),
            *slopes,
            mean.excludes_zero,
        ]
    )


def holds(estimate: Estimate, truth: float) -> bool:
    """Whether the interval holds the truth."""
    return estimate.low <= truth <= estimate.high


def costs(size: Size) -> Iterator[Share]:
    """Cost per resolved task and the law of practice: coverage."""
    scenario = RAMP
    for n in size.tasks:
        design = log_position_design(n)
        for k in size.runs:
            rng = size.generator("costs", n, k)
            hits = np.array(
                [
                    _cost_hits(batch, planted, b, design)
                    for batch in size.batches(scenario, n, k, "costs")
                    for planted in [plant_costs(batch, 0.06, rng)]
                    for b in range(len(batch.iid))
                ]
            ).mean(axis=0)
            for name, value in zip(("cost per resolved", "law of practice"), hits, strict=True):
                yield Share(check=name, scenario=scenario.name, n=n, k=k, value=value)


def _cost_hits(
    batch: Planted, planted: PlantedCosts, b: int, design: FloatArray
) -> tuple[bool, bool]:
    c1, c0 = planted.sequential[b], planted.iid[b]
    ratio = cost_per_resolved(c1, batch.sequential[b], c0, batch.iid[b])
    exponent = law_of_practice(c1, c0).exponent
    true_exponent = -float(ols_weights(design) @ planted.log_ratio[b])
    covered = ratio is not None and holds(ratio.log, float(planted.per_resolved[b]))
    return covered, holds(exponent, true_exponent)


def band(size: Size) -> Iterator[Share]:
    """Simultaneous coverage of the planted curve; and of a pointwise band misread as one."""
    for scenario in (Scenario(name="flat", curve=flat, run=0.135), RAMP):
        for n in (n for n in size.tasks if n >= 100):
            for k in size.runs:
                hits = np.array(
                    [
                        _band_hits(batch, b)
                        for batch in size.batches(scenario, n, k, "band")
                        for b in range(len(batch.iid))
                    ]
                ).mean(axis=0)
                for name, value in zip(("band", "pointwise band"), hits, strict=True):
                    yield Share(check=name, scenario=scenario.name, n=n, k=k, value=value)


def _band_hits(batch: Planted, b: int) -> tuple[bool, bool]:
    curve = lift_curve(batch.sequential[b], batch.iid[b])
    truth = np.interp(curve.position, np.arange(1, len(batch.curve) + 1), batch.curve)
    inside = (curve.low <= truth) & (truth <= curve.high)
    pointwise = (curve.pointwise_low <= truth) & (truth <= curve.pointwise_high)
    return bool(inside.all()), bool(pointwise.all())


def family(size: Size) -> Iterator[Share]:
    """Family-wise error of four memories that learn nothing, against one baseline."""
    for n in (n for n in size.tasks if n >= 100):
        for k in (k for k in size.runs if k >= 5):
            hits = []
            for batch in size.batches(MODERATE, n, 4 * k, "family"):
                for b in range(len(batch.iid)):
                    arms = np.split(batch.sequential[b], 4, axis=1)
                    lifts = compare_memories(
                        {str(name): arm for name, arm in enumerate(arms)}, batch.iid[b][:, :k]
                    )
                    words = [lift.verdict.word for lift in lifts.values()]
                    hits.append(any(word.better or word is Word.HARM for word in words))
            yield Share(
                check="Holm, 4 memories", scenario=MODERATE.name, n=n, k=k, value=mean(hits)
            )


def peeking(size: Size) -> Iterator[Share]:
    """False alarms of whoever looks after every task."""
    scenario = SCENARIOS[0]
    for k in (k for k in size.runs if k >= 5):
        alarms = [
            confidence_sequence(batch.sequential[b], batch.iid[b]).alarm is not None
            for batch in size.batches(scenario, 273, k, "peeking")
            for b in range(len(batch.iid))
        ]
        yield Share(
            check="confidence sequence", scenario=scenario.name, n=273, k=k, value=mean(alarms)
        )


def regressions(size: Size) -> Iterator[Share]:
    """Version against version, both with a memory: A/A, and a planted loss of ten points."""
    cases: tuple[tuple[str, Curve], ...] = (("A/A flagged", flat), ("regression flagged", _lost))
    for name, curve in cases:
        before = Scenario(name=name, curve=flat, run=0.135, task=0.0)
        after = Scenario(name=name, curve=curve, run=0.135, task=0.3)
        flags = []
        rng = size.generator(name)
        for _ in range(2 if size.datasets < 1000 else size.datasets // 100):
            flags += _flags(before, after, rng)
        yield Share(check=name, scenario="moderate", n=300, k=5, value=mean(flags))


def _lost(x: FloatArray) -> FloatArray:
    return np.full_like(x, -0.10)


def _flags(before: Scenario, after: Scenario, rng: np.random.Generator) -> list[bool]:
    new = plant(after, (100, 300, 5), rng)
    old = sequential_outcomes(before, new.baseline, 5, rng)
    return [compare_arms(new.sequential[b], old[b]).verdict.word is Word.HARM for b in range(100)]


def mean(hits: list[bool] | NDArray[np.bool_]) -> float:
    """Share of hits."""
    return float(np.mean(hits))


CHECKS: tuple[Callable[[Size], Iterator[Share]], ...] = (
    estimator,
    costs,
    band,
    family,
    peeking,
    regressions,
)
