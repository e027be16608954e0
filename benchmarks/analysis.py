"""How long a million rollouts take to analyse: python -m benchmarks.analysis.

100 arms × 10 seeds × 1,000 tasks: one IID baseline and 99 memories, with every primary and
secondary reading that needs no further arm.
"""

from __future__ import annotations

from time import perf_counter, process_time

import numpy as np

from benchmarks.planted import FloatArray, Scenario, plant, ramp
from benchmarks.planted_costs import plant_costs
from seqswe.statistics import (
    cold_start_penalty,
    compare_memories,
    confidence_sequence,
    cost_per_resolved,
    cost_ratio,
    jumpstart,
    law_of_practice,
    lift_curve,
    pass_at_k,
    pass_hat_k,
    run_permutation,
    swe_bench_cl,
    time_to_threshold,
)
from seqswe.statistics.forgetting import after_events
from seqswe.statistics.halflife import Lessons, half_life
from seqswe.statistics.saturation import saturation_point

ARMS, SEEDS, TASKS = 100, 10, 1000
"""One million rollouts."""
LESSONS = Lessons.of([{str(i * i % 61)} for i in range(TASKS)])
"""Tasks that fix one of some dozens of files each."""


def seconds(seed: int = 0) -> tuple[float, float]:
    """Return seconds by the clock and of processor for the whole analysis, simulation left out."""
    rng = np.random.default_rng(seed)
    scenario = Scenario(name="ramp", curve=ramp, run=0.135)
    batch = plant(scenario, (1, TASKS, (ARMS - 1) * SEEDS), rng, k0=SEEDS)
    costs = plant_costs(batch, 0.06, rng)
    memories = np.split(batch.sequential[0], ARMS - 1, axis=1)
    spent = np.split(costs.sequential[0], ARMS - 1, axis=1)
    wall, processor = perf_counter(), process_time()
    compare_memories({str(i): values for i, values in enumerate(memories)}, batch.iid[0])
    for values, cost in zip(memories, spent, strict=True):
        _secondary(values, batch.iid[0], cost, costs.iid[0])
    return perf_counter() - wall, process_time() - processor


def sentence() -> str:
    """What it took, in words: on a loaded machine the processor's seconds tell more."""
    wall, processor = seconds()
    return (
        f"{ARMS * SEEDS * TASKS:,} rollouts analysed, primary and secondary, in {wall:.1f} s "
        f"({processor:.1f} s of processor)."
    )


def _secondary(y1: FloatArray, y0: FloatArray, c1: FloatArray, c0: FloatArray) -> None:
    time_to_threshold(lift_curve(y1, y0), 0.05)
    cost_ratio(c1, c0)
    cost_per_resolved(c1, y1, c0, y0)
    law_of_practice(c1, c0)
    jumpstart(y1, y0, first=50)
    cold_start_penalty(y1, y0)
    confidence_sequence(y1, y0)
    run_permutation(y1, y0)
    swe_bench_cl(y1, y0)
    pass_at_k(y1, 5)
    pass_hat_k(y1, 5)
    saturation_point(y1, y0)
    half_life(y1, y0, LESSONS)
    after_events(y1, y0, [TASKS // 3, TASKS // 2])


if __name__ == "__main__":
    print(sentence())
