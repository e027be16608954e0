"""The secondary estimates beside every run's primary contrast, in the order of the design.

None is a test made in advance: they carry intervals where there are any, and no p-value.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log

from seqswe.analysis.arms import complete_tasks, started
from seqswe.analysis.beside import beside_lift
from seqswe.analysis.model import Analysis, Contrast, Secondary, SweBenchClMetrics
from seqswe.analysis.oracle import against_oracle
from seqswe.arms import REPLAY, family_of
from seqswe.runs.outcomes import RESOLVED
from seqswe.statistics import (
    cold_start_penalty,
    jumpstart,
    pass_at_k,
    pass_hat_k,
    swe_bench_cl,
    time_to_threshold,
)
from seqswe.statistics.arrays import FloatArray
from seqswe.statistics.twoway import rescale

THRESHOLD = 0.05
"""The lift whose first reaching is reported."""
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
            metrics=swe_bench_cl(*_arms(analysis, contrast), _replay(analysis, contrast)),
        )
        for contrast in analysis.headlines()
    )


def _of_run(analysis: Analysis, contrast: Contrast) -> Iterator[Secondary]:
    y1, y0 = _arms(analysis, contrast)
    yield from _late(contrast, y1, y0)
    yield from _early(contrast, y1, y0)
    yield from against_oracle(analysis, contrast)
    if contrast.outcome.name == RESOLVED.name:
        yield from _passes(contrast, {contrast.arm: y1, contrast.baseline: y0})
    yield from beside_lift(analysis, contrast)


def _late(contrast: Contrast, y1: FloatArray, y0: FloatArray) -> Iterator[Secondary]:
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
        cold_start_penalty(y1, y0),
        name="cold_start_penalty",
        title="Cold-start penalty",
        meaning="What the empty start cost: tasks that would have come on top, had the late lift "
        "held from the first task.",
        unit="tasks",
    )


def _early(contrast: Contrast, y1: FloatArray, y0: FloatArray) -> Iterator[Secondary]:
    first = min(20, max(5, len(y1) // 10))
    yield Secondary.of(
        contrast,
        jumpstart(y1, y0, first=first),
        name="jumpstart",
        title=f"Jumpstart, first {first} tasks",
        meaning="A control, near zero: both memories begin empty. A clear difference so early "
        "says that a small memory misleads, or that the arms differ in more than what accumulated.",
    )
    if contrast.curve:
        threshold = time_to_threshold(contrast.curve, THRESHOLD)
        sure = "nowhere" if threshold.sure is None else f"from task {threshold.sure:.0f}"
        yield Secondary.of(
            contrast,
            threshold.reached,
            name="time_to_threshold",
            title=f"Time to a lift of {THRESHOLD:g}",
            meaning="Where the smoothed lift first got there; its simultaneous band lies wholly "
            f"above it {sure}.",
            unit="task number",
        )


def _passes(contrast: Contrast, arms: dict[str, FloatArray]) -> Iterator[Secondary]:
    for arm, values in arms.items():
        if (k := values.shape[1]) < 2:
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


def _arms(analysis: Analysis, contrast: Contrast) -> tuple[FloatArray, FloatArray]:
    first, second = (_values(analysis, contrast, arm) for arm in (contrast.arm, contrast.baseline))
    kept = complete_tasks(first, second)
    return started(first)[kept], started(second)[kept]


def _replay(analysis: Analysis, contrast: Contrast) -> FloatArray | None:
    """The contrast's tasks again with the final memory; None unless all of them were."""
    kept = complete_tasks(
        *(_values(analysis, contrast, arm) for arm in (contrast.arm, contrast.baseline))
    )
    for arm in (a.arm for a in analysis.arms if a.run == contrast.run):
        if family_of(arm) == REPLAY:
            values = _values(analysis, contrast, arm)
            if complete_tasks(values)[kept].all():
                return started(values)[kept]
    return None


def _values(analysis: Analysis, contrast: Contrast, arm: str) -> FloatArray:
    return analysis.of_arm(contrast.run, arm).outcomes[contrast.outcome.name].values
