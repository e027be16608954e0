"""Simulated agents whose learning curve is known, to see whether the statistics find it.

Tasks have p ~ Beta(.327, .491): mean .40, ICC .55, as real issues have. A run's own luck, its
serial correlation and the task's own lift act on the probit scale, and the scale is stretched so
that the average over all runs is exactly the planted probability: the truth is known, not
estimated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import ndtr, ndtri

FloatArray = NDArray[np.float64]
Curve = Callable[[FloatArray], FloatArray]

MEAN_RATE = 0.4
BETA = (0.327, 0.491)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """An agent: its mean lift along x in [0, 1], and its noise.

    On the probit scale: `run` is the spread between runs, `serial` the spread of an AR(1) with
    `memory` within a run, `task` the spread of the lift between tasks, `drift` the change of
    difficulty over the sequence, for both arms alike. `baseline_run` is the spread between runs of
    the IID arm. `dice` is the share of rollouts in which seed k draws the same in both arms, as a
    seeded agent does whose choices the memory has not changed; with any, the runs' luck is the same
    in both arms too.
    """

    name: str
    curve: Curve
    run: float = 0.0
    serial: float = 0.0
    memory: float = 0.0
    task: float = 0.4
    drift: float = 0.0
    baseline_run: float = 0.0
    dice: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """B datasets: outcomes (B, N, K), the true lift of each task (B, N), the planted curve (N,)."""

    sequential: FloatArray
    iid: FloatArray
    rates: FloatArray
    baseline: FloatArray
    curve: FloatArray

    @property
    def lift(self) -> FloatArray:
        """True lift of every task on its stream, (B, N)."""
        return self.rates - self.baseline


def flat(x: FloatArray) -> FloatArray:
    """No learning."""
    return np.zeros_like(x)


def ramp(x: FloatArray) -> FloatArray:
    """Lift grows steadily to .15."""
    return 0.15 * x


def step(x: FloatArray) -> FloatArray:
    """Lift of .12 from the middle on."""
    return np.where(x < 0.5, 0.0, 0.12)


def saturation(x: FloatArray) -> FloatArray:
    """Lift of .12, nearly all of it within the first fifth."""
    return 0.12 * (1.0 - np.exp(-x / 0.07))


def refactoring(x: FloatArray) -> FloatArray:
    """Lift ramps to .15, is lost at .6 where the files move, and ramps again."""
    return np.where(x < 0.6, 0.25 * x, 0.25 * (x - 0.6))


def plant(
    scenario: Scenario, shape: tuple[int, int, int], rng: np.random.Generator, k0: int | None = None
) -> Planted:
    """Return `shape` = (B, N, K) datasets; the IID arm has `k0` runs (default K)."""
    b, n, k = shape
    x = np.linspace(0.0, 1.0, n)
    ability = ndtri(np.clip(rng.beta(*BETA, (b, n)), 1e-6, 1.0 - 1e-6))
    baseline = ndtr(ability + scenario.drift * (x - 0.5))
    lift = scenario.curve(x)
    rates = spread_over_tasks(shifted(baseline, lift), scenario.task, rng)
    dice = rng.random((b, n, k))
    sequential, iid = _two_arms(scenario, (rates, baseline), dice, k0 or k, rng)
    return Planted(sequential=sequential, iid=iid, rates=rates, baseline=baseline, curve=lift)


def _two_arms(
    scenario: Scenario,
    rates: tuple[FloatArray, FloatArray],
    dice: FloatArray,
    k0: int,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Outcomes of the sequential and the IID arm, whose `rates` are (B, N) each."""
    luck = run_luck(scenario, dice.shape, rng)
    own = rng.random((*dice.shape[:2], k0))
    if scenario.dice:
        own = np.where(rng.random(dice.shape) < scenario.dice, dice, own)
        steady = luck[:, :1] / (scenario.run or 1.0)
    else:
        steady = rng.standard_normal((len(dice), 1, k0))
    return (
        (dice < _chance(rates[0], luck, scenario.run**2 + scenario.serial**2)).astype(np.float64),
        (own < _chance(rates[1], scenario.baseline_run * steady, scenario.baseline_run**2)).astype(
            np.float64
        ),
    )


def _chance(rates: FloatArray, luck: FloatArray, variance: float) -> FloatArray:
    """Chances (B, N, K) under each run's luck, whose mean over all runs is `rates`."""
    chance: FloatArray = ndtr(_probit(rates)[..., np.newaxis] * np.sqrt(1.0 + variance) + luck)
    return chance


def shifted(rates: FloatArray, lift: FloatArray) -> FloatArray:
    """Move rates so that their mean over Beta moves by exactly `lift`, and none leaves [0, 1]."""
    up = rates + lift / (1.0 - MEAN_RATE) * (1.0 - rates)
    down = rates * (1.0 + lift / MEAN_RATE)
    moved: FloatArray = np.where(lift >= 0.0, up, down)
    return moved


def spread_over_tasks(rates: FloatArray, spread: float, rng: np.random.Generator) -> FloatArray:
    """Give each task a lift of its own around its rate; the mean over tasks stays."""
    own = spread * rng.standard_normal(rates.shape)
    moved: FloatArray = ndtr(_probit(rates) * np.sqrt(1.0 + spread**2) + own)
    return moved


def sequential_outcomes(
    scenario: Scenario, rates: FloatArray, k: int, rng: np.random.Generator
) -> FloatArray:
    """Return outcomes (B, N, K) of K runs with shared luck, whose mean over runs is `rates`."""
    shape = (*rates.shape, k)
    luck = run_luck(scenario, shape, rng)
    chance = _chance(rates, luck, scenario.run**2 + scenario.serial**2)
    outcomes: FloatArray = (rng.random(shape) < chance).astype(np.float64)
    return outcomes


def run_luck(scenario: Scenario, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Return what a run carries along, (B, N, K): one constant per run plus a stationary AR(1)."""
    b, n, k = shape
    luck = np.broadcast_to(scenario.run * rng.standard_normal((b, 1, k)), shape).copy()
    if scenario.serial > 0.0:
        shocks = rng.standard_normal((b, n, k))
        shocks[:, 1:] *= np.sqrt(1.0 - scenario.memory**2)
        luck += scenario.serial * lfilter([1.0], [1.0, -scenario.memory], shocks, axis=1)
    return luck


def _probit(rates: FloatArray) -> FloatArray:
    value: FloatArray = ndtri(np.clip(rates, 1e-9, 1.0 - 1e-9))
    return value
