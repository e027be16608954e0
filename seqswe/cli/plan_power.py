"""What a plan can find, and what finding more would cost: the last lines of `seqswe plan`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from seqswe.arms import BASELINE, SEQUENTIAL
from seqswe.errors import UsageError
from seqswe.experiment import Plan

if TYPE_CHECKING:
    from seqswe.statistics.planning import RunCounts

POINTS = re.compile(r"\s*(\d{1,2}(?:\.\d+)?)\s*(?:points?)?\s*")
SAVES = 0.02
"""Another split is told if the lift that it finds is smaller by more than this part."""


def points(text: str) -> float:
    """`5points` as a share. Raises UsageError for anything but points above 0 and up to 50."""
    found = POINTS.fullmatch(text)
    share = float(found[1]) / 100 if found else 0.0
    if not 0.001 <= share <= 0.5:
        raise UsageError(
            f"{text!r:.40} is no lift that can be planned for",
            "Give points, 0.1 to 50, such as --detect 5points.",
        )
    return share


def power_lines(planned: Plan, power: float, sought: float | None) -> Iterator[str]:
    """The lift that is found with this power, and what it costs to find the one that is sought."""
    from seqswe.analysis.coupling import is_coupled
    from seqswe.statistics.planning import RunCounts
    from seqswe.statistics.twoway import MINIMUM_RUNS

    experiment, n = planned.experiment, len(planned.instance_ids)
    seeds = experiment.seeds_by_arm
    if not {BASELINE, SEQUENTIAL} <= seeds.keys():
        yield f"statistics: no lift without the arms {BASELINE} and {SEQUENTIAL}, or --baseline RUN"
        return
    if n < 2:
        yield "statistics: a lift needs at least two tasks"
        return
    k1, k0 = seeds[SEQUENTIAL], seeds[BASELINE]
    coupled = is_coupled(experiment.agent, None)
    if coupled:  # only seeds that both arms have are compared
        k1 = k0 = min(k1, k0)
    tested = min(k1, k0) >= MINIMUM_RUNS
    if tested:
        yield from _found(RunCounts(n=n, k1=k1, k0=k0, coupled=coupled), power)
    else:
        yield "statistics: SINGLE-RUN, no p-value under 3 seeds; 5 or more for a headline"
    if sought is not None:
        cost = experiment.rollout_cost
        yield _cost(n, sought, power, coupled=coupled, each=cost)
    if tested or sought is not None:
        yield _assumed(coupled)


def _found(runs: RunCounts, power: float) -> Iterator[str]:
    """The lift that is found, and that of another split of as many runs, if it is smaller."""
    from seqswe.statistics.planning import best_split, detectable_lift

    lift, chance = detectable_lift(runs, power), f"{100 * power:.0f} % power"
    if lift is None:
        yield f"statistics: too few tasks and runs to find any lift with {chance}"
    else:
        yield f"statistics: a mean lift of {100 * lift:.1f} points is detected with {chance}"
    best = best_split(runs.n, runs.k1 + runs.k0, coupled=runs.coupled)
    other = detectable_lift(best, power)
    if other and (lift is None or other < (1 - SAVES) * lift):
        yield f"  with as many rollouts, --seeds {_seeds(best)} detects {100 * other:.1f} points"


def _cost(n: int, sought: float, power: float, *, coupled: bool, each: float) -> str:
    from seqswe.statistics.planning import MOST_RUNS, cheapest

    wished = f"  to find {100 * sought:g} points with {100 * power:.0f} % power"
    best = cheapest(n, sought, power, coupled=coupled)
    if best is None:
        return f"{wished}: more than {MOST_RUNS} runs over these {n} tasks; take more tasks"
    cost = f", at most {best.rollouts * each:,.2f} USD" if each else ""
    return f"{wished}: --seeds {_seeds(best)}, {best.rollouts:,} rollouts{cost}"


def _assumed(coupled: bool) -> str:
    from seqswe.statistics.planning import ICC, RATE, SAME_DICE, SETS
    from seqswe.statistics.power import SIGMA_RUN

    dice = f"; {100 * SAME_DICE:.0f} % of rollouts draw the same dice in both arms"
    return (
        f"  assumed: {100 * RATE:.0f} % resolved without memory, {100 * ICC:.0f} % of its variance "
        f"between tasks; sequential runs differ by {100 * SIGMA_RUN:.2f} points (standard "
        f"deviation){dice if coupled else ''}; up to {SETS:,} simulated datasets, tested as by "
        "`report`"
    )


def _seeds(runs: RunCounts) -> str:
    if runs.k1 == runs.k0:
        return str(runs.k1)
    return f"{BASELINE}={runs.k0},{SEQUENTIAL}={runs.k1}"
