"""The front door: two arms in, everything the report prints about them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from numpy.typing import ArrayLike

from seqswe.statistics.arrays import FloatArray, as_outcomes, same_tasks
from seqswe.statistics.diagnostics import Diagnostics, diagnose
from seqswe.statistics.multiplicity import holm
from seqswe.statistics.twoway import (
    Estimate,
    interval_mean,
    log_position_design,
    position_design,
    two_way,
)
from seqswe.statistics.verdict import EQUIVALENCE_MARGIN, LiftVerdict, judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """What one arm gained over its baseline on this stream of tasks.

    `overall` is the primary estimand (mean paired lift); `verdict` judges it. `late` is the lift
    over the last third; `slope` is lift per whole sequence, `log_slope` lift per e-fold of tasks;
    these are None when the stream is too short for them. `sequential` and `iid` are the arms' own
    means. `adjusted_p` is Holm's, where several memories met one baseline.
    """

    overall: Estimate
    late: Estimate | None
    slope: Estimate | None
    log_slope: Estimate | None
    sequential: Estimate
    iid: Estimate
    diagnostics: Diagnostics
    verdict: LiftVerdict
    adjusted_p: float | None = None


def compare_arms(
    sequential: ArrayLike,
    iid: ArrayLike,
    *,
    missing: int = 0,
    baseline_carries: bool = False,
    margin: float = EQUIVALENCE_MARGIN,
) -> Lift:
    """Compare outcomes (N, K1) with a baseline's (N, K0), paired by task, in sequence order.

    `missing` tasks were dropped from both arms beforehand (`drop_missing`). `baseline_carries`
    says that the baseline keeps its memory as well (memory against memory, version against
    version); leave it off for an IID baseline. Raises ValueError on bad shapes, missing values or
    fewer than two tasks.
    """
    y1, y0 = as_outcomes(sequential, "sequential"), as_outcomes(iid, "iid")
    n = same_tasks(y1, y0)
    overall = two_way(y1, y0, baseline_carries=baseline_carries)
    return Lift(
        overall=overall,
        late=late_lift(y1, y0, baseline_carries=baseline_carries) if n >= 6 else None,
        slope=_slope(y1, y0, position_design(n), baseline_carries),
        log_slope=_slope(y1, y0, log_position_design(n), baseline_carries),
        sequential=interval_mean(y1),
        iid=interval_mean(y0),
        diagnostics=diagnose(y1, y0, missing=missing),
        verdict=judge(overall, margin=margin),
    )


def compare_memories(
    memories: Mapping[str, ArrayLike],
    iid: ArrayLike,
    *,
    missing: int = 0,
    margin: float = EQUIVALENCE_MARGIN,
) -> dict[str, Lift]:
    """Compare several memories, each (N, K), with one IID baseline; verdicts hold jointly.

    p-values are adjusted by Holm over the memories that have one. Raises as `compare_arms`.
    """
    lifts = {
        name: compare_arms(values, iid, missing=missing, margin=margin)
        for name, values in memories.items()
    }
    tested = {name: lift.overall.p for name, lift in lifts.items() if lift.overall.p is not None}
    for name, adjusted in zip(tested, holm(list(tested.values())), strict=True):
        lifts[name] = _adjusted(lifts[name], float(adjusted))
    return lifts


def late_lift(sequential: ArrayLike, iid: ArrayLike, *, baseline_carries: bool = False) -> Estimate:
    """Return the 2W mean lift over the last third of the tasks. Raises as `two_way`."""
    y1, y0 = as_outcomes(sequential, "sequential"), as_outcomes(iid, "iid")
    start = same_tasks(y1, y0) * 2 // 3
    return two_way(y1[start:], y0[start:], baseline_carries=baseline_carries)


def _slope(y1: FloatArray, y0: FloatArray, design: FloatArray, carries: bool) -> Estimate | None:
    return two_way(y1, y0, design, baseline_carries=carries) if len(y1) > 2 else None


def _adjusted(lift: Lift, p: float) -> Lift:
    verdict = judge(lift.overall, adjusted_p=p, margin=lift.verdict.margin)
    return replace(lift, adjusted_p=p, verdict=verdict)
