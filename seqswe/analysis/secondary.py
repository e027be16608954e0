"""The secondary estimates beside every run's primary contrast, in the order of the design.

None is a test made in advance: they carry intervals where there are any, and no p-value.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log

import numpy as np

from seqswe.analysis.arms import Compared, of_contrast
from seqswe.analysis.beside import beside_lift
from seqswe.analysis.fading import fading
from seqswe.analysis.model import Analysis, Contrast, Secondary, SweBenchClMetrics
from seqswe.analysis.oracle import against_oracle
from seqswe.arms import REPLAY, family_of
from seqswe.runs.outcomes import RESOLVED
from seqswe.statistics import (
    cold_start_penalty,
    drop_missing,
    jumpstart,
    pass_at_k,
    pass_hat_k,
    share_difference,
    shared_tasks,
    swe_bench_cl,
    time_to_threshold,
)
from seqswe.statistics.arrays import FloatArray
from seqswe.statistics.twoway import rescale

THRESHOLD = 0.05
"""The lift of which it is reported when it was first reached."""
FEWEST = 10
"""Under this many tasks nothing secondary is reported."""


def secondary(analysis: Analysis) -> tuple[Secondary, ...]:
    """Every secondary estimate that the runs allow, those of a run together."""
    return tuple(
        estimate
        for contrast in analysis.headlines()
        if contrast.lift.overall.n >= FEWEST
        for estimate in _of_run(analysis, contrast)
    )


def swe_bench_cl_metrics(analysis: Analysis) -> tuple[SweBenchClMetrics, ...]:
    """SWE-Bench-CL's metrics of every primary contrast."""
    return tuple(
        SweBenchClMetrics(
            run=contrast.run,
            contrast=contrast.name,
            metrics=swe_bench_cl(y1, y0, _replay(analysis, contrast)),
        )
        for contrast in analysis.headlines()
        for y1, y0 in [_arms(analysis, contrast).values]
    )


def _of_run(analysis: Analysis, contrast: Contrast) -> Iterator[Secondary]:
    pair = _arms(analysis, contrast)
    yield from _late(contrast, pair)
    yield from _early(contrast, pair)
    yield from against_oracle(analysis, contrast)
    if contrast.outcome.name == RESOLVED.name:
        arms = zip((contrast.arm, contrast.baseline), pair.values, strict=True)
        yield from _passes(contrast, dict(arms))
    yield from beside_lift(analysis, contrast, pair)
    yield from fading(analysis, contrast, pair)


def _late(contrast: Contrast, pair: Compared) -> Iterator[Secondary]:
    lift = contrast.lift
    if lift.late:
        yield Secondary.of(
            contrast,
            lift.late,
            name="late_lift",
            title="Late lift, last third",
            meaning="The lift once the memory has filled.",
        )
    if lift.slope:
        yield Secondary.of(
            contrast,
            lift.slope,
            name="slope",
            title="Slope",
            meaning="Lift gained from the first task to the last, along a straight line.",
        )
    if lift.log_slope:
        yield Secondary.of(
            contrast,
            rescale(lift.log_slope, log(2.0)),
            name="lift_per_doubling",
            title="Lift per doubling",
            meaning="Lift gained each time the number of tasks doubles.",
        )
    yield Secondary.of(
        contrast,
        cold_start_penalty(*pair.values, coupled=pair.coupled),
        name="cold_start_penalty",
        title="Cold-start penalty",
        meaning="What the empty start cost: tasks that would have come on top, had the late lift "
        "held from the first task.",
        unit="tasks",
    )


def _early(contrast: Contrast, pair: Compared) -> Iterator[Secondary]:
    first = min(20, max(5, len(pair.values[0]) // 10))
    start = jumpstart(*pair.values, first=first, coupled=pair.coupled)
    yield Secondary.of(
        contrast,
        share_difference(start) if contrast.outcome.kind == "share" else start,
        name="jumpstart",
        title=f"Jumpstart, first {first} tasks",
        meaning="A control, near zero: both memories begin empty. A clear difference so early "
        "says that a small memory misleads, or that the arms differ in more than what accumulated.",
    )
    if contrast.curve:
        threshold = time_to_threshold(contrast.curve, THRESHOLD)
        yield Secondary.of(
            contrast,
            threshold.reached,
            ends=(threshold.earliest, threshold.latest),
            name="time_to_threshold",
            title=f"Time to a lift of {THRESHOLD:g}",
            meaning="From the first task whose band reaches that lift to the first whose band lies "
            "wholly above it: the smoothed lift gets there between them. Not shown if none does.",
            unit="task number",
        )


def _passes(contrast: Contrast, arms: dict[str, FloatArray]) -> Iterator[Secondary]:
    for arm, values in arms.items():
        if (k := int(np.isfinite(values).sum(axis=1).max())) < 2:
            continue
        for name, title, who, share in (
            ("pass_at_k", f"pass@{k}", f"at least one of {k} seeds", pass_at_k(values, k)),
            ("pass_hat_k", f"pass^{k}", f"all {k} seeds", pass_hat_k(values, k)),
        ):
            yield Secondary.of(
                contrast,
                share,
                name=name,
                title=title,
                meaning=f"Share of tasks that {who} resolved.",
                unit="share",
                between=arm,
            )


def _arms(analysis: Analysis, contrast: Contrast) -> Compared:
    """The contrast's arms side by side. Raises ValueError without a task that both have."""
    pair = of_contrast(analysis, contrast, contrast.outcome.name)
    if pair is None:
        raise ValueError(f"{contrast.name} compares nothing.")
    return pair


def _replay(analysis: Analysis, contrast: Contrast) -> FloatArray | None:
    """The contrast's tasks again with the final memory; None unless all of them were."""
    kept = _arms(analysis, contrast).kept
    for arm in (a for a in analysis.arms if a.run == contrast.run):
        if family_of(arm.arm) == REPLAY:
            values = arm.outcomes[contrast.outcome.name].values
            if shared_tasks(values)[kept].all():
                (again,), _ = drop_missing(values[kept])
                return again
    return None
