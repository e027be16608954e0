"""What an audit found wrong with the numbers, as checks: each a share of datasets, counted anew.

Beside each check stands what it was before its repair (`teeth`), which must break the bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from benchmarks.batches import run_effect_ps, stream_intervals, two_ways
from benchmarks.checks import RAMP, Share, Size, holds, mean
from benchmarks.planted import (
    FloatArray,
    Planted,
    Scenario,
    flat,
    sequential_outcomes,
    step,
)
from seqswe.statistics import (
    Word,
    alpha_of_look,
    compare_arms,
    drop_missing,
    interval_mean,
    lift_curve,
    share_interval,
    time_to_threshold,
    two_way,
)
from seqswe.statistics.diagnostics import ALARM
from seqswe.statistics.many import Noises
from seqswe.statistics.student import t_quantile

POINTS: dict[float, float] = {0.0: 0.0, 0.02: 0.115, 0.05: 0.29}
"""Spread between runs on the probit scale, by the standard deviation it gives a run's mean."""
ICC = 0.55
RATES = (0.01, 0.05, 0.95)
THRESHOLD = 0.05
SAME_DICE = 0.8
LATER_SEEDS = range(3, 9)
RESTARTS = 5
RUN_EFFECT = Scenario(name="run SD 0.02", curve=flat, run=POINTS[0.02])


def shared(points: float, name: str = "") -> Scenario:
    """An agent that draws the same dice in both arms, and learns nothing."""
    spread = POINTS[points]
    return Scenario(
        name=name or f"same dice, run SD {points:g}",
        curve=flat,
        run=spread,
        baseline_run=spread,
        dice=SAME_DICE,
        task=0.0,
    )


def lucky(points: float) -> Scenario:
    """An agent whose seeds have luck of their own in the i.i.d. arm, and that learns nothing."""
    return Scenario(name=f"i.i.d. run SD {points:g}", curve=flat, baseline_run=POINTS[points])


def pairs(
    size: Size, scenario: Scenario, n: int, k: int, check: str
) -> Iterator[tuple[Planted, int]]:
    """Each dataset of a cell: its batch, and its place in it."""
    for batch in size.batches(scenario, n, k, check):
        for b in range(len(batch.iid)):
            yield batch, b


def long_enough(size: Size) -> list[int]:
    """The sizes of sequences at which curves, looks and missing chains are tried."""
    return [n for n in size.tasks if n >= 100]


def share_of(check: str, scenario: str, n: int, k: int, hits: Sequence[bool] | list[bool]) -> Share:
    """A counted share of one cell."""
    return Share(check=check, scenario=scenario, n=n, k=k, value=mean(list(hits)))


def coupled(size: Size) -> Iterator[Share]:
    """Seeds shared by the arms: paired, they cover; unpaired, no end leaves what shares can be."""
    for points in POINTS:
        scenario = shared(points)
        for n in (20, *size.tasks):
            for k in size.runs:
                covered, stream, wide = [], [], []
                for batch in size.batches(scenario, n, k, "coupled"):
                    arms, truth = (batch.sequential, batch.iid), batch.lift.mean(axis=1)
                    covered += [*two_ways(*arms, coupled=True).holds(truth)]
                    stream += [*stream_intervals(*arms, coupled=True).holds(truth)]
                    apart = two_ways(*arms)
                    wide += [*(np.maximum(-apart.low, apart.high) > 1.0)]
                yield share_of("paired by seed: coverage", scenario.name, n, k, covered)
                yield share_of("this stream: coverage", scenario.name, n, k, stream)
                yield share_of("unpaired: wider than ±100 points", scenario.name, n, k, wide)


def equal(size: Size) -> Iterator[Share]:
    """Arms that are equal in every rollout: at most 3/N, and EQUIVALENT from 100 tasks on."""
    for n in (60, *long_enough(size)):
        for k in size.runs:
            right = []
            for batch, b in pairs(size, shared(0.05), n, k, "equal"):
                lift = compare_arms(batch.iid[b], batch.iid[b], share=True)
                word = Word.EQUIVALENT if n >= 100 else Word.INCONCLUSIVE
                known = (lift.overall.low, lift.overall.high) == (-3.0 / n, 3.0 / n)
                right.append(known and lift.verdict.word is word)
            yield share_of("equal everywhere: ±3/N and its word", "memory ignored", n, k, right)


def lucky_baseline(size: Size) -> Iterator[Share]:
    """Type-I errors where runs of the i.i.d. arm differ, and false alarms of the F test."""
    for n in size.tasks:
        for k in size.runs:
            wrong, alarms = [], []
            for batch in size.batches(lucky(0.05), n, k, "lucky baseline"):
                wrong += [*two_ways(batch.sequential, batch.iid).excludes_zero]
                alarms += [*(run_effect_ps(batch.sequential) < ALARM)]
            yield share_of("i.i.d. runs differ: type-I error", lucky(0.05).name, n, k, wrong)
            yield share_of("F test of runs: false alarms", "no run effect", n, k, alarms)


def shares(size: Size) -> Iterator[Share]:
    """Coverage of one arm's share near 0 and 1, for tasks like these."""
    for rate, n, k, sets in _rates(size):
        hits = [holds(share_interval(y), rate) for y in sets]
        yield share_of("share: coverage", f"rate {rate:g}", n, k, hits)


def stopped(size: Size) -> Iterator[Share]:
    """One chain of five stops at a third: coverage of the lift, and its mean error."""
    for n in long_enough(size):
        covered, errors = [], []
        for batch, b in pairs(size, RAMP, n, 5, "stopped"):
            y1, truth = _without_a_chain(batch.sequential[b]), float(batch.lift[b].mean())
            estimate = two_way(y1, batch.iid[b])
            covered.append(holds(estimate, truth))
            errors.append(estimate.estimate - truth)
        yield share_of("one chain of five stops: coverage", RAMP.name, n, 5, covered)
        bias = abs(float(np.mean(errors)))
        yield Share(check="one chain of five stops: bias", scenario=RAMP.name, n=n, k=5, value=bias)


def thresholds(size: Size) -> Iterator[Share]:
    """The time to a lift: shown of agents that learn nothing; holding the time where it is told."""
    for n in long_enough(size):
        nothing = Scenario(name="flat", curve=flat, run=0.135)
        shown = [
            time_to_threshold(lift_curve(batch.sequential[b], batch.iid[b]), THRESHOLD).latest
            is not None
            for batch, b in pairs(size, nothing, n, 5, "thresholds")
        ]
        yield share_of("time to a lift: falsely shown", "flat", n, 5, shown)
        right = []
        for batch, b in pairs(size, RAMP, n, 5, "thresholds"):
            found = time_to_threshold(lift_curve(batch.sequential[b], batch.iid[b]), THRESHOLD)
            when = 1.0 + (n - 1) * THRESHOLD / 0.15
            told = found.earliest is not None and found.latest is not None
            right.append(not told or found.earliest <= when <= found.latest)  # type: ignore[operator]
        yield share_of("time to a lift: not wrong", RAMP.name, n, 5, right)


def beside_a_step(size: Size) -> Iterator[Share]:
    """Coverage of the true curve by the band, but for a bandwidth around a sudden change."""
    scenario = Scenario(name="step", curve=step, run=0.135, task=0.16)
    for k in (k for k in size.runs if k >= 5):
        hits = []
        for batch, b in pairs(size, scenario, 300, k, "step"):
            curve = lift_curve(batch.sequential[b], batch.iid[b])
            x = (curve.position - 1.0) / 299.0
            truth = step(x)
            inside = (curve.low <= truth) & (truth <= curve.high)
            hits.append(bool(inside[np.abs(x - 0.5) > curve.bandwidth].all()))
        yield share_of("band, a bandwidth from a step", scenario.name, 300, k, hits)


def looks(size: Size) -> Iterator[Share]:
    """Any wrong verdict of whoever adds a seed and looks again, or begins anew, up to a limit."""
    for scenario in (Scenario(name="no run effect", curve=flat), RUN_EFFECT):
        for n in long_enough(size):
            report, gate = _looked_at(size, scenario, n)
            yield share_of("report, seeds added: any look", scenario.name, n, 8, report)
            yield share_of("gate, begun anew: any look", scenario.name, n, 3, gate)


def gate(size: Size) -> Iterator[Share]:
    """Power of the gate of 60 tasks and 3 seeds at ten points, of a seeded agent."""
    for name, paired in (("paired", True), ("unpaired", False)):
        level = 1.0 - alpha_of_look(1)
        flags = [
            closes
            for old, new in _versions(size, 60, 3)
            for closes in two_ways(new, old, coupled=paired, level=level).high < 0.0
        ]
        yield share_of(f"gate, ten points lost: {name}", "seeded agent", 60, 3, flags)


AUDITED: tuple[Callable[[Size], Iterator[Share]], ...] = (
    coupled,
    equal,
    lucky_baseline,
    shares,
    stopped,
    thresholds,
    beside_a_step,
    looks,
    gate,
)


def without_least_dof(size: Size) -> Iterator[Share]:
    """Teeth: intervals wider than ±100 points where ν may fall under min(K) − 1."""
    weights = np.full(60, 1.0 / 60)
    wide: list[bool] = []
    for batch in size.batches(shared(0.05), 60, 3, "no least dof"):
        # As it was: only the chain's runs were clusters.
        noise = Noises.of(batch.sequential, weights)
        paired = batch.sequential.mean(axis=2) - batch.iid.mean(axis=2)
        v_t = paired.var(axis=1, ddof=1) / 60
        parts = np.maximum(v_t**2 / 59 + noise.between**2 / 2, 1e-300)
        total = v_t + noise.excess
        wide += [*(t_quantile(0.975, total**2 / parts) * np.sqrt(total) > 1.0)]
    name = "without the least ν: wider than ±100 points"
    yield share_of(name, shared(0.05).name, 60, 3, wide)


def without_the_baselines_runs(size: Size) -> Iterator[Share]:
    """Teeth: type-I errors where run effects of the i.i.d. arm do not enter the variance."""
    wrong = []
    for batch in size.batches(lucky(0.05), 300, 5, "no baseline runs"):
        steady = np.repeat(batch.iid.mean(axis=2, keepdims=True), 5, axis=2)
        wrong += [*two_ways(batch.sequential, steady).excludes_zero]
    yield share_of("i.i.d. runs left out: type-I error", lucky(0.05).name, 300, 5, wrong)


def without_wilson(size: Size) -> Iterator[Share]:
    """Teeth: coverage of Wald's interval at a rate of 1 %."""
    for rate, n, k, sets in _rates(size):
        if (rate, n, k) == (0.01, 60, 3):
            hits = [holds(interval_mean(y), rate) for y in sets]
            yield share_of("Wald's interval: coverage", f"rate {rate:g}", n, k, hits)


def listwise(size: Size) -> Iterator[Share]:
    """Teeth: coverage where a task is dropped as soon as any seed of any arm lacks it."""
    covered = []
    for batch, b in pairs(size, RAMP, 300, 5, "listwise"):
        y1 = _without_a_chain(batch.sequential[b])
        whole = np.isfinite(y1).all(axis=1)
        (kept, base), _ = drop_missing(y1[whole], batch.iid[b][whole])
        covered.append(holds(two_way(kept, base), float(batch.lift[b].mean())))
    yield share_of("listwise deletion: coverage", RAMP.name, 300, 5, covered)


def by_the_estimate(size: Size) -> Iterator[Share]:
    """Teeth: how often the estimated curve of an agent that learns nothing reaches the lift."""
    nothing = Scenario(name="flat", curve=flat, run=0.135)
    shown = [
        bool((lift_curve(batch.sequential[b], batch.iid[b]).estimate >= THRESHOLD).any())
        for batch, b in pairs(size, nothing, 100, 3, "by the estimate")
    ]
    yield share_of("time to a lift by the estimate: falsely shown", "flat", 100, 3, shown)


def free_looks(size: Size) -> Iterator[Share]:
    """Teeth: any wrong verdict where every look is tested at the whole level."""
    report, gate = _looked_at(size, RUN_EFFECT, 300, free=True)
    yield share_of("report, every look at .05", RUN_EFFECT.name, 300, 8, report)
    yield share_of("gate, every restart at .05", RUN_EFFECT.name, 300, 3, gate)


AUDITED_TEETH: tuple[Callable[[Size], Iterator[Share]], ...] = (
    without_least_dof,
    without_the_baselines_runs,
    without_wilson,
    listwise,
    by_the_estimate,
    free_looks,
)


def _rates(size: Size) -> Iterator[tuple[float, int, int, FloatArray]]:
    total = 1.0 / ICC - 1.0
    for rate in RATES:
        for n in (20, 60, 100, 300):
            for k in (3, 5):
                rng = size.generator("rates", rate, n, k)
                p = rng.beta(rate * total, (1.0 - rate) * total, (size.datasets, n, 1))
                yield rate, n, k, (rng.random((size.datasets, n, k)) < p).astype(np.float64)


def _without_a_chain(y: FloatArray) -> FloatArray:
    stopped = y.copy()
    stopped[len(y) // 3 :, -1] = np.nan
    return stopped


def _looked_at(
    size: Size, scenario: Scenario, n: int, *, free: bool = False
) -> tuple[list[bool], list[bool]]:
    """Whether any look is wrong: of a report as seeds are added, of a gate as it begins anew."""
    report: list[bool] = []
    gate: list[bool] = []
    for batch in size.batches(scenario, n, LATER_SEEDS[-1], "looks"):
        grown = [(batch.sequential[..., :k], batch.iid[..., :k]) for k in LATER_SEEDS]
        report += _any_wrong(grown, free=free, first=0.05)
    rng = size.generator("restarts", scenario.name, n)
    for batch in size.batches(scenario, n, 3, "restarts"):
        heads = [sequential_outcomes(scenario, batch.rates, 3, rng) for _ in range(RESTARTS)]
        anew = [(head, batch.sequential) for head in heads]
        gate += _any_wrong(anew, free=free, first=alpha_of_look(1))
    return report, gate


def _any_wrong(
    looks: Sequence[tuple[FloatArray, FloatArray]], *, free: bool, first: float
) -> list[bool]:
    """Whether any of several looks at each dataset finds what is not there."""
    wrong = np.zeros(len(looks[0][0]), dtype=bool)
    for look, arms in enumerate(looks, 1):
        alpha = first if look == 1 else alpha_of_look(look)
        wrong |= two_ways(*arms, level=0.95 if free else 1.0 - alpha).excludes_zero
    return list(wrong)


def _versions(size: Size, n: int, k: int) -> Iterator[tuple[FloatArray, FloatArray]]:
    """An agent before and after it lost ten points, its seeds drawing the same dice in both."""
    worse = Scenario(
        name="worse", curve=_lost, run=0.135, baseline_run=0.135, dice=SAME_DICE, task=0.0
    )
    for batch in size.batches(worse, n, k, "versions"):
        yield batch.iid, batch.sequential


def _lost(x: FloatArray) -> FloatArray:
    return np.full_like(x, -0.10)
