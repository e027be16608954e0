"""What a learning benchmark says beside the mean lift: new files, harm, reliability, net utility.

Estimates with intervals, none of them a test. docs/beside.md has their formulas and says how the
intervals were tried.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seqswe.analysis.arms import Compared, matrix, of_contrast
from seqswe.analysis.model import Analysis, Contrast, RunResult, Secondary
from seqswe.arms import BASELINE
from seqswe.outcome import share
from seqswe.runs.outcomes import COST, RESOLVED
from seqswe.statistics.arrays import FloatArray
from seqswe.statistics.confidence import SURE, confidence
from seqswe.statistics.harm import harm_rate
from seqswe.statistics.reliability import net_utility, part_lifts, pass_hat

WORTH = (1.0, 10.0, 100.0)
"""USD that a resolved task may be worth; whoever knows better computes from report.json."""
CONFIDENCE = share("confidence", "Confidence", lambda rollout: rollout.confidence)


def beside_lift(analysis: Analysis, contrast: Contrast, pair: Compared) -> Iterator[Secondary]:
    """Every estimate beside the lift that the run's outcomes allow. pair: the contrast's arms."""
    yield from _parts(contrast, pair, seen_files(analysis, contrast.run)[pair.kept])
    yield from _transfer(contrast, pair, from_other_files(analysis, contrast)[pair.kept])
    if contrast.outcome.name == RESOLVED.name:
        y1, y0 = pair.values
        yield from _harm(contrast, y1, y0)
        yield from _reliability(contrast, {contrast.arm: y1, contrast.baseline: y0})
        yield from _utility(analysis, contrast)
        yield from _confidence(analysis, contrast)


def seen_files(analysis: Analysis, label: str) -> NDArray[np.bool_]:
    """For each task, whether an earlier task of the sequence fixed one of its gold files."""
    run = _run(analysis, label)
    gold = {r.position: r.gold_files for r in run.rollouts}
    seen = np.zeros(_tasks(analysis, label), dtype=np.bool_)
    known: set[str] = set()
    for position in range(len(seen)):
        files = set(gold.get(position, ()))
        seen[position] = bool(files & known)
        known |= files
    return seen


def from_other_files(analysis: Analysis, contrast: Contrast) -> NDArray[np.bool_]:
    """For each task, whether what was recalled comes from other modules than its own, by origins.

    True where in most runs something was recalled from tasks that fixed files, none of them a gold
    file of this one. A module is a file, as in Python.
    """
    run = _run(analysis, contrast.run)
    gold = {r.instance_id: frozenset(r.gold_files) for r in run.rollouts}
    other: dict[int, list[bool]] = {}
    for r in run.rollouts:
        if r.arm == contrast.arm and r.graded and r.gold_files:
            sources = frozenset[str]().union(*(gold.get(o, ()) for o in r.recalled_from))
            other.setdefault(r.position, []).append(
                bool(sources) and not sources & gold[r.instance_id]
            )
    flags = np.zeros(_tasks(analysis, contrast.run), dtype=np.bool_)
    for position, votes in other.items():
        flags[position] = np.mean(votes) > 0.5
    return flags


def _run(analysis: Analysis, label: str) -> RunResult:
    return next(run for run in analysis.runs if run.label == label)


def _tasks(analysis: Analysis, label: str) -> int:
    name = analysis.headline_outcome.name
    return max(len(a.outcomes[name].values) for a in analysis.arms if a.run == label)


def _transfer(contrast: Contrast, pair: Compared, other: NDArray[np.bool_]) -> Iterator[Secondary]:
    y1, y0 = pair.values
    lifts = part_lifts(y1, y0, other, coupled=pair.coupled)
    if lifts:
        yield Secondary.of(
            contrast,
            lifts.inside,
            name="lift_other_modules",
            title="Lift, from other modules",
            meaning="The lift on tasks for which nothing was recalled from their own files "
            f"({int(other.sum())} of {len(other)} tasks): what carries over to other modules.",
        )


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


def _confidence(analysis: Analysis, contrast: Contrast) -> Iterator[Secondary]:
    """What the agent's stated confidence is worth in each arm, where it states one."""
    run = _run(analysis, contrast.run)
    for name in (contrast.arm, contrast.baseline):
        seeds = analysis.of_arm(contrast.run, name).seeds
        rollouts = [r for r in run.rollouts if r.arm == name]
        if (name == BASELINE and run.lender) or all(r.confidence is None for r in rollouts):
            continue
        stated, resolved = (
            matrix(outcome, rollouts, seeds, _tasks(analysis, contrast.run))
            for outcome in (CONFIDENCE, RESOLVED)
        )
        found = confidence(stated, resolved)
        if found is None:
            continue
        yield Secondary.of(
            contrast,
            found.brier,
            name="brier",
            title="Brier score of confidence",
            meaning="Mean of (confidence − resolved)²: 0 is perfect, .25 fifty-fifty.",
            unit="share",
            between=name,
        )
        yield Secondary.of(
            contrast,
            found.over,
            name="overconfidence",
            title="Overconfidence",
            meaning="Stated confidence less what was resolved: above zero, it is too sure.",
            between=name,
        )
        if found.when_sure:
            yield Secondary.of(
                contrast,
                found.when_sure,
                name="resolved_when_sure",
                title=f"Resolved when {100 * SURE:.0f} % sure",
                meaning=f"Share resolved of rollouts with a confidence of {SURE:g} or more "
                f"({found.when_sure.n} tasks).",
                unit="share",
                between=name,
            )
