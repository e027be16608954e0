"""What a learning benchmark says beside the mean lift: new files, harm, reliability, net utility.

Estimates with intervals, none of them a test. docs/beside.md has their formulas and says how the
intervals were tried.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seqswe.analysis.arms import Compared, of_contrast
from seqswe.analysis.model import Analysis, Contrast, Secondary
from seqswe.runs.outcomes import COST, RESOLVED
from seqswe.statistics.arrays import FloatArray
from seqswe.statistics.harm import harm_rate
from seqswe.statistics.reliability import net_utility, part_lifts, pass_hat

WORTH = (1.0, 10.0, 100.0)
"""USD that a resolved task may be worth; whoever knows better computes from report.json."""


def beside_lift(analysis: Analysis, contrast: Contrast, pair: Compared) -> Iterator[Secondary]:
    """Every estimate beside the lift that the run's outcomes allow. pair: the contrast's arms."""
    yield from _parts(contrast, pair, seen_files(analysis, contrast.run)[pair.kept])
    if contrast.outcome.name == RESOLVED.name:
        y1, y0 = pair.values
        yield from _harm(contrast, y1, y0)
        yield from _reliability(contrast, {contrast.arm: y1, contrast.baseline: y0})
        yield from _utility(analysis, contrast)


def seen_files(analysis: Analysis, label: str) -> NDArray[np.bool_]:
    """For each task, whether an earlier task of the sequence fixed one of its gold files."""
    run = next(run for run in analysis.runs if run.label == label)
    gold = {r.position: r.gold_files for r in run.rollouts}
    tasks = max(arm.outcomes[analysis.headline_outcome.name].values.shape[0]
                for arm in analysis.arms if arm.run == label)  # fmt: skip
    seen = np.zeros(tasks, dtype=np.bool_)
    known: set[str] = set()
    for position in range(tasks):
        files = set(gold.get(position, ()))
        seen[position] = bool(files & known)
        known |= files
    return seen


def _parts(contrast: Contrast, pair: Compared, seen: NDArray[np.bool_]) -> Iterator[Secondary]:
    y1, y0 = pair.values
    lifts = part_lifts(y1, y0, seen, coupled=pair.coupled)
    if lifts is None:
        return
    new = f"{int((~seen).sum())} of {len(seen)} tasks"
    for name, title, estimate, meaning in (
        ("lift_seen_files", "Lift, files seen", lifts.inside,
         "The lift on tasks of which an earlier task fixed a file."),
        ("lift_new_files", "Lift, files new", lifts.outside,
         f"The lift on tasks whose files no earlier task fixed ({new}): what is learned, and not "
         "looked up."),
        ("lift_seen_less_new", "Seen less new", lifts.difference,
         "How much of the lift needs the same file to come again."),
    ):  # fmt: skip
        yield Secondary.of(contrast, estimate, name=name, title=title, meaning=meaning)


def _harm(contrast: Contrast, y1: FloatArray, y0: FloatArray) -> Iterator[Secondary]:
    harm = harm_rate(y1, y0)
    chance = "" if harm.by_chance is None else f" By chance alone: {100 * harm.by_chance:.1f} %."
    majority = f"the majority of {contrast.baseline}"
    yield Secondary.of(
        contrast,
        harm.lost,
        name="lost",
        title="Tasks lost",
        meaning=f"Share of rollouts that lost a task which {majority} solved.{chance}",
        unit="share",
    )
    yield Secondary.of(
        contrast,
        harm.won,
        name="won",
        title="Tasks won",
        meaning=f"Share of rollouts that solved a task which {majority} did not.",
        unit="share",
    )


def _reliability(contrast: Contrast, arms: dict[str, FloatArray]) -> Iterator[Secondary]:
    for arm, values in arms.items():
        if (k := values.shape[1] - 1) >= 2:
            yield Secondary.of(
                contrast,
                pass_hat(values, k),
                name="reliability",
                title=f"Reliability, pass^{k}",
                meaning=f"Chance that {k} further runs all resolve a task of this kind.",
                unit="share",
                between=arm,
            )


def _utility(analysis: Analysis, contrast: Contrast) -> Iterator[Secondary]:
    arms = [analysis.of_arm(contrast.run, arm) for arm in (contrast.arm, contrast.baseline)]
    if any(COST.name not in arm.outcomes for arm in arms):
        return
    pair = of_contrast(analysis, contrast, RESOLVED.name, COST.name)
    if pair is None:
        return
    y1, c1, y0, c0 = pair.values
    for worth in WORTH:
        yield Secondary.of(
            contrast,
            net_utility((y1, y0), (c1, c0), 1.0 / worth, coupled=pair.coupled),
            name=f"net_utility_{worth:g}",
            title=f"Net lift at {worth:g} USD a task",
            meaning=f"The lift less what it costs, were a resolved task worth {worth:g} USD.",
        )
