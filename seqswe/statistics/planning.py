"""What a plan can find, by simulation: the power of the very test that reports make.

The formula of `PowerPlan` knows the variances; the test has to estimate them from a few runs, which
costs up to a sixth of the power at 3 runs. So datasets are drawn, with a fixed seed, as the plan
expects them, and `two_way` is counted on them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from seqswe.statistics.arrays import FloatArray
from seqswe.statistics.many import two_ways
from seqswe.statistics.power import PowerPlan, smallest_effect
from seqswe.statistics.student import t_quantile
from seqswe.statistics.twoway import MINIMUM_RUNS

RATE, ICC = 0.4, 0.55
"""Mean of what is resolved without a memory, and the share of its variance between tasks: tasks
have p ~ Beta(.327, .491), v = RATE (1 − RATE)(1 − ICC) = .108."""
RUN_SPREAD, TASK_SPREAD = 0.135, 0.4
"""Spread of the luck of a sequential run and of a task's own lift on the probit scale; they give
σ_R = .0235 and ω² = .008 (`PowerPlan`)."""
SAME_DICE = 0.8
"""Of a seeded agent: rollouts that draw the same dice in both arms. Its luck is a run's own in both
arms as well."""
SETS, CHUNK, SEED = 2000, 250, 1
"""Datasets, how many of them at a time, and the seed that they are drawn with."""
FEWEST_SETS, MOST_ROLLOUTS, MOST_AT_ONCE = 100, 20_000_000, 2_000_000
"""Plans of thousands of rollouts are tried on fewer datasets: so many rollouts are simulated for
one lift, and so many at a time, at most."""
MOST_LIFT = 0.5
"""A larger mean lift is not looked for: not much more than that is left to resolve."""
MOST_RUNS = 200
"""Of both arms together; a design with more is not looked for."""
CLOSE = 0.004
"""As near to the wished power as the simulation tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCounts:
    """Runs of the sequential arm (k1) and of the i.i.d. arm (k0) over the same N tasks."""

    n: int
    k1: int
    k0: int
    coupled: bool = False
    """Whether the agent draws the same dice by seed in both arms; then k1 = k0."""

    @property
    def rollouts(self) -> int:
        """Rollouts of both arms."""
        return self.n * (self.k1 + self.k0)

    @property
    def sets(self) -> int:
        """How many datasets are simulated: 2,000 up to 10,000 rollouts, then fewer."""
        return max(FEWEST_SETS, min(SETS, MOST_ROLLOUTS // self.rollouts))

    @property
    def by_formula(self) -> PowerPlan:
        """What the formula takes it for; luck and dice that the arms share are no noise."""
        plan = PowerPlan(n=self.n, k1=self.k1, k0=self.k0)
        if not self.coupled:
            return plan
        return replace(plan, trial_variance=(1 - SAME_DICE) * plan.trial_variance, sigma_run=0.0)


@cache
def simulated_power(runs: RunCounts, lift: float) -> float:
    """Return the share of datasets in which the interval of the mean lift excludes zero.

    `lift` is the planted mean lift, 0 to `MOST_LIFT`, the same everywhere along the sequence. The
    standard error is at most .011 with `SETS` datasets. Raises ValueError under `MINIMUM_RUNS` runs
    of an arm, where no test is made, and where coupled arms have not the same number of runs.
    """
    if min(runs.k1, runs.k0) < MINIMUM_RUNS:
        raise ValueError(f"Under {MINIMUM_RUNS} runs of an arm there is no test.")
    if runs.coupled and runs.k1 != runs.k0:
        raise ValueError("Coupled arms are paired by seed: plan the same number of runs for both.")
    rng = np.random.default_rng(SEED)
    chunk = max(1, min(CHUNK, MOST_AT_ONCE // runs.rollouts))
    found = 0
    for start in range(0, runs.sets, chunk):
        sequential, iid = _datasets(runs, lift, min(chunk, runs.sets - start), rng)
        found += int(two_ways(sequential, iid, coupled=runs.coupled).excludes_zero.sum())
    return found / runs.sets


def detectable_lift(runs: RunCounts, power: float = 0.8) -> float | None:
    """Return the mean lift that is found with this power; None where none to `MOST_LIFT` is.

    Starts from the formula and scales by what the simulation says of it, as power is a function of
    lift / SE: t_{1−α/2} + t_power of the wished power over those of the power found.
    """
    lift = min(MOST_LIFT, smallest_effect(runs.by_formula, power=power))
    for _ in range(6):
        found = simulated_power(runs, lift)
        if abs(found - power) <= CLOSE:
            break
        if lift == MOST_LIFT and found < power:
            return None
        now, wished = (_noncentrality(runs, p) for p in (min(0.99, max(0.1, found)), power))
        lift = min(MOST_LIFT, lift * wished / now)
    return lift


def cheapest(n: int, lift: float, power: float = 0.8, *, coupled: bool = False) -> RunCounts | None:
    """Return the fewest runs over `n` tasks that find `lift` with this power.

    Of each number of runs the split between the arms with the least standard error is tried; None
    where more than `MOST_RUNS` would be needed.
    """
    step = 2 if coupled else 1
    least = 2 * MINIMUM_RUNS
    total = next(
        (
            total
            for total in range(least, MOST_RUNS + 1, step)
            if smallest_effect(best_split(n, total, coupled=coupled).by_formula, power=power)
            <= lift
        ),
        None,
    )
    while total is not None and total <= MOST_RUNS:
        runs = best_split(n, total, coupled=coupled)
        if simulated_power(runs, lift) >= power - CLOSE:
            return runs
        total += step * max(1, total // 20)
    return None


def best_split(n: int, total: int, *, coupled: bool = False) -> RunCounts:
    """Return how to share `total` runs between the arms: the least lift that the formula finds."""
    if coupled:
        return RunCounts(n=n, k1=total // 2, k0=total // 2, coupled=True)
    splits = (
        RunCounts(n=n, k1=k1, k0=total - k1) for k1 in range(MINIMUM_RUNS, total - MINIMUM_RUNS + 1)
    )
    return min(splits, key=lambda runs: smallest_effect(runs.by_formula))


def _noncentrality(runs: RunCounts, power: float) -> float:
    dof = runs.by_formula.dof
    return float(t_quantile(0.975, dof) + t_quantile(power, dof))


def _datasets(
    runs: RunCounts, lift: float, sets: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Outcomes of so many datasets, (B, N, K1) and (B, N, K0), with a mean lift of `lift`.

    Every chance is stretched on the probit scale so that its mean over runs and tasks is the rate
    that is planted (for z ~ N(0, s²), E Φ(a √(1 + s²) + z) = Φ(a)).
    """
    from scipy.special import ndtr

    total = 1.0 / ICC - 1.0
    rates = rng.beta(RATE * total, (1.0 - RATE) * total, (sets, runs.n, 1))
    lifted = _stretched(rates + lift / (1.0 - RATE) * (1.0 - rates), TASK_SPREAD)
    lifted = ndtr(lifted + TASK_SPREAD * rng.standard_normal(lifted.shape))
    luck = RUN_SPREAD * rng.standard_normal((sets, 1, runs.k1))
    dice = rng.random((sets, runs.n, runs.k1))
    own = rng.random((sets, runs.n, runs.k0))
    chances = rates
    if runs.coupled:
        own = np.where(rng.random(dice.shape) < SAME_DICE, dice, own)
        chances = ndtr(_stretched(rates, RUN_SPREAD) + luck)
    sequential = dice < ndtr(_stretched(lifted, RUN_SPREAD) + luck)
    return sequential.astype(np.float64), (own < chances).astype(np.float64)


def _stretched(rates: FloatArray, spread: float) -> FloatArray:
    from scipy.special import ndtri

    probit: FloatArray = ndtri(np.clip(rates, 1e-9, 1.0 - 1e-9)) * np.sqrt(1.0 + spread**2)
    return probit
