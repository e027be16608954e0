"""The learning curve: a local-linear smooth over the sequence, with a band for all of it at once.

A pointwise band read as a band covers the whole curve in about 70 % of cases; the simultaneous
one here takes its width from the largest deviation along the curve (sup-t, multiplier draws).
Sources: Fan and Gijbels (1996) for the smooth; Montiel Olea and Plagborg-Møller (2019) for sup-t.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import FloatArray, as_outcomes, same_tasks, task_means
from seqswe.statistics.clusters import curve_noise
from seqswe.statistics.student import normal_cdf, t_quantile
from seqswe.statistics.twoway import MINIMUM_RUNS, Term, clusters_of, difference

BANDWIDTH = 0.15
"""The kernel's scale, as a share of the sequence, at most."""
UNDERSMOOTHING = 0.75
"""Of N^(−1/3): beyond 125 tasks the kernel narrows so fast that its bias stays below the noise."""

GRID = 41
"""Points of the curve, evenly spaced from the first task to the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A curve over the sequence, arrays of shape (G,).

    `position` counts tasks from 1 to N; `low` and `high` bound the whole smoothed curve at once,
    and `pointwise_low` and `pointwise_high` one point at a time (never to be drawn as a band). What
    is bounded is the true curve as smoothed with the same kernel: within a bandwidth of a sudden
    change the true curve itself may lie outside. `single_run`: some arm has under three runs, so
    the band holds task noise alone.
    """

    position: FloatArray
    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    pointwise_low: FloatArray
    pointwise_high: FloatArray
    level: float
    bandwidth: float
    single_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spread:
    """Variance along the curve, its degrees of freedom, and factors (G, M) to draw it from."""

    variance: FloatArray
    dof: FloatArray
    factors: FloatArray


def lift_curve(
    sequential: ArrayLike,
    iid: ArrayLike,
    *,
    coupled: bool = False,
    bandwidth: float | None = None,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Curve:
    """Return the smoothed paired lift of (N, K1) over (N, K0) outcomes, in the outcome's units.

    `coupled`: column k is the same seed in both arms and draws the same dice. `bandwidth` is a
    share of the sequence (None: `usual_bandwidth`); `seed` fixes the multiplier draws. Raises
    ValueError on bad shapes, a task or a run without any outcome, or fewer than 10 tasks.
    """
    arms = difference(sequential, iid)
    same_tasks(*(arm.values for arm in arms))
    clusters = clusters_of(arms, coupled=coupled)
    return _curve(clusters, bandwidth=bandwidth, level=level, draws=draws, seed=seed)


def arm_curve(
    values: ArrayLike,
    *,
    bandwidth: float | None = None,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Curve:
    """Return one arm's smoothed curve, `values` (N, K). Raises as `lift_curve` does.

    It follows the difficulty of the tasks as much as the agent: learning shows in the lift only.
    """
    arm = Term(values=as_outcomes(values, "values"))
    return _curve([arm], bandwidth=bandwidth, level=level, draws=draws, seed=seed)


def usual_bandwidth(n: int) -> float:
    """Return the bandwidth of a curve over N tasks: .75 N^(−1/3), at most .15.

    With a fixed one the bias of the smooth would outgrow its noise as N and K grow, and the band
    would miss the true curve beside a sudden change (a refactoring). Source: undersmoothing, as in
    Hall (1992).
    """
    return min(BANDWIDTH, float(UNDERSMOOTHING * n ** (-1.0 / 3.0)))


def smoother(n: int, points: FloatArray, bandwidth: float) -> FloatArray:
    """Return the local-linear smoother L (G, N): curve = L @ outcomes, tasks at (i − ½)/N.

    `points` (G,) lie in [0, 1]; the kernel is Gaussian with standard deviation `bandwidth`.
    """
    x = (np.arange(n) + 0.5) / n
    offset = x[np.newaxis, :] - points[:, np.newaxis]
    kernel = np.exp(-0.5 * (offset / bandwidth) ** 2)
    s0, s1, s2 = (np.sum(kernel * offset**power, axis=1, keepdims=True) for power in range(3))
    rows: FloatArray = kernel * (s2 - s1 * offset) / (s0 * s2 - s1**2)
    return rows


def smooth_at_tasks(outcome: FloatArray, bandwidth: float) -> tuple[FloatArray, FloatArray]:
    """Return the smoother at the tasks themselves: L @ outcome (N,) and the diagonal of L (N,).

    The tasks are evenly spaced, so the sums of `smoother` are correlations with one kernel: no
    N × N matrix is made, which for thousands of tasks would take gigabytes.
    """
    n = len(outcome)
    offset = np.arange(1 - n, n) / n
    powers = np.exp(-0.5 * (offset / bandwidth) ** 2) * offset ** np.arange(3)[:, np.newaxis]
    total = np.cumsum(np.column_stack([np.zeros(3), powers]), axis=1)
    s0, s1, s2 = (total[:, n:] - total[:, :n])[:, ::-1]
    t0, t1 = (np.correlate(kernel, outcome, "valid")[::-1] for kernel in powers[:2])
    scale = s0 * s2 - s1**2
    return (s2 * t0 - s1 * t1) / scale, s2 / scale


def _curve(
    clusters: Sequence[Term], *, bandwidth: float | None, level: float, draws: int, seed: int
) -> Curve:
    n = len(clusters[0].values)
    if n < 10:
        raise ValueError(f"A curve needs at least 10 tasks, not {n}: print the tasks themselves.")
    if bandwidth is None:
        bandwidth = usual_bandwidth(n)
    if not 0.0 < bandwidth <= 1.0:
        raise ValueError(
            f"Bandwidth must be above 0 and at most 1 (a share of the sequence), not {bandwidth}."
        )
    means = [arm.factor * task_means(arm.values) for arm in clusters]
    outcome = sum(means, start=np.zeros(n))
    points = (np.linspace(1.0, n, min(n, GRID)) - 0.5) / n
    rows = smoother(n, points, bandwidth)
    estimate = rows @ outcome
    spread = _spread(rows, _residual(outcome, bandwidth), [arm.values for arm in clusters])
    se = np.sqrt(spread.variance)
    width = se * _critical(spread, level=level, draws=draws, seed=seed)
    pointwise = se * t_quantile(0.5 + level / 2.0, spread.dof)
    return Curve(
        position=points * n + 0.5,
        estimate=estimate,
        low=estimate - width,
        high=estimate + width,
        pointwise_low=estimate - pointwise,
        pointwise_high=estimate + pointwise,
        level=level,
        bandwidth=bandwidth,
        single_run=min(arm.values.shape[1] for arm in clusters) < MINIMUM_RUNS,
    )


def _residual(outcome: FloatArray, bandwidth: float) -> FloatArray:
    fitted, leverage = smooth_at_tasks(outcome, bandwidth)
    # HC2: a task at the edge pulls the smooth towards itself, which hides its own noise.
    residual: FloatArray = (outcome - fitted) / np.sqrt(1.0 - leverage)
    return residual


def _spread(rows: FloatArray, residual: FloatArray, runs: Sequence[FloatArray]) -> _Spread:
    """Return V_T + V_X at every point, as `two_way` has them for a mean, from rows l (G, N).

    V_T = Σ (l_i e_i)², V_X = Σ_arms max(0, B − W) over the arms `runs`, each (N, K); degrees of
    freedom after Satterthwaite, ν = (V_T + V_X)² / (V_T²/ν_T + Σ B²/(K − 1)), at least min(K) − 1.
    """
    task_factors = rows * residual
    v_t = np.sum(task_factors**2, axis=1)
    # ν_T counts the tasks near a point, not N: the ends of the curve rest on few of them.
    nu_t = np.maximum(1.0, np.sum(rows**2, axis=1) ** 2 / np.sum(rows**4, axis=1) - 2.0)
    clustered = [values for values in runs if values.shape[1] > 1]
    if not clustered:
        return _Spread(variance=v_t, dof=nu_t, factors=task_factors)
    variance, satterthwaite, factors = v_t.copy(), v_t**2 / nu_t, [task_factors]
    for values in clustered:
        noise = curve_noise(values, rows)
        variance += noise.excess
        satterthwaite += noise.between**2 / (values.shape[1] - 1)
        factors.append(_scaled(noise.deviations, noise.excess))
    least = float(min(values.shape[1] for values in clustered) - 1)
    nu = np.divide(
        variance**2, satterthwaite, out=np.full_like(variance, least), where=satterthwaite > 0
    )
    return _Spread(variance=variance, dof=np.maximum(nu, least), factors=np.hstack(factors))


def _scaled(deviations: FloatArray, variance: FloatArray) -> FloatArray:
    """The runs' deviations (G, K), scaled so that their squares add up to a variance (G,)."""
    total = np.sum(deviations**2, axis=1)
    scale = np.divide(variance, total, out=np.zeros_like(total), where=total > 0.0)
    scaled: FloatArray = deviations * np.sqrt(scale)[:, np.newaxis]
    return scaled


def _critical(spread: _Spread, *, level: float, draws: int, seed: int) -> FloatArray:
    """Return the sup-t critical value at each point, (G,)."""
    scale = np.sqrt(np.where(spread.variance > 0.0, spread.variance, 1.0))
    unit = spread.factors / scale[:, np.newaxis]
    # The Gram matrix is G × G: drawing from it costs the same at 100 tasks and at 1,000.
    values, vectors = np.linalg.eigh(unit @ unit.T)
    # A smooth curve moves in about ten directions: the rest is rounding.
    kept = values > 1e-6 * values[-1]
    root = vectors[:, kept] * np.sqrt(values[kept])
    normal = np.random.default_rng(seed).standard_normal((root.shape[1], draws))
    sup = float(np.quantile(np.abs(root @ normal).max(axis=0), level))
    # The normal tail beyond the sup, carried over to Student's t with each point's own freedom.
    return t_quantile(normal_cdf(sup), spread.dof)
