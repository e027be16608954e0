"""Numbers other benchmarks report, computed so that results can be set side by side.

Theirs, not ours: none carries an interval. Sources: SWE-Bench-CL (Joshi, Chowdhury and Uysal,
arXiv 2507.00014, and its published code); Chaudhry et al. (2018) for forgetting by a maximum;
Chen et al. (2021) for pass@k; Yao et al. (2024) for pass^k.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import FloatArray, as_outcomes, same_tasks, task_means

SWE_BENCH_CL_WARNING = (
    "SWE-Bench-CL's own metrics, for comparison only. Single noisy passes, no interval. "
    "AULC is a mean of running means: a third of its weight lies on the first tenth of the tasks, "
    "so the order of difficulty moves it. Accuracy is over the first pass, as in its code; its "
    "paper has it over the final memory. Without a replay arm its forgetting and backward transfer "
    "are 0 by construction and are not printed."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweBenchCl:
    """SWE-Bench-CL's metrics as its code defines them, averaged over runs.

    `forgetting` and `backward_transfer` are None without a replay arm; `cl_score` then adds 0 for
    both, as theirs does. Print `warning` beside them.
    """

    accuracy: float
    aulc: float
    forward_transfer: float
    forgetting: float | None
    backward_transfer: float | None
    cl_score: float
    warning: str


def swe_bench_cl(
    sequential: ArrayLike, iid: ArrayLike, replay: ArrayLike | None = None
) -> SweBenchCl:
    """Return SWE-Bench-CL's metrics of outcomes (N, K1) against (N, K0), with unit weights.

    `replay` (N, K): all tasks again with the final memory. CL-Score = ACC − F + FT + BWT + AULC.
    ACC is over the first pass, as a_(i,i) in the paper's table; the paper's own ACC is over the
    final memory. Raises ValueError on bad shapes, missing values or fewer than two tasks.
    """
    y1, y0 = as_outcomes(sequential, "sequential"), as_outcomes(iid, "iid")
    n = same_tasks(y1, y0)
    if n < 2:
        raise ValueError("SWE-Bench-CL's metrics need at least two tasks.")
    first, baseline = task_means(y1), task_means(y0)
    accuracy, area = float(first.mean()), float(aulc_weights(n) @ first)
    forward = float((first - baseline)[1:].mean())
    backward = None if replay is None else _backward(first, as_outcomes(replay, "replay"))
    # In their code the "best so far" is the first pass itself, so F is exactly −BWT.
    return SweBenchCl(
        accuracy=accuracy,
        aulc=area,
        forward_transfer=forward,
        forgetting=None if backward is None else -backward,
        backward_transfer=backward,
        cl_score=accuracy + forward + area + 2.0 * (backward or 0.0),
        warning=SWE_BENCH_CL_WARNING,
    )


def aulc_weights(n: int) -> FloatArray:
    """Return the weight (N,) that SWE-Bench-CL's AULC gives each task: Σ_{i ≥ j} 1/(N·i)."""
    weights: FloatArray = np.cumsum(1.0 / np.arange(n, 0, -1))[::-1] / n
    return weights


def maximum_forgetting(passes: ArrayLike) -> float:
    """Return forgetting by a maximum over passes: mean_j (max_i a[i, j] − a[last, j]).

    `passes` (P, N): outcome of task j in pass i, NaN where the task was not yet met. Kept to show
    why it is not used: with single passes and nothing forgotten it reports about .34 at N = 50.
    Raises ValueError unless the last pass covers all tasks.
    """
    a: FloatArray = np.asarray(passes, dtype=np.float64)
    if a.ndim != 2 or not np.isfinite(a[-1:]).all() or a.size == 0:
        raise ValueError("Pass (passes, tasks), with an outcome for every task in the last pass.")
    return float((np.nanmax(a, axis=0) - a[-1])[:-1].mean()) if a.shape[1] > 1 else 0.0


def pass_at_k(resolved: ArrayLike, k: int) -> float:
    """Return the chance that one of `k` tries resolves a task: mean of 1 − C(n−c, k)/C(n, k).

    `resolved` (N, n) holds 0 or 1, NaN where missing; c counts a row's ones, n its outcomes. Tasks
    with fewer than `k` outcomes are left out. Raises ValueError on other values or unless some task
    has k ≥ 1 of them.
    """
    return float(np.mean([1.0 - comb(n - c, k) / comb(n, k) for c, n in _counts(resolved, k)]))


def pass_hat_k(resolved: ArrayLike, k: int) -> float:
    """Return pass^k, the chance that all of `k` tries resolve a task: mean of C(c, k)/C(n, k).

    Arguments and errors as in `pass_at_k`.
    """
    return float(np.mean([comb(c, k) / comb(n, k) for c, n in _counts(resolved, k)]))


def _counts(resolved: ArrayLike, k: int) -> list[tuple[int, int]]:
    """Successes and outcomes of each task that has at least `k` outcomes."""
    y = as_outcomes(resolved, "resolved")
    if not np.isin(y[np.isfinite(y)], (0.0, 1.0)).all():
        raise ValueError("pass@k counts successes: pass outcomes of 0 or 1.")
    there = np.isfinite(y).sum(axis=1)
    if not 1 <= k <= there.max():
        raise ValueError(f"k = {k} tries out of {there.max()} runs: choose k from 1 to the runs.")
    enough = there >= k
    return list(zip(map(int, np.nansum(y, axis=1)[enough]), map(int, there[enough]), strict=True))


def _backward(first: FloatArray, replay: FloatArray) -> float:
    same_tasks(first, replay)
    return float((task_means(replay) - first)[:-1].mean())
