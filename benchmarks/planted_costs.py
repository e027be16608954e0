"""Simulated costs with a planted law of practice, beside outcomes from `benchmarks.planted`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.planted import FloatArray, Planted, Scenario, flat, run_luck

TASK_SPREAD = 0.6
"""Standard deviation of a task's log cost."""

ROLLOUT_SPREAD = 0.5
"""Standard deviation of a rollout's log cost around its task's."""

FAILING_COSTS_MORE = 0.3
"""What a rollout that resolves nothing adds to its log cost."""

LUCK = Scenario(name="cost", curve=flat, run=0.08, serial=0.2, memory=0.9)
"""A run's own luck with costs, on the log scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedCosts:
    """Costs (B, N, K) of both arms, and what is true on each stream.

    `log_ratio` (B, N): expected log(C_SEQ/C_IID) of each task; `per_resolved` (B,): log ratio of
    expected cost per resolved task; `extra` (B,): expected C_SEQ − C_IID of a task.
    """

    sequential: FloatArray
    iid: FloatArray
    log_ratio: FloatArray
    per_resolved: FloatArray
    extra: FloatArray


def plant_costs(planted: Planted, exponent: float, rng: np.random.Generator) -> PlantedCosts:
    """Return costs that fall as i^−exponent in the sequential arm of `planted`."""
    y1, y0 = planted.sequential, planted.iid
    task = TASK_SPREAD * rng.standard_normal(planted.baseline.shape)
    learnt = -exponent * np.log(np.arange(1, y1.shape[1] + 1))
    luck = run_luck(LUCK, (y1.shape[0], y1.shape[1], y1.shape[2]), rng)
    cheaper = task + learnt
    spread = np.exp((LUCK.run**2 + LUCK.serial**2) / 2.0)
    expected1 = spread * np.exp(cheaper) * _factor(planted.rates)
    expected0 = np.exp(task) * _factor(planted.baseline)
    return PlantedCosts(
        sequential=np.exp(cheaper[..., np.newaxis] + luck + _rollout(y1, rng)),
        iid=np.exp(task[..., np.newaxis] + _rollout(y0, rng)),
        log_ratio=learnt - FAILING_COSTS_MORE * planted.lift,
        per_resolved=_per_resolved(expected1, planted.rates)
        - _per_resolved(expected0, planted.baseline),
        extra=np.exp(ROLLOUT_SPREAD**2 / 2.0) * (expected1 - expected0).mean(axis=1),
    )


def _rollout(outcomes: FloatArray, rng: np.random.Generator) -> FloatArray:
    noise = ROLLOUT_SPREAD * rng.standard_normal(outcomes.shape)
    return noise + FAILING_COSTS_MORE * (1.0 - outcomes)


def _factor(rates: FloatArray) -> FloatArray:
    factor: FloatArray = rates + (1.0 - rates) * np.exp(FAILING_COSTS_MORE)
    return factor


def _per_resolved(cost: FloatArray, rates: FloatArray) -> FloatArray:
    ratio: FloatArray = np.log(cost.sum(axis=1) / rates.sum(axis=1))
    return ratio
