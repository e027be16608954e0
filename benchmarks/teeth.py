"""Methods that must fail on the same scenarios: where they do not, the scenario proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy import stats

from benchmarks.checks import SCENARIOS, Share, Size, mean
from benchmarks.planted import BETA, FloatArray
from seqswe.statistics import Term, combine, maximum_forgetting, position_design
from seqswe.statistics.sequential import BURN_IN

N, K = 273, 5
"""Tasks and runs at which the naive methods are shown."""


def paired_t(size: Size) -> Iterator[Share]:
    """Coverage of the paired t by task, which takes N tasks of one run for N runs."""
    scenario = SCENARIOS[2]
    hits = []
    for batch in size.batches(scenario, N, K, "paired t"):
        paired = batch.sequential.mean(axis=2) - batch.iid.mean(axis=2)
        half = stats.t.ppf(0.975, N - 1) * stats.sem(paired, axis=1)
        error = np.abs(paired.mean(axis=1) - batch.lift.mean(axis=1))
        hits.append(error <= half)
    yield Share(
        check="paired t by task", scenario=scenario.name, n=N, k=K, value=mean(np.concatenate(hits))
    )


def raw_slope(size: Size) -> Iterator[Share]:
    """How often the sequential arm's own slope is "significant" when only difficulty drifts."""
    scenario = SCENARIOS[4]
    design = position_design(N)
    hits = [
        combine([Term(values=values)], design=design).excludes_zero
        for batch in size.batches(scenario, N, K, "raw slope")
        for values in batch.sequential
    ]
    yield Share(check="raw slope of one arm", scenario=scenario.name, n=N, k=K, value=mean(hits))


def repeated_z(size: Size) -> Iterator[Share]:
    """False alarms of a z-test made after every task."""
    scenario = SCENARIOS[0]
    hits = []
    for batch in size.batches(scenario, N, K, "repeated z"):
        paired = batch.sequential.mean(axis=2) - batch.iid.mean(axis=2)
        hits.append((running_z(paired)[:, BURN_IN:] > 1.96).any(axis=1))
    yield Share(
        check="repeated z", scenario=scenario.name, n=N, k=K, value=mean(np.concatenate(hits))
    )


def running_z(paired: FloatArray) -> FloatArray:
    """Return |z| of the running mean of (B, N) differences after each task."""
    t = np.arange(1, paired.shape[1] + 1)
    average = np.cumsum(paired, axis=1) / t
    variance = np.maximum(0.0, np.cumsum(paired**2, axis=1) / t - average**2)
    se = np.sqrt(variance / t)
    return np.divide(np.abs(average), se, out=np.zeros_like(se), where=se > 0.0)


def forgetting(size: Size) -> Iterator[Share]:
    """Mean "forgetting" by a maximum over single passes of an agent that forgets nothing."""
    n = 50
    rng = size.generator("forgetting")
    met = np.tri(n, dtype=bool)
    values = [
        maximum_forgetting(np.where(met, rng.random((n, n)) < rng.beta(*BETA, n), np.nan))
        for _ in range(size.datasets)
    ]
    value = float(np.mean(values))
    yield Share(check="forgetting by maximum", scenario="none forgotten", n=n, k=1, value=value)


TEETH: tuple[Callable[[Size], Iterator[Share]], ...] = (paired_t, raw_slope, repeated_z, forgetting)
