"""The front door: two arms in, everything the report prints about them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from numpy.typing import ArrayLike

from seqswe.statistics.arrays import FloatArray, as_outcomes, same_tasks
from seqswe.statistics.diagnostics import Diagnostics, diagnose
from seqswe.statistics.multiplicity import holm
from seqswe.statistics.shares import share_difference, share_interval
from seqswe.statistics.twoway import (
    Estimate,
    interval_mean,
    log_position_design,
    part_lift,
    position_design,
    stream_interval,
    two_way,
)
from seqswe.statistics.verdict import EQUIVALENCE_MARGIN, LiftVerdict, judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """What one arm gained over its baseline on this stream of tasks.

    `overall` is the primary estimand (mean paired lift), for tasks like these; `verdict` judges it.
    `stream` is the same lift for further runs of these very tasks, None where an arm has one run,
    of which no spread is known. `late` is the lift over the last third; `slope` is lift per whole
    sequence, `log_slope` lift per e-fold of tasks; these are None when the stream is too short for
    them. `sequential` and `iid` are the arms' own means.
    `adjusted_p` is Holm's, where several memories met one baseline. `coupled`: runs were paired by
    seed.
    """

    overall: Estimate
    stream: Estimate | None
    late: Estimate | None
    slope: Estimate | None
    log_slope: Estimate | None
    sequential: Estimate
    iid: Estimate
    diagnostics: Diagnostics
    verdict: LiftVerdict
    coupled: bool = False
    adjusted_p: float | None = None


def compare_arms(
    sequential: ArrayLike,
    iid: ArrayLike,
    *,
    missing: int = 0,
    coupled: bool = False,
    share: bool = False,
    margin: float = EQUIVALENCE_MARGIN,
    level: float = 0.95,
) -> Lift:
    """Compare outcomes (N, K1) with a baseline's (N, K0), paired by task, in sequence order.

    `missing` tasks were dropped from both arms beforehand (`drop_missing`). `coupled`: column k is
    the same seed in both arms and draws the same dice. `share`: the outcome lies in [0, 1], and so
    do the ends of its intervals. Raises ValueError on bad shapes, a task or a run without any
    outcome, or fewer than two tasks.
    """
    y1, y0 = as_outcomes(sequential, "sequential"), as_outcomes(iid, "iid")
    n = same_tasks(y1, y0)
    overall = two_way(y1, y0, coupled=coupled, level=level)
    slope = _slope(y1, y0, position_design(n), coupled, level)
    of_arm = share_interval if share else interval_mean
    lift = Lift(
        overall=overall,
        stream=stream_interval(y1, y0, coupled=coupled, level=level)
        if min(y1.shape[1], y0.shape[1]) > 1
        else None,
        late=late_lift(y1, y0, coupled=coupled) if n >= 6 else None,
        slope=slope,
        log_slope=_slope(y1, y0, log_position_design(n), coupled, level),
        sequential=of_arm(y1),
        iid=of_arm(y0),
        diagnostics=diagnose(y1, y0, missing=missing),
        verdict=judge(
            share_difference(overall) if share else overall, growth=[slope], margin=margin
        ),
        coupled=coupled,
    )
    return _as_shares(lift) if share else lift


def compare_memories(
    memories: Mapping[str, ArrayLike],
    iid: ArrayLike,
    *,
    missing: int = 0,
    coupled: bool = False,
    margin: float = EQUIVALENCE_MARGIN,
) -> dict[str, Lift]:
    """Compare several memories, each (N, K), with one IID baseline; verdicts hold jointly.

    p-values are adjusted by Holm over the memories that have one. Raises as `compare_arms`.
    """
    lifts = {
        name: compare_arms(values, iid, missing=missing, coupled=coupled, margin=margin)
        for name, values in memories.items()
    }
    tested = {name: lift.overall.p for name, lift in lifts.items() if lift.overall.p is not None}
    for name, adjusted in zip(tested, holm(list(tested.values())), strict=True):
        lifts[name] = _adjusted(lifts[name], float(adjusted))
    return lifts


def late_lift(sequential: ArrayLike, iid: ArrayLike, *, coupled: bool = False) -> Estimate:
    """Return the 2W mean lift over the last third of the tasks. Raises as `two_way`."""
    y1, y0 = as_outcomes(sequential, "sequential"), as_outcomes(iid, "iid")
    start = same_tasks(y1, y0) * 2 // 3
    return part_lift(y1, y0, slice(start, None), coupled=coupled)


def _slope(
    y1: FloatArray, y0: FloatArray, design: FloatArray, coupled: bool, level: float
) -> Estimate | None:
    return two_way(y1, y0, design, coupled=coupled, level=level) if len(y1) > 2 else None


def _as_shares(lift: Lift) -> Lift:
    # A slope is no difference of shares: it may well be above 1 per sequence.
    return replace(
        lift,
        overall=share_difference(lift.overall),
        late=share_difference(lift.late) if lift.late else None,
    )


def _adjusted(lift: Lift, p: float) -> Lift:
    verdict = judge(lift.overall, growth=[lift.slope], adjusted_p=p, margin=lift.verdict.margin)
    return replace(lift, adjusted_p=p, verdict=verdict)
