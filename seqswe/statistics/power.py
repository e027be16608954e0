"""The power of a comparison: by formula before the run, and by the noise seen after it.

What a plan can find is simulated (`planning.py`): the formula is where that starts from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqswe.statistics.student import t_power, t_quantile
from seqswe.statistics.twoway import Estimate

SIGMA_RUN = 0.0235
"""σ_R: standard deviation of a sequential run's mean through its own luck."""

SPREAD = 0.05
"""Assumed standard deviation of true lifts between codebases, as in docs/pooling.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerPlan:
    """What is about to be run: N tasks, K1 sequential and K0 IID runs, and the noise expected.

    `trial_variance` (v) is the mean p(1−p) of a task; `lift_variance` (ω²) the variance of the
    true lift between tasks; `sigma_run` (σ_R) the spread between sequence runs. The defaults were
    measured on tasks with p ~ Beta(.327, .491).
    """

    n: int
    k1: int
    k0: int
    trial_variance: float = 0.11
    lift_variance: float = 0.008
    sigma_run: float = SIGMA_RUN

    def __post_init__(self) -> None:
        if self.n < 2 or self.k1 < 1 or self.k0 < 1:
            raise ValueError("A plan needs at least 2 tasks and 1 run of each arm.")

    @property
    def task_variance(self) -> float:
        """[v(1/K1 + 1/K0) + ω²] / N."""
        trials = self.trial_variance * (1.0 / self.k1 + 1.0 / self.k0)
        return (trials + self.lift_variance) / self.n

    @property
    def se(self) -> float:
        """Return the planned standard error: SE² = [v(1/K1 + 1/K0) + ω²]/N + σ_R²/K1."""
        return float((self.task_variance + self.sigma_run**2 / self.k1) ** 0.5)

    @property
    def dof(self) -> float:
        """Satterthwaite's degrees of freedom of the 2W test under this plan."""
        between = (self.sigma_run**2 + self.trial_variance / self.n) / self.k1
        parts = self.task_variance**2 / (self.n - 1)
        if self.k1 > 1:
            parts += between**2 / (self.k1 - 1)
        return float(self.se**4 / parts)


def smallest_effect(plan: PowerPlan, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """Return the mean lift that the plan would detect with this power if it knew its variances.

    The test has to estimate them, and detects less. A lift that ramps from 0 to `end` over the
    sequence has the mean `end / 2`.
    """
    return _detectable(plan.se, plan.dof, power, alpha)


def smallest_pooled_effect(
    plans: Sequence[PowerPlan], *, spread: float = SPREAD, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Return the mean lift over C codebases, one plan each, that `pooling.pool` detects.

    SE² = (τ² + mean SE_c²)/C with C − 1 degrees of freedom; `spread` is τ, the standard deviation
    of true lifts between codebases. Raises ValueError under two codebases.
    """
    if len(plans) < 2:
        raise ValueError("A mean over codebases needs at least two.")
    noise = sum(plan.se**2 for plan in plans) / len(plans)
    se = float(((spread**2 + noise) / len(plans)) ** 0.5)
    return _detectable(se, len(plans) - 1.0, power, alpha)


def detectable_effect(estimate: Estimate, *, power: float = 0.8) -> float:
    """Return the smallest effect this comparison could have seen with the given power.

    (t_{1−α/2,ν} + t_{power,ν}) · SE. Where no spread was seen at all, the rule of three answers:
    n equal tasks leave room for 3/n.
    """
    if estimate.se == 0.0:
        return 3.0 / estimate.n
    return _detectable(estimate.se, estimate.dof, power, 1.0 - estimate.level)


def power_of(estimate: Estimate, effect: float) -> float | None:
    """Return the chance that a comparison as noisy as this one finds a true change of `effect`.

    It speaks of the design (tasks, runs, level and the noise seen), not of what was found: the
    noncentral t at `effect` / SE. None under `MINIMUM_RUNS` runs, where no test is made, and where
    no noise was seen.
    """
    if estimate.single_run or estimate.se == 0.0:
        return None
    return t_power(effect / estimate.se, estimate.dof, 1.0 - estimate.level)


def _detectable(se: float, dof: float, power: float, alpha: float) -> float:
    return float(t_quantile(1.0 - alpha / 2.0, dof) + t_quantile(power, dof)) * se
