"""How often a history marks what is not there, and finds a drop where it began.

`python -m benchmarks.history [--count 400]` plants histories of weekly runs (tasks of beta-binomial
difficulty, runs that differ by a luck of their own) without a change, and with a drop in week 5.
"""

from __future__ import annotations

from math import sqrt

import click
import numpy as np

from seqswe.comparison.baseline import Baseline
from seqswe.comparison.history import Entry, history

WEEKS, DROP_WEEK = 8, 5
LUCK = 0.0235
"""Standard deviation of a run's own luck, in shares of tasks (docs/calibration.md)."""


def plant(draw: np.random.Generator, tasks: int, seeds: int, drop: float) -> list[Entry]:
    """Weekly runs; from week 5 on every task is solved less often by `drop`."""
    easy = draw.beta(0.8, 0.8, size=(tasks, 1))
    entries = []
    for week in range(1, WEEKS + 1):
        luck = draw.normal(0.0, LUCK, size=(1, seeds))
        chance = np.clip(easy * (1.0 - drop * (week >= DROP_WEEK)) + luck, 0.0, 1.0)
        solved = (draw.random((tasks, seeds)) < chance).astype(float)
        run = Baseline(
            codebase="planted",
            sequence_digest="",
            instance_ids=tuple(f"task-{i}" for i in range(tasks)),
            settings={},
            looks=1,
            arms={"sequential": {"resolved": solved.T.tolist()}},
            results_digest=str(week),
            coupled=False,
        )
        entries.append(Entry(label=f"week-{week}", day="", run=run))
    return entries


@click.command()
@click.option("--count", default=400, show_default=True, help="Histories of each kind.")
@click.option("--tasks", default=60, show_default=True)
@click.option("--seeds", default=3, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(count: int, tasks: int, seeds: int, seed: int) -> None:
    """Print the share of histories with a mark by drop: any, one in week 5, one elsewhere."""
    draw = np.random.default_rng(seed)
    print(f"{count} histories of {WEEKS} runs, {tasks} tasks, {seeds} seeds, seed {seed}")
    print(f"{'share lost':>10}{'any mark':>18}{'in week 5':>18}{'in another week':>18}")
    for drop in (0.0, 0.25, 0.5):
        marks = [set(history(plant(draw, tasks, seeds, drop)).shifts) for _ in range(count)]
        there = {DROP_WEEK - 1} if drop else set()
        shares = (
            np.mean([bool(found) for found in marks]),
            np.mean([bool(found & there) for found in marks]),
            np.mean([bool(found - there) for found in marks]),
        )
        cells = [f"{s:.3f} ± {1.96 * sqrt(s * (1 - s) / count):.3f}" for s in shares]
        print(f"{drop:>10.2f}" + "".join(f"{cell:>18}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
