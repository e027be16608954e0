"""One arm against another, outcome by outcome, and several runs judged together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from seqswe.analysis.arms import CURVE_TASKS, compared, on_axis
from seqswe.analysis.model import ArmResult, Contrast, Scale
from seqswe.arms import BASELINE, is_probe
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
from seqswe.statistics.twoway import mirrored

LEVEL = 0.95
"""Of intervals, at the first look at a run."""
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


def contrast(
    arm: ArmResult,
    baseline: ArmResult,
    outcome: Outcome,
    *,
    doses: Iterable[Estimate | None] = (),
    level: float = LEVEL,
    final: bool = True,
) -> Contrast | None:
    """Compare two arms on one outcome; None where fewer than two tasks have it in both.

    doses: what the arm gains with the dose of memory, for the question whether its lift grows.
    final: whether every rollout that was planned has a verdict.
    """
    pair = compared((arm, baseline), outcome.name)
    if pair is None:
        return None
    y1, y0 = pair.values
    scale: Scale = "difference"
    if outcome.kind == "amount" and not any((y <= 0).any() for y in (y1, y0)):
        scale, y1, y0 = "ratio", np.log(y1), np.log(y0)
    lift = compare_arms(
        y1,
        y0,
        missing=pair.missing,
        coupled=pair.coupled,
        share=outcome.kind == "share",
        margin=_margin(outcome, scale),
        level=level,
    )
    enough = len(y1) >= CURVE_TASKS
    curve = on_axis(lift_curve(y1, y0, coupled=pair.coupled), pair.kept) if enough else None
    return Contrast(
        run=arm.run,
        arm=arm.arm,
        baseline=baseline.arm,
        outcome=outcome,
        scale=scale,
        lift=replace(lift, verdict=improvement(lift, outcome, growth=(lift.slope, *doses))),
        curve=curve,
        dropped_seeds=_dropped_seeds(arm, y1) + _dropped_seeds(baseline, y0),
        final=final,
    )


def improvement(
    lift: Lift,
    outcome: Outcome,
    *,
    growth: Iterable[Estimate | None],
    adjusted_p: float | None = None,
) -> LiftVerdict:
    """The verdict on a lift, GAIN meaning better: for a cost, that it went down."""
    overall = _for_the_better(lift.overall, outcome)
    slopes = [_for_the_better(slope, outcome) for slope in growth if slope]
    return judge(overall, growth=slopes, adjusted_p=adjusted_p, margin=lift.verdict.margin)


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
    """The same contrast with Holm's p-value, which may take its word away but gives it none."""
    lift = item.lift
    verdict = improvement(lift, item.outcome, growth=(), adjusted_p=p)
    if verdict.word.better and lift.verdict.word.better:
        verdict = lift.verdict
    return replace(item, lift=replace(lift, adjusted_p=p, verdict=verdict))


def _margin(outcome: Outcome, scale: Scale) -> float:
    # "Equal within .03" has a meaning for shares and for relative changes; 0.03 tokens has none.
    return EQUIVALENCE_MARGIN if outcome.kind == "share" or scale == "ratio" else 0.0


def _for_the_better(estimate: Estimate, outcome: Outcome) -> Estimate:
    return estimate if outcome.better == "higher" else mirrored(estimate)


def _dropped_seeds(arm: ArmResult, values: FloatArray) -> int:
    return len(arm.seeds) - len(values[0])
