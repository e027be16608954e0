"""One arm against another, outcome by outcome, and several runs judged together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from seqswe.analysis.arms import CURVE_TASKS, complete_tasks, on_axis, started
from seqswe.analysis.model import ArmResult, Contrast, Scale
from seqswe.arms import is_probe
from seqswe.outcome import Outcome
from seqswe.statistics import (
    EQUIVALENCE_MARGIN,
    Estimate,
    Lift,
    LiftVerdict,
    compare_arms,
    holm,
    judge,
    lift_curve,
)
from seqswe.statistics.arrays import FloatArray

BASELINE = "iid"
WITHOUT = "nomem"
"""The arm without a memory's tool: the baseline against it shows the tool tax."""


def pairs(arms: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Which arms are compared, (arm, baseline), the primary pair first; no probes."""
    arms = [arm for arm in arms if not is_probe(arm)]
    if BASELINE not in arms:
        return tuple((arm, WITHOUT) for arm in arms if arm != WITHOUT and WITHOUT in arms)
    lifts = [(arm, BASELINE) for arm in arms if arm not in (BASELINE, WITHOUT)]
    lifts.sort(key=lambda pair: pair[0] != "sequential")
    return (*lifts, *([(BASELINE, WITHOUT)] if WITHOUT in arms else []))


def contrast(arm: ArmResult, baseline: ArmResult, outcome: Outcome) -> Contrast | None:
    """Compare two arms on one outcome; None where fewer than two tasks have it in both."""
    first, second = arm.outcomes[outcome.name].values, baseline.outcomes[outcome.name].values
    kept = complete_tasks(first, second)
    if kept.sum() < 2:
        return None
    y1, y0 = started(first)[kept], started(second)[kept]
    scale: Scale = "difference"
    if outcome.kind == "amount" and (y1 > 0).all() and (y0 > 0).all():
        scale, y1, y0 = "ratio", np.log(y1), np.log(y0)
    lift = compare_arms(y1, y0, missing=int(len(kept) - kept.sum()), margin=_margin(outcome, scale))
    curve = on_axis(lift_curve(y1, y0), kept) if len(y1) >= CURVE_TASKS else None
    return Contrast(
        run=arm.run,
        arm=arm.arm,
        baseline=baseline.arm,
        outcome=outcome,
        scale=scale,
        lift=replace(lift, verdict=improvement(lift, outcome)),
        curve=curve,
        dropped_seeds=_empty_seeds(first) + _empty_seeds(second),
    )


def improvement(lift: Lift, outcome: Outcome, adjusted_p: float | None = None) -> LiftVerdict:
    """The verdict on a lift, LEARNING meaning better: for a cost, that it went down."""
    overall = lift.overall if outcome.better == "higher" else _mirrored(lift.overall)
    return judge(overall, adjusted_p=adjusted_p, margin=lift.verdict.margin)


def judged_together(contrasts: Iterable[Contrast], headline: Outcome) -> tuple[Contrast, ...]:
    """Adjust the primary contrasts of several runs by Holm; with one run nothing changes."""
    unadjusted = tuple(contrasts)
    primary: dict[str, int] = {}
    for index, item in enumerate(unadjusted):
        if item.outcome.name == headline.name and item.lift.overall.p is not None:
            primary.setdefault(item.run, index)
    if len(primary) < 2:
        return unadjusted
    adjusted = holm([unadjusted[i].lift.overall.p or 0.0 for i in primary.values()])
    by_index = dict(zip(primary.values(), map(float, adjusted), strict=True))
    return tuple(
        _adjusted(item, by_index[index]) if index in by_index else item
        for index, item in enumerate(unadjusted)
    )


def _adjusted(item: Contrast, p: float) -> Contrast:
    verdict = improvement(item.lift, item.outcome, p)
    return replace(item, lift=replace(item.lift, adjusted_p=p, verdict=verdict))


def _margin(outcome: Outcome, scale: Scale) -> float:
    # "Equal within .03" has a meaning for shares and for relative changes; 0.03 tokens has none.
    return EQUIVALENCE_MARGIN if outcome.kind == "share" or scale == "ratio" else 0.0


def _mirrored(estimate: Estimate) -> Estimate:
    return replace(estimate, estimate=-estimate.estimate, low=-estimate.high, high=-estimate.low)


def _empty_seeds(values: FloatArray) -> int:
    return int((~np.isfinite(values)).all(axis=0).sum())
