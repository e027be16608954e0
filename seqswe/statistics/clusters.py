"""How far whole runs lie apart, beyond what their tasks explain: one run is one cluster.

For complete outcomes B = s_R²/K and W = s_W²/K, with s_R² = var_k(Σ w_i Y[i, k]) and
s_W² = Σ w_i² var_k(Y[i, k]) (ddof = 1). Where rollouts are missing, each product of two residuals
of one run is divided by its share of the product of two run effects (`curve_noise`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqswe.statistics.arrays import FloatArray, Mask, task_means

ROUNDING = 1e-9
"""An excess under this share of what runs show is no noise between runs: it is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNoise:
    """Variance of an arm's weighted mean between runs (B) and the part that tasks explain (W).

    `runs` is how many runs stand behind a task, K if none is missing. `deviations` (K,) are what
    each run adds to the mean, and sum up to 0.
    """

    between: float
    within: float
    runs: float
    deviations: FloatArray

    @property
    def excess(self) -> float:
        """V_X of one arm: what clustering adds to the variance of the arm's mean."""
        excess = self.between - self.within
        return excess if excess > ROUNDING * self.between else 0.0

    @property
    def of_stream(self) -> float:
        """Variance of the mean over further runs of these very tasks: max(B, W)."""
        return max(self.between, self.within)

    def times(self, factor: float) -> RunNoise:
        """The noise of `factor` times the mean."""
        return RunNoise(
            between=factor**2 * self.between,
            within=factor**2 * self.within,
            runs=self.runs,
            deviations=factor * self.deviations,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveNoise:
    """`RunNoise` of G weighted means at once: `between`, `within` (G,), `deviations` (G, K)."""

    between: FloatArray
    within: FloatArray
    deviations: FloatArray

    @property
    def excess(self) -> FloatArray:
        """V_X at every point, (G,)."""
        excess = self.between - self.within
        return np.where(excess > ROUNDING * self.between, excess, 0.0)


def run_noise(values: FloatArray, weights: FloatArray) -> RunNoise:
    """Return the noise between the runs of Σ_i w_i Ȳ[i], `values` (N, K); zeros at K = 1."""
    noise = curve_noise(values, weights[np.newaxis])
    counts = np.isfinite(values).sum(axis=1)
    size = np.abs(weights)
    return RunNoise(
        between=float(noise.between[0]),
        within=float(noise.within[0]),
        runs=float(size.sum() / (size @ (1.0 / counts))) if size.any() else float(counts.min()),
        deviations=noise.deviations[0],
    )


def curve_noise(values: FloatArray, rows: FloatArray) -> CurveNoise:
    """Return the noise between runs of `rows` @ task means, rows (G, N) and values (N, K).

    With r the residual of a rollout from its task's mean and a = w_i/n_i, a run's deviation is
    Σ a r over its rollouts. Of tasks i and j with n_i and n_j runs, n_ij of them the same, the
    product of two residuals of one run is short by g = 1 − 1/n_i − 1/n_j + n_ij/(n_i n_j), which is
    1 − 1/K throughout if none is missing. Tasks with the same runs share one g.
    """
    there = np.isfinite(values)
    counts = there.sum(axis=1)
    residual = np.where(there, values - task_means(values)[:, np.newaxis], 0.0)
    share = rows / counts
    patterns, members = _patterns(there)
    parts = np.stack([share[:, tasks] @ residual[tasks] for tasks in members])
    kept = _inverse(_shrinkage(patterns))
    own = _inverse(1.0 - 1.0 / counts)
    return CurveNoise(
        between=np.sum(parts * np.tensordot(kept, parts, axes=1), axis=(0, 2)),
        within=share**2 @ (own * np.sum(residual**2, axis=1)),
        deviations=parts.sum(axis=0),
    )


def _patterns(there: Mask) -> tuple[FloatArray, list[Mask] | list[slice]]:
    """The distinct rows (P, K) of which runs a task has, and the tasks of each."""
    if there.all():
        return np.ones((1, there.shape[1])), [slice(None)]
    patterns, pattern = np.unique(there, axis=0, return_inverse=True)
    members = [pattern.reshape(-1) == p for p in range(len(patterns))]
    return patterns.astype(np.float64), members


def _shrinkage(patterns: FloatArray) -> FloatArray:
    """g of every two patterns, (P, P); 0 where two share no run or one has a single run."""
    counts = patterns.sum(axis=1)
    common = patterns @ patterns.T
    one, other = counts[:, np.newaxis], counts[np.newaxis]
    g = 1.0 - 1.0 / one - 1.0 / other + common / (one * other)
    return np.where((common > 0) & (one > 1) & (other > 1), g, 0.0)


def _inverse(values: FloatArray) -> FloatArray:
    """1/x, and 0 for 0: what nothing is known of adds nothing."""
    return np.divide(1.0, values, out=np.zeros_like(values), where=values > 1e-12)
