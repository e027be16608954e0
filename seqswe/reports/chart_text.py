"""What each chart shows, in words: for people who cannot see it, and for programs that read aloud.

Numbers are those that the chart is drawn from.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

import numpy as np

from seqswe.analysis import ArmResult, Contrast
from seqswe.analysis.words import change, mean_interval, plain, value
from seqswe.outcome import Outcome
from seqswe.reports.chart_base import Row, Spec


def lift_text(contrast: Contrast) -> str:
    """Where the lift starts and ends, its largest value, and where the band leaves zero."""
    curve = contrast.curve
    if curve is None:
        return ""
    number = curve.position.round().astype(int)
    high = int(np.argmax(curve.estimate))
    sure = number[(curve.low > 0.0) | (curve.high < 0.0)]
    told = [
        f"{change(contrast, contrast.shown(float(curve.estimate[i])))} at task {number[i]}"
        for i in (0, high, -1)
    ]
    away = (
        f"The band leaves zero at {len(sure)} of {len(number)} points of the curve, between tasks "
        f"{sure[0]} and {sure[-1]}."
        if len(sure)
        else "The band contains zero everywhere."
    )
    return (
        f"{contrast.outcome.title}, {contrast.name}: {told[0]}, highest {told[1]}, {told[2]}. "
        f"{away}"
    )


def lifts_text(contrasts: Iterable[Contrast]) -> str:
    """The lift of each run, one after the other."""
    return " ".join(f"{c.run}: {lift_text(c)}" for c in contrasts if c.curve)


def arms_text(arms: Iterable[ArmResult], outcome: Outcome) -> str:
    """The mean of each arm, and where its smooth starts and ends."""
    parts = []
    for arm in arms:
        shown = arm.outcomes[outcome.name]
        text = f"{arm.arm}: {mean_interval(outcome, shown.mean)} on average"
        if shown.curve is not None:
            ends = [float(shown.curve.estimate[i]) for i in (0, -1)]
            if outcome.kind == "share":
                ends = [min(1.0, max(0.0, end)) for end in ends]
            first, last = (value(outcome, end) for end in ends)
            text += f", {first} at the start and {last} at the end, smoothed"
        parts.append(text)
    return f"{outcome.title}. {'; '.join(parts)}."


def means_text(arms: Iterable[ArmResult], outcome: Outcome) -> str:
    """The mean of each seed."""
    parts = []
    for arm in arms:
        pairs = zip(arm.seeds, arm.outcomes[outcome.name].run_means, strict=True)
        seeds = ", ".join(f"seed {seed} {value(outcome, mean)}" for seed, mean in pairs)
        parts.append(f"{arm.arm}: {seeds}")
    return f"{'; '.join(parts)}."


def heatmap_text(arms: Iterable[ArmResult], outcome: Outcome) -> str:
    """How many tasks every seed of an arm solves, some do, and none does; or its mean."""
    parts = []
    for arm in arms:
        values = arm.outcomes[outcome.name].values
        known = values[np.isfinite(values).all(axis=1)]
        if outcome.percent:
            every, none = (
                int((known == 1.0).all(axis=1).sum()),
                int((known == 0.0).all(axis=1).sum()),
            )
            some = len(known) - every - none
            parts.append(f"{arm.arm}: {every} tasks in every seed, {some} in some, {none} in none")
        else:
            parts.append(f"{arm.arm}: {mean_interval(outcome, arm.outcomes[outcome.name].mean)}")
    return f"{outcome.title}. {'; '.join(parts)}."


def rows_text(spec: Spec) -> str:
    """A forest's rows: name, estimate and interval."""
    found = [row for rows in spec["datasets"].values() for row in rows if "low" in row]
    return f"{'; '.join(map(_row, found))}."


def growth_text(spec: Spec) -> str:
    """Where each line starts and ends, in kB."""
    rows: list[Row] = [row for rows in spec["datasets"].values() for row in rows]
    parts = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        mine = [row for row in rows if row["arm"] == arm]
        first, last = mine[0], mine[-1]
        parts.append(
            f"{arm}: {plain(first['value'], 1)} kB at task {first['task']}, "
            f"{plain(last['value'], 1)} kB at task {last['task']}"
        )
    return f"{'; '.join(parts)}."


def _row(row: Row) -> str:
    middle = row["mid"] if "mid" in row else row["estimate"]
    numbers = [plain(number, 2) for number in (middle, row["low"], row["high"])]
    ends = f" ({numbers[1]} to {numbers[2]})" if isfinite(row["high"] - row["low"]) else ""
    return f"{row['row']} {numbers[0]}{ends}"
