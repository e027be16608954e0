"""`seqswe run` and `seqswe resume`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from harness.loop.context import RunContext
from harness.loop.loaded_experiment import LoadedExperiment
from harness.loop.rollout import run_rollout
from harness.loop.schedule import Schedule, run_all
from harness.sandboxes.local import WARNING
from harness.sandboxes.provider import open_provider
from seqswe.arms import Cell
from seqswe.cli.options import experiment_options
from seqswe.cli.progress import progress
from seqswe.errors import IncompleteError, RunDirError
from seqswe.experiment import Experiment, Plan
from seqswe.runs.rollout import Failure, Rollout
from seqswe.runs.store import RunDirectory, RunInfo
from seqswe.sandbox import SandboxProvider


@click.command()
@experiment_options
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="New folder for the run.",
)
def run(out: Path, **values: Any) -> None:
    """Feed the issues of a codebase to an agent, in chronological order, in every arm.

    \b
    seqswe run --codebase sqlglot --mirror DIR --agent localizer --memory episodic \\
        --arm iid --arm sequential --seeds 3 --limit 300 --out runs/x

    Stop it at any moment; `seqswe resume DIR` goes on. Then: `seqswe report DIR`.
    """
    experiment = Experiment(**values)
    RunDirectory.check_new(out)
    loaded = LoadedExperiment.load(experiment, out)
    loaded.try_plugins()
    with open_provider(experiment.sandbox_choice) as provider:
        info = RunInfo(
            experiment=experiment,
            instance_ids=loaded.plan.instance_ids,
            sequence_digest=loaded.digest(),
            environments=loaded.images(provider),
            synthetic=any(i.synthetic for i in loaded.instances),
            tests=loaded.tests(),
            plugin_reach=loaded.plugins.reach(),
        )
        work(loaded, RunDirectory.create(out, info), provider)


@click.command()
@click.argument("run_directory", metavar="RUN", type=click.Path(path_type=Path))
@experiment_options
@click.pass_context
def resume(ctx: click.Context, /, run_directory: Path, **values: Any) -> None:
    """Go on with an interrupted run: only what is missing is run.

    Settings are the run's own. One given here must be the same, but for those that do not
    change a result, such as --mirror and --jobs.
    """
    store = RunDirectory.open(run_directory)
    overrides = {
        name: value
        for name, value in values.items()
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    experiment = replace(store.info.experiment, **overrides)
    store.check_same(experiment)
    loaded = LoadedExperiment.load(experiment, store.root)
    loaded.try_plugins()
    store.check_sequence(loaded.digest())
    with open_provider(experiment.sandbox_choice) as provider:
        work(loaded, store, provider)


def work(loaded: LoadedExperiment, store: RunDirectory, provider: SandboxProvider) -> None:
    """Run everything the journal does not hold yet. Raises IncompleteError for what is left."""
    plan, experiment = loaded.plan, loaded.plan.experiment
    if not provider.isolates:
        click.echo(f"warning: {WARNING}", err=True)
    with store.locked(), loaded.context(store, provider) as context:
        if store.repair():
            click.echo("the journal's last line was incomplete and is dropped", err=True)
        done = {(r.arm, r.seed, r.position): r for r in store.journal().rollouts}
        check_keys(store, context, done.values())
        schedule = Schedule(cells=plan.cells, jobs=experiment.jobs, retries=experiment.retries)

        def abort() -> None:
            provider.close()
            loaded.plugins.close()

        def start(cell: Cell, position: int, before: str) -> Rollout:
            return run_rollout(context, cell, position, before)

        graded = sum(r.graded for r in done.values())
        with progress("rollouts", plan.rollouts, graded) as bar:
            for rollout in run_all(schedule, done, start, abort):
                store.append(rollout)
                bar.advance(_line(rollout))
    _finish(store, plan)


def check_keys(store: RunDirectory, context: RunContext, rollouts: Iterable[Rollout]) -> None:
    """Refuse to add to results that depend on another image or version than is here."""
    for rollout in rollouts:
        key = context.key(context.instances[rollout.position], rollout.memory_before)
        if rollout.graded and rollout.key != key:
            raise RunDirError(
                f"{store.root} was made with another image or version of SeqSWE "
                f"({store.info.seqswe}; first at {rollout.instance_id})",
                "Bring back what it was made with, or start a new run.",
            )


def _line(rollout: Rollout) -> str:
    if rollout.resolved is None:
        outcome = rollout.failure.cause if rollout.failure else "no verdict"
    else:
        outcome = "resolved" if rollout.resolved else "unresolved"
    return f"{rollout.arm} {rollout.seed} #{rollout.position} {outcome}"


def _finish(store: RunDirectory, plan: Plan) -> None:
    journal = store.journal()
    graded = [r for r in journal.rollouts if r.graded]
    click.echo(
        f"{sum(bool(r.resolved) for r in graded)} resolved, {len(graded)} graded, "
        f"{plan.rollouts} planned; results {journal.results_digest()}",
        err=True,
    )
    click.echo(store.root)
    if len(graded) < plan.rollouts:
        failures = [r.failure for r in journal.rollouts if r.failure and not r.graded]
        first = failures[0] if failures else Failure(cause="cancelled")
        raise IncompleteError(
            f"{plan.rollouts - len(graded)} rollouts have no verdict "
            f"({first.cause}: {first.detail[:200]})",
            f"Go on with `seqswe resume {store.root}`.",
        )
