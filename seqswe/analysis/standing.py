"""Several runs over the same tasks in their order, with ranks that are intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqswe.analysis.model import Analysis, ArmResult, Contrast
from seqswe.statistics import Estimate, share_difference, standings, two_way
from seqswe.statistics.arrays import on_shared_tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One run among others: its headline, and the ranks that the data do not exclude (1 is best).

    The ranks are None where no pair of runs can be tested.
    """

    contrast: Contrast
    mean: Estimate | None
    ranks: tuple[int, int] | None


def run_standings(analysis: Analysis) -> tuple[Standing, ...]:
    """The finished runs of one sequence, the best first; none where fewer than two can be held
    against each other.

    Each pair is compared on the arm that the headline is about, paired by task; Holm over all
    pairs makes the ranks true together (95 %).
    """
    runs = {run.label: run for run in analysis.runs}
    headlines = [c for c in analysis.headlines() if runs[c.run].complete]
    if len({(runs[c.run].info.sequence_digest, c.arm) for c in headlines}) != 1:
        return ()
    if len(headlines) < 2:
        return ()
    arms = [analysis.of_arm(c.run, c.arm) for c in headlines]
    outcome = analysis.headline_outcome
    gaps = np.zeros((len(arms), len(arms)))
    p = np.full(gaps.shape, np.nan)
    for i, j in zip(*np.triu_indices(len(arms), k=1), strict=True):
        found = _difference(arms[i], arms[j], analysis)
        if found is not None and found.p is not None:
            gaps[i, j], p[i, j] = found.estimate, found.p
    sign = 1.0 if outcome.better == "higher" else -1.0
    order = standings(sign * gaps, p) if np.isfinite(p).any() else None
    made = [
        Standing(
            contrast=contrast,
            mean=arm.outcomes[outcome.name].mean,
            ranks=(int(order.lowest[i]), int(order.highest[i])) if order else None,
        )
        for i, (contrast, arm) in enumerate(zip(headlines, arms, strict=True))
    ]
    return tuple(sorted(made, key=lambda s: -sign * (s.mean.estimate if s.mean else -np.inf)))


def _difference(first: ArmResult, second: ArmResult, analysis: Analysis) -> Estimate | None:
    outcome = analysis.headline_outcome
    y1, y0 = (arm.outcomes[outcome.name].values for arm in (first, second))
    agents = {
        run.info.experiment.agent for run in analysis.runs if run.label in (first.run, second.run)
    }
    coupled = first.coupled and second.coupled and len(agents) == 1
    if coupled:
        seeds = min(y1.shape[1], y0.shape[1])
        y1, y0 = y1[:, :seeds], y0[:, :seeds]
    if len(y1) != len(y0) or (known := on_shared_tasks(y1, y0, coupled=coupled)) is None:
        return None
    found = two_way(*known, coupled=coupled)
    return share_difference(found) if outcome.kind == "share" else found
