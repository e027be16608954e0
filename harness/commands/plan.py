"""`seqswe plan`: what a run would do, take and cost. Needs no Docker and changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from harness.codebases.locate import is_here
from harness.commands.beginning import (
    free_folder,
    out_option,
    warn_of_unknown_variables,
    with_demo,
)
from harness.commands.study import study_of
from harness.loop.loaded_experiment import CheckedExperiment
from seqswe import plugins
from seqswe.arms import is_diagnostic
from seqswe.cli.echo import echo, tell, verbose
from seqswe.cli.options import (
    DEFAULT,
    ExperimentCommand,
    experiment_options,
    matrix_of,
    sources,
    suite_option,
)
from seqswe.cli.plan_power import points, power_lines
from seqswe.experiment import Experiment, Plan
from seqswe.manifests.instructions import InstructionCounts
from seqswe.manifests.manifest import Manifest
from seqswe.runs.estimates import estimates
from seqswe.runs.folders import runs_below
from seqswe.runs.matrix import Matrix
from seqswe.runs.store import RunDirectory
from seqswe.runs.study import CHOSEN
from seqswe.sandbox import Environment

ROLLOUT_BYTES = 60_000
"""Files of one rollout: what localizer runs on sqlglot leave behind, rounded up."""
IMAGE_BYTES = 300_000_000
"""The image of one Python, which all its environments share."""
ENVIRONMENT_BYTES = 40_000_000
"""Packages of one environment that no other has: the mean of 178 in 16 codebases, rounded up."""
MAIN = frozenset({"codebase", "agent", "memory", "arm", "seeds", "limit", "feedback", "sandbox"})
"""Settings that are shown though they are at their defaults."""


@click.command(cls=ExperimentCommand)
@experiment_options
@out_option
@suite_option
@click.option(
    "--detect",
    metavar="POINTS",
    help="Also say what it costs to find a mean lift of so many points, such as 5 or 5points.",
)
@click.option(
    "--power",
    default=80,
    show_default=True,
    type=click.IntRange(10, 99),
    help="Chance in per cent to find the lift, if it is there.",
)
@click.pass_context
def plan(
    ctx: click.Context,
    /,
    out: Path | None,
    suite: str,
    detect: str | None,
    power: int,
    **values: Any,
) -> None:
    """Show what a run would do, and refuse what it would refuse.

    Prints the settings that say most or are not at their defaults, and where each came from (with
    --verbose all), the rollouts, and bounds on disk, time and cost, from the runs below the current
    folder. It needs no Docker, clones nothing and writes nothing.
    The lift that can be found is simulated with the test that `seqswe report` makes:
    docs/planning.md. Of a --suite or a [matrix] also which mean lift over the codebases would be
    seen.

    \b
    seqswe plan                                           the demo's experiment
    seqswe plan --codebase sqlglot --limit 100 --seeds 5
    seqswe plan --config experiment.toml --detect 5points
    """
    if suite or matrix_of(ctx):
        _plan_study(suite, matrix_of(ctx), Experiment(**values), sources(ctx))
        return
    values, origin = with_demo(ctx, values)
    experiment = Experiment(**values)
    sought = points(detect) if detect else None
    out = out or free_folder(experiment)
    RunDirectory.check_new(out)
    warn_of_unknown_variables(experiment)
    checked = CheckedExperiment.check(experiment, out)
    here = is_here(checked.manifest, experiment.mirror)
    checked.try_plugins()
    checked.plugins.close()
    _settings(experiment, origin)
    echo()
    facts = [*_facts(checked.plan, checked.manifest)]
    facts += power_lines(checked.plan, power / 100, sought)
    if not here:
        facts.append(f"clone: to be made from {checked.manifest.url}, once")
    facts += estimates(runs_below(Path()), checked.plan)
    facts.append(f"folder: {out}")
    for line in facts:
        echo(line)
    tell(
        settings=experiment.as_dict(),
        origins=origin,
        tasks=len(checked.plan.instance_ids),
        rollouts=checked.plan.rollouts,
        facts=facts,
        out=str(out),
    )


def _plan_study(
    suite: str, matrix: Matrix, experiment: Experiment, origin: Mapping[str, str]
) -> None:
    from harness.commands.plan_study import study_facts

    given = [setting for setting, where in origin.items() if where != DEFAULT]
    study = study_of(suite, matrix, given, experiment, Path())
    for one in map(study.settings, study.parts):
        plugins.options("agent", one.agent, one.agent_option)
        plugins.options("memory", one.memory, one.memory_option)
        one.sandbox_choice.check()
    facts = list(study_facts(study))
    varied = {name for part in study.parts for name in part.settings}
    _settings(experiment, origin, without={*varied, *(CHOSEN if suite else ())})
    echo()
    for line in facts:
        echo(line)
    tell(settings=experiment.as_dict(), origins=origin, facts=facts)


def _settings(
    experiment: Experiment, origin: Mapping[str, str], without: Collection[str] = ()
) -> None:
    width = max(map(len, origin))
    settings = {k: v for k, v in experiment.as_dict().items() if k not in without}
    usual = {name for name in settings if origin[name] == DEFAULT} - MAIN
    for name, value in settings.items():
        if name not in usual or verbose():
            text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
            echo(f"{name:{width}} {text or '-':28} {origin[name]}")
    if usual and not verbose():
        echo(f"{len(usual)} others are at their defaults; --verbose shows them")


def _facts(planned: Plan, manifest: Manifest) -> list[str]:
    count = len(planned.instance_ids)
    records = manifest.instances[:count]
    used = [manifest.environment(key) for key in {r.environment for r in records}]
    return [
        f"{counted(count, 'task')} of {manifest.name}, {records[0].created_at.date()} to "
        f"{records[-1].created_at.date()}, {counted(len(used), 'environment')}",
        *([f"renamed: {manifest.renamed.note}"] if manifest.renamed else []),
        *_arms(planned),
        *instruction_lines([r.instructions for r in records]),
        f"{disk(used, planned.rollouts)}, beside the clone and its packs",
    ]


def disk(environments: Sequence[Environment], rollouts: int) -> str:
    """What environments and rollouts take on disk, in words."""
    parts = {
        "images": len({e.python for e in environments}) * IMAGE_BYTES,
        "environments": len(environments) * ENVIRONMENT_BYTES,
        "rollouts": rollouts * ROLLOUT_BYTES,
    }
    told = ", ".join(f"{name} {size / 1e9:.1f}" for name, size in parts.items())
    return f"disk: some {sum(parts.values()) / 1e9:.1f} GB ({told})"


def _arms(planned: Plan) -> list[str]:
    """The rollouts of each arm, and which arms are not part of the headline."""
    count, seeds = len(planned.instance_ids), planned.experiment.seeds
    cells = {cell.arm: cell for cell in planned.cells}.values()
    runs = Counter(cell.arm for cell in planned.cells)
    if not isinstance(seeds, int):
        each = ", ".join(f"{cell.arm} {len(cell.order)} x {runs[cell.arm]}" for cell in cells)
        lines = [f"{planned.rollouts} rollouts: tasks x seeds of each arm ({each})"]
    elif planned.rollouts < count * len(cells) * seeds:
        each = ", ".join(f"{cell.arm} {len(cell.order)}" for cell in cells)
        lines = [f"{planned.rollouts} rollouts: {seeds} seeds x tasks of each arm ({each})"]
    else:
        lines = [f"{planned.rollouts} rollouts: {count} tasks x {len(cells)} arms x {seeds} seeds"]
    diagnostic = [cell.arm for cell in cells if is_diagnostic(cell.arm)]
    if diagnostic:
        lines.append(f"DIAGNOSTIC, no part of the headline: {', '.join(diagnostic)}")
    return lines


def instruction_lines(files: Sequence[tuple[str, ...] | None]) -> list[str]:
    """What agents read on their own, as far as mining has looked for it."""
    told = InstructionCounts.of([paths or () for paths in files]).sentence(len(files))
    unknown = sum(paths is None for paths in files)
    lines = [f"instructions: {told} See --instructions."] if told else []
    if unknown:
        lines.append(f"instructions: not looked for when {unknown} tasks were mined; a run does")
    return lines


def counted(count: int, noun: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
