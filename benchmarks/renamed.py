"""The lift with and without renaming: `python -m benchmarks.renamed RUN RENAMED [RUN RENAMED ...]`.

Each pair is a run over a codebase and one over its renamed sequence, by the same agent and memory.
Only tasks that both have count, task by task: what did not prove after renaming is left out of
both. Markdown, one line per run, and one for the difference of the two lifts.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqswe.analysis import Analysis, analyse
from seqswe.arms import SEQUENTIAL
from seqswe.runs.store import RunDirectory
from seqswe.statistics import Estimate, two_way
from seqswe.statistics.arrays import FloatArray

HEADER = "| Sequence | Tasks | iid | sequential | lift (95 % interval) |\n|---|---|---|---|---|"


def by_task(analysis: Analysis) -> dict[str, FloatArray]:
    """The headline outcome of each task in both arms (2, seeds), where there is all of it."""
    [run] = analysis.runs
    name = analysis.headline_outcome.name
    arms = [analysis.of_arm(run.label, arm).outcomes[name].values for arm in (SEQUENTIAL, "iid")]
    both = np.stack(arms, axis=1)
    pairs = zip(run.info.instance_ids, both, strict=False)
    return {task: values for task, values in pairs if np.isfinite(values).all()}


def row(name: str, values: FloatArray) -> str:
    """One line of the table, of (tasks, 2, seeds)."""
    lift = two_way(values[:, 0], values[:, 1])
    means = values.mean(axis=(0, 2))
    return f"| {name} | {len(values)} | {means[1]:.3f} | {means[0]:.3f} | {shown(lift)} |"


def shown(lift: Estimate) -> str:
    """`+.049 (-.055 to +.154)`."""
    return f"{lift.estimate:+.3f} ({lift.low:+.3f} to {lift.high:+.3f})"


def table(plain: Analysis, renamed: Analysis) -> list[str]:
    """The lines of one pair. Raises ValueError for runs without a task in common."""
    tasks = [by_task(plain), by_task(renamed)]
    common = [task for task in tasks[0] if task in tasks[1]]
    if not common:
        raise ValueError("the two runs have no task in common")
    values = [np.stack([each[task] for task in common]) for each in tasks]
    name = Path(plain.runs[0].info.experiment.codebase).name
    lifts = [each[:, 0] - each[:, 1] for each in values]
    difference = two_way(lifts[1], lifts[0])
    return [
        row(name, values[0]),
        row(f"{name}, renamed", values[1]),
        f"| {name}: renamed − plain | {len(common)} | | | {shown(difference)} |",
    ]


def main(arguments: Sequence[str]) -> None:
    """Print the table of the pairs named."""
    print(HEADER)
    for runs in zip(arguments[::2], arguments[1::2], strict=True):
        plain, renamed = (analyse([RunDirectory.open(Path(run))]) for run in runs)
        print("\n".join(table(plain, renamed)))


if __name__ == "__main__":
    main(sys.argv[1:])
