"""`seqswe plan`: what a run would do. Needs no Docker and changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from seqswe import plugins
from seqswe.arms import is_diagnostic
from seqswe.cli.echo import echo
from seqswe.cli.options import DEFAULT, experiment_options, sources, suite_option
from seqswe.experiment import Experiment, Plan, make_plan
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.instructions import InstructionCounts
from seqswe.manifests.manifest import Manifest
from seqswe.manifests.suites import load_suite
from seqswe.runs.study import CHOSEN, Study, check_chosen

ROLLOUT_BYTES = 60_000
"""Files of one rollout: what localizer runs on sqlglot leave behind, rounded up."""
IMAGE_BYTES = 700_000_000
"""One environment image, rounded up; they share their base."""


@click.command()
@experiment_options
@suite_option
@click.pass_context
def plan(ctx: click.Context, /, suite: str, **values: Any) -> None:
    """Print the resolved settings and where each came from, the rollouts and a bound on disk.

    Of a --suite also what it may cost, and which mean lift over its codebases it would see.
    """
    experiment, origin = Experiment(**values), sources(ctx)
    lines = _of_suite(suite, experiment, origin) if suite else _of_codebase(experiment)
    plugins.options("agent", experiment.agent, experiment.agent_option)
    plugins.options("memory", experiment.memory, experiment.memory_option)
    experiment.sandbox_choice.check()
    _settings(experiment, origin, without=CHOSEN if suite else ())
    echo()
    for line in lines:
        echo(line)


def _of_codebase(experiment: Experiment) -> list[str]:
    manifest = experiment.selection.of(manifests.load(experiment.codebase))
    return _facts(make_plan(experiment, tuple(r.instance_id for r in manifest.instances)), manifest)


def _of_suite(name: str, experiment: Experiment, origin: Mapping[str, str]) -> list[str]:
    from seqswe.cli.plan_suite import suite_facts

    check_chosen([setting for setting, where in origin.items() if where != DEFAULT])
    return list(suite_facts(Study.of(Path(), load_suite(name), experiment)))


def _settings(experiment: Experiment, origin: Mapping[str, str], without: Collection[str]) -> None:
    for name, value in experiment.as_dict().items():
        if name in without:
            continue
        text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
        echo(f"{name:16} {text or '-':28} {origin[name]}")


def _facts(planned: Plan, manifest: Manifest) -> list[str]:
    count = len(planned.instance_ids)
    records = manifest.instances[:count]
    environments = len({r.environment for r in records})
    disk = environments * IMAGE_BYTES + planned.rollouts * ROLLOUT_BYTES
    lines = [
        f"{counted(count, 'task')} of {manifest.name}, {records[0].created_at.date()} to "
        f"{records[-1].created_at.date()}, {counted(environments, 'environment')}",
        *([f"renamed: {manifest.renamed.note}"] if manifest.renamed else []),
        *_arms(planned),
        *instruction_lines([r.instructions for r in records]),
        f"disk: at most {disk / 1e9:.1f} GB (images {environments * IMAGE_BYTES / 1e9:.1f}, "
        f"rollouts {planned.rollouts * ROLLOUT_BYTES / 1e9:.2f}), beside the clone and its packs",
    ]
    return lines + _power(planned)


def _arms(planned: Plan) -> list[str]:
    """The rollouts of each arm, and which arms are not part of the headline."""
    count, seeds = len(planned.instance_ids), planned.experiment.seeds
    cells = planned.cells[: len(planned.cells) // seeds]
    lines = [f"{planned.rollouts} rollouts: {count} tasks x {len(cells)} arms x {seeds} seeds"]
    if planned.rollouts < count * len(cells) * seeds:
        each = ", ".join(f"{cell.arm} {len(cell.order)}" for cell in cells)
        lines = [f"{planned.rollouts} rollouts: {seeds} seeds x tasks of each arm ({each})"]
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


def _power(planned: Plan) -> list[str]:
    if planned.experiment.seeds < 3:
        return ["statistics: SINGLE-RUN, no p-value under 3 seeds; 5 or more for a headline"]
    from seqswe.statistics import power

    runs = planned.experiment.seeds
    sought = power.PowerPlan(n=max(2, len(planned.instance_ids)), k1=runs, k0=runs)
    effect = power.smallest_effect(sought)
    return [f"statistics: a lift of {100 * effect:.1f} points is detected with 80 % power"]


def counted(count: int, noun: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
