"""Checks of what stands beside the mean lift: harm, parts of the stream, pass^k, net utility.

One arm's shares speak of tasks like these, so their truth is the mean over all data sets of a
cell; differences between arms speak of the stream, and each has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from scipy.stats import binom

from benchmarks.checks import MODERATE, RAMP, SCENARIOS, Share, Size, holds
from benchmarks.planted import FloatArray, Planted
from benchmarks.planted_costs import plant_costs
from seqswe.statistics import Estimate
from seqswe.statistics.confidence import confidence
from seqswe.statistics.harm import harm_rate
from seqswe.statistics.reliability import net_utility, part_lifts, pass_hat

PRICE = 0.1
"""What a unit of cost is worth in tasks: mean costs are near 1.5."""
SHARE_SEEN = 0.7
TRIED = (SCENARIOS[0], MODERATE, RAMP)

Tried = tuple[Estimate, float]
"""An interval, and what is true of its data set."""
Try = Callable[[Planted, int, np.random.Generator], Tried]


def harm(size: Size) -> Iterator[Share]:
    """Coverage of the harm rate, the baseline's majority drawn anew."""
    yield from _shares(size, "harm rate", _harm, like_tasks=True)


def parts(size: Size) -> Iterator[Share]:
    """Coverage of the lift on seen files, on new ones, and of their difference."""
    for number, name in enumerate(("lift on seen files", "lift on new files", "seen less new")):
        yield from _shares(size, name, partial(_part, number=number), like_tasks=False)


def transfer(size: Size) -> Iterator[Share]:
    """Coverage of the lift on a part that is no random one: hard tasks late in the sequence."""
    yield from _shares(size, "lift from other modules", _transfer, like_tasks=False)


def reliability(size: Size) -> Iterator[Share]:
    """Coverage of pass^k, k one less than the runs."""
    yield from _shares(size, "pass^k", _reliability, like_tasks=True)


def stated(size: Size) -> Iterator[Share]:
    """Coverage of the Brier score of an agent that is too sure."""
    yield from _shares(size, "Brier score", _stated, like_tasks=True)


def utility(size: Size) -> Iterator[Share]:
    """Coverage of the lift net of cost."""
    yield from _shares(size, "net utility", _utility, like_tasks=False)


def _shares(size: Size, name: str, attempt: Try, *, like_tasks: bool) -> Iterator[Share]:
    for scenario in TRIED:
        for n in size.tasks:
            for k in size.runs:
                rng = size.generator(name, scenario.name, n, k, "beside")
                tried = [
                    attempt(batch, b, rng)
                    for batch in size.batches(scenario, n, k, name)
                    for b in range(len(batch.iid))
                ]
                whole = float(np.mean([truth for _, truth in tried]))
                value = float(
                    np.mean([holds(found, whole if like_tasks else own) for found, own in tried])
                )
                yield Share(check=name, scenario=scenario.name, n=n, k=k, value=value)


def _harm(batch: Planted, b: int, rng: np.random.Generator) -> Tried:
    runs = batch.iid.shape[2]
    majority: FloatArray = binom.sf(runs // 2, runs, batch.baseline[b])
    truth = float(np.mean(majority * (1.0 - batch.rates[b])))
    return harm_rate(batch.sequential[b], batch.iid[b]).lost, truth


def _part(batch: Planted, b: int, rng: np.random.Generator, *, number: int) -> Tried:
    tasks = batch.iid.shape[1]
    seen = rng.permutation(tasks) < SHARE_SEEN * tasks
    lifts = part_lifts(batch.sequential[b], batch.iid[b], seen)
    assert lifts
    inside, outside = (float(batch.lift[b, flags].mean()) for flags in (seen, ~seen))
    truths = (inside, outside, inside - outside)
    return (lifts.inside, lifts.outside, lifts.difference)[number], truths[number]


def _transfer(batch: Planted, b: int, rng: np.random.Generator) -> Tried:
    tasks = batch.iid.shape[1]
    hard = batch.baseline[b] < np.median(batch.baseline[b])
    other = hard & (rng.random(tasks) < np.linspace(0.2, 1.0, tasks))
    lifts = part_lifts(batch.sequential[b], batch.iid[b], other)
    assert lifts
    return lifts.inside, float(batch.lift[b, other].mean())


def _reliability(batch: Planted, b: int, rng: np.random.Generator) -> Tried:
    k = batch.sequential.shape[2] - 1
    return pass_hat(batch.sequential[b], k), float(np.mean(batch.rates[b] ** k))


def _stated(batch: Planted, b: int, rng: np.random.Generator) -> Tried:
    y, rates = batch.iid[b], batch.baseline[b][:, np.newaxis]
    said = np.clip(0.5 + 0.5 * rates + 0.1 * rng.standard_normal(y.shape), 0.0, 1.0)
    found = confidence(said, y)
    assert found
    return found.brier, float((said**2 - 2.0 * said * rates + rates).mean())


def _utility(batch: Planted, b: int, rng: np.random.Generator) -> Tried:
    one = Planted(
        sequential=batch.sequential[b : b + 1],
        iid=batch.iid[b : b + 1],
        rates=batch.rates[b : b + 1],
        baseline=batch.baseline[b : b + 1],
        curve=batch.curve,
    )
    costs = plant_costs(one, 0.06, rng)
    found = net_utility(
        (batch.sequential[b], batch.iid[b]), (costs.sequential[0], costs.iid[0]), PRICE
    )
    return found, float(batch.lift[b].mean() - PRICE * costs.extra[0])


CHECKS: tuple[Callable[[Size], Iterator[Share]], ...] = (
    harm,
    parts,
    transfer,
    reliability,
    utility,
    stated,
)
