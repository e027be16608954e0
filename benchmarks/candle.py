"""The candle's table from finished runs: `python -m benchmarks.candle RUN [RUN ...]`.

Every run's sequential arm is held against the iid arm of the first run, task by task and on the
same seeds: with an empty memory the arms of all memories are one and the same, and one seed
against the mean of three would take the agent's luck for the memory's. Markdown, one line per run.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from seqswe.analysis import Analysis, analyse
from seqswe.analysis.contrasts import contrast
from seqswe.analysis.efficiency import efficiencies
from seqswe.analysis.model import ArmResult
from seqswe.analysis.words import change, interval, mean_interval, p_value
from seqswe.arms import BASELINE
from seqswe.runs.outcomes import RESOLVED
from seqswe.runs.store import RunDirectory

HEADER = (
    "| Memory | Tasks, seeds | Resolved (95 % interval) | Lift (95 % interval) | p "
    "| Executions per resolved | Results |\n|---|---|---|---|---|---|---|"
)


def row(analysis: Analysis, arm: ArmResult, baseline: ArmResult) -> str:
    """One line of the table."""
    run = next(r for r in analysis.runs if r.label == arm.run)
    resolved = arm.outcomes[RESOLVED.name]
    lift, p = "", ""
    if arm is not baseline and (found := contrast(arm, on_seeds(baseline, arm.seeds), RESOLVED)):
        lift = f"{change(found, found.estimate)} ({interval(found)})"
        p = p_value(found.lift.overall.p)
    spent = [e.per_resolved for e in efficiencies(arm, arm) if e.outcome.name == "executions"]
    each = f"{spent[0]:.1f}" if spent and spent[0] is not None else "–"
    cells = (
        "(none: iid)" if arm is baseline else run.info.experiment.memory,
        f"{arm.tasks}, {len(arm.seeds)}",
        mean_interval(RESOLVED, resolved.mean),
        lift,
        p,
        each,
        f"`{run.results_digest[:19]}…`",
    )
    return f"| {' | '.join(cells)} |"


def on_seeds(arm: ArmResult, seeds: tuple[int, ...]) -> ArmResult:
    """An arm with some of its seeds' resolved tasks. Raises ValueError for a seed it has not."""
    resolved = arm.outcomes[RESOLVED.name]
    columns = [arm.seeds.index(seed) for seed in seeds]
    values = resolved.values[:, columns]
    return replace(arm, seeds=seeds, outcomes={RESOLVED.name: replace(resolved, values=values)})


def main() -> None:
    """Print the table of the runs named."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    analysis = analyse([RunDirectory.open(Path(name)) for name in sys.argv[1:]])
    baseline = next(arm for arm in analysis.arms if arm.arm == BASELINE)
    print(HEADER)
    print(row(analysis, baseline, baseline))
    for arm in analysis.arms:
        if arm.arm != BASELINE:
            print(row(analysis, arm, baseline))


if __name__ == "__main__":
    main()
