"""Secondary readings of a comparison, each a contrast of the 2W estimator where it can be one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqswe.statistics.arrays import FloatArray, as_outcomes, same_tasks, task_means
from seqswe.statistics.curve import Curve
from seqswe.statistics.twoway import (
    Estimate,
    Term,
    combine,
    difference,
    part_lift,
    recentre,
    rescale,
    two_way,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """When a smoothed lift first reached a threshold, in tasks from 1; all None if not shown.

    It is shown where the simultaneous band lies wholly above the threshold somewhere. `latest` is
    the first such task, `earliest` the first whose band reaches the threshold at all; the smoothed
    curve of the truth gets there between the two wherever the band holds it. `reached` is where the
    estimated curve does.
    """

    threshold: float
    earliest: float | None
    reached: float | None
    latest: float | None


def jumpstart(
    sequential: ArrayLike, iid: ArrayLike, *, first: int, coupled: bool = False
) -> Estimate:
    """Return the mean lift over the first `first` tasks: a negative control, near 0.

    The baseline starts from the same empty memory, so a clear jumpstart says that the arms differ
    in more than what accumulated. Raises ValueError unless 2 ≤ first ≤ N.
    """
    y1, y0 = as_outcomes(sequential, "sequential"), as_outcomes(iid, "iid")
    n = same_tasks(y1, y0)
    if not 2 <= first <= n:
        raise ValueError(f"The first {first} of {n} tasks: choose from 2 to {n}.")
    return part_lift(y1, y0, slice(first), coupled=coupled)


def time_to_threshold(curve: Curve, threshold: float) -> Threshold:
    """Return between which tasks the curve reached `threshold`, in the outcome's units.

    The estimate alone is no measurement: of agents that learn nothing it reaches a lift of .05
    somewhere in half of all runs.
    """
    latest = _first(curve, curve.low, threshold)
    shown = latest is not None
    return Threshold(
        threshold=threshold,
        earliest=_first(curve, curve.high, threshold) if shown else None,
        reached=_first(curve, curve.estimate, threshold) if shown else None,
        latest=latest,
    )


def regret(sequential: ArrayLike, oracle: ArrayLike, *, coupled: bool = False) -> Estimate:
    """Return the tasks lost against the oracle arm over the stream: Σ_i (oracle − sequential).

    Outcomes (N, K). Raises ValueError as `two_way` does.
    """
    estimate = two_way(oracle, sequential, coupled=coupled)
    return rescale(estimate, float(estimate.n))


def gap_closed(
    sequential: ArrayLike, iid: ArrayLike, oracle: ArrayLike, *, coupled: bool = False
) -> Estimate | None:
    """Return the share of the oracle's gain over IID that the sequential arm reached.

    (SEQ − IID)/(ORACLE − IID), with the delta method's interval. None unless the oracle's own gain
    is clearly positive, as a ratio over a gap that may be zero means nothing. Arms (N, K); raises
    ValueError as `two_way` does.
    """
    y1, y0 = as_outcomes(sequential, "sequential"), as_outcomes(iid, "iid")
    best = as_outcomes(oracle, "oracle")
    gap = two_way(best, y0, coupled=coupled)
    if gap.low <= 0.0:
        return None
    share = float(np.mean(task_means(y1) - task_means(y0))) / gap.estimate
    # Ratio A/B: its noise is that of (A − share·B)/B.
    linear = [
        Term(values=y1, factor=1.0 / gap.estimate),
        Term(values=y0, factor=(share - 1.0) / gap.estimate),
        Term(values=best, factor=-share / gap.estimate),
    ]
    return recentre(combine(linear, coupled=coupled), share)


def cold_start_penalty(sequential: ArrayLike, iid: ArrayLike, *, coupled: bool = False) -> Estimate:
    """Return the tasks lost because the memory began empty: N · (late lift − mean lift).

    Late is the last third; a stream that had that lift from the first task would have resolved
    this many more. Arms (N, K); raises ValueError under six tasks and as `two_way` does.
    """
    arms = difference(sequential, iid)
    n = same_tasks(*(arm.values for arm in arms))
    if n < 6:
        raise ValueError(f"{n} tasks have no last third to speak of: use at least 6.")
    weights = np.full(n, -1.0 / n)
    weights[n * 2 // 3 :] += 1.0 / (n - n * 2 // 3)
    return rescale(combine(arms, weights=weights, coupled=coupled), float(n))


def run_permutation(
    sequential: ArrayLike, iid: ArrayLike, *, draws: int = 5000, seed: int = 0
) -> float:
    """Return the p-value of whole-run permutation: a robustness check, never the inference.

    Runs of (N, K1) and (N, K0) are relabelled whole, every way when there are at most `draws`.
    Its smallest value at K1 = K0 is 2/C(2K, K): .008 with 5 runs per arm, only .1 with 3.
    """
    y1, y0 = as_outcomes(sequential, "sequential"), as_outcomes(iid, "iid")
    same_tasks(y1, y0)
    # A run that lacks a hard task must not look better for it: each task's own mean is taken out.
    level = np.nanmean(np.hstack([y1, y0]), axis=1, keepdims=True)
    means = np.concatenate([np.nanmean(y - level, axis=0) for y in (y1, y0)])
    total, k1 = len(means), y1.shape[1]
    if comb(total, k1) <= draws:
        picks = np.array(list(combinations(range(total), k1)))
        return _share_as_extreme(means, picks, k1)
    rng = np.random.default_rng(seed)
    keys = rng.random((draws, total)).argsort(axis=1)[:, :k1]
    return (_share_as_extreme(means, keys, k1) * draws + 1.0) / (draws + 1.0)


def _share_as_extreme(means: FloatArray, picks: NDArray[np.signedinteger], k1: int) -> float:
    inside = means[picks].sum(axis=1)
    lifts = inside / k1 - (means.sum() - inside) / (len(means) - k1)
    observed = means[:k1].mean() - means[k1:].mean()
    return float(np.mean(np.abs(lifts) >= abs(observed) - 1e-12))


def _first(curve: Curve, values: FloatArray, threshold: float) -> float | None:
    reached = np.flatnonzero(values >= threshold)
    return float(curve.position[reached[0]]) if reached.size else None
