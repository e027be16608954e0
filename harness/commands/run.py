"""`seqswe run` and `seqswe resume`."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from harness.agents.predictions import remarks
from harness.commands.advance import Advance
from harness.engines.engine import Engine, open_engine
from harness.loop.context import RunContext
from harness.loop.loaded_experiment import LoadedExperiment
from harness.loop.programs import is_installed
from harness.loop.schedule import Done, Schedule, run_all
from harness.sandboxes.local import WARNING
from harness.sandboxes.provider import open_provider
from seqswe import plugins
from seqswe.cli.echo import echo
from seqswe.cli.options import experiment_options
from seqswe.cli.progress import progress
from seqswe.errors import BudgetError, IncompleteError, RunDirError, UsageError
from seqswe.experiment import Experiment, Plan, make_plan
from seqswe.runs.extend import adds, widened
from seqswe.runs.files import check_files
from seqswe.runs.rollout import Failure, Rollout
from seqswe.runs.store import RunDirectory, RunInfo
from seqswe.sandbox import SandboxProvider

PREDICTIONS = "predictions"
"""The agent of which there is something to say before a run."""


@click.command()
@experiment_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="New folder for the run; by default runs/CODEBASE-AGENT-1 or the next that is free.",
)
def run(out: Path | None, **values: Any) -> None:
    """Feed the issues of a codebase to an agent, in chronological order, in every arm.

    \b
    seqswe run --codebase sqlglot --mirror DIR --agent localizer --memory episodic \\
        --arm iid --arm sequential --seeds 3 --limit 300 --out runs/x

    Stop it at any moment; `seqswe resume DIR` goes on. Then: `seqswe report DIR`.
    """
    experiment = Experiment(**values)
    out = out or _free_folder(experiment)
    RunDirectory.check_new(out)
    loaded = LoadedExperiment.load(experiment, out)
    loaded.try_plugins()
    tell_remarks(loaded.plan)
    with open_provider(experiment.sandbox_choice) as provider:
        install_program(loaded, provider)
        work(loaded, RunDirectory.create(out, loaded.info(provider)), provider)


def _free_folder(experiment: Experiment) -> Path:
    """The first folder below `runs` that no run of this codebase and agent has."""
    agent = re.sub(r"[^\w.-]+", "-", Path(experiment.agent).name.removesuffix(".toml"))
    name = f"{Path(experiment.codebase).name}-{agent}"
    return next(p for n in count(1) if not (p := Path("runs", f"{name}-{n}")).exists())


@click.command()
@click.argument("run_directory", metavar="RUN", type=click.Path(path_type=Path))
@experiment_options
@click.pass_context
def resume(ctx: click.Context, /, run_directory: Path, **values: Any) -> None:
    """Go on with an interrupted run: only what is missing is run.

    Settings are the run's own. One given here must be the same, but for those that do not
    change a result, such as --mirror and --jobs, and for those that add to the run: more --seeds,
    a larger --limit (0 for all tasks), a further --arm. What was there stays, and a look at the
    results is counted: `seqswe compare` then tests at a stricter level.
    """
    store = RunDirectory.open(run_directory)
    given = {
        name: value
        for name, value in values.items()
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    experiment = widened(store.info.experiment, given)
    store.check_same(experiment)
    loaded = LoadedExperiment.load(experiment, store.root)
    loaded.try_plugins()
    tell_remarks(loaded.plan)
    planned = make_plan(store.info.experiment, store.info.instance_ids)
    more = adds(planned, loaded.plan)
    store.check_sequence(loaded.digest(len(planned.instance_ids)))
    with open_provider(experiment.sandbox_choice) as provider:
        install_program(loaded, provider)
        if more:
            _extend(store, loaded.info(provider))
        work(loaded, store, provider)


def install_program(loaded: LoadedExperiment, provider: SandboxProvider) -> None:
    """Install what the agent brings, before anything is run. Raises MissingError."""
    program = loaded.program
    if program and not is_installed(program, provider):
        echo(f"installing {program.package}, once; it is kept in the cache", err=True)
    loaded.install(provider)


def _extend(store: RunDirectory, info: RunInfo) -> None:
    """Write down that a run is to be larger, and that its results may have been looked at."""
    with store.locked():
        looked_at = any(rollout.graded for rollout in store.journal().rollouts)
        store.extend(replace(info, looks=store.info.looks + looked_at))
    wider = make_plan(info.experiment, info.instance_ids).rollouts
    echo(f"the run is to have {wider} rollouts now (look {store.info.looks})", err=True)


def work(loaded: LoadedExperiment, store: RunDirectory, provider: SandboxProvider) -> None:
    """Run everything the journal does not hold yet. Raises IncompleteError for what is left."""
    plan, experiment = loaded.plan, loaded.plan.experiment
    if not provider.isolates:
        echo(f"warning: {WARNING}", err=True)
    with store.locked(), loaded.context(store, provider) as context:
        if store.repair():
            echo("the journal's last line was incomplete and is dropped", err=True)
        journal = store.journal()
        check_files(store, journal)
        done = {(r.arm, r.seed, r.position): r for r in journal.rollouts}
        check_keys(store, context, done.values())
        watch = CrashWatch(min(experiment.crashes, plan.rollouts), done.values())
        graded, model = sum(r.graded for r in done.values()), context.model
        advance = Advance(plan, done.values(), lambda: model.cost)
        with (
            open_engine(loaded, context, done.values()) as engine,
            progress("rollouts", plan.rollouts, graded) as bar,
            closing(_rollouts(plan, engine, done, lambda: bool(model.used_up))) as ended,
        ):
            for rollout in ended:
                store.append(rollout)
                bar.advance(advance.line(rollout))
                watch.see(rollout, store)
        if model.spent:
            echo(f"so far: {model.spent}", err=True)
    _finish(store, plan, model.used_up)


def _rollouts(
    plan: Plan, engine: Engine, done: Done, is_over: Callable[[], bool]
) -> Generator[Rollout]:
    retries = plan.experiment.retries
    schedule = Schedule(cells=plan.cells, jobs=engine.slots, retries=retries)
    return run_all(schedule, done, engine.start, engine.abort, is_over)


def tell_remarks(plan: Plan) -> None:
    """Say what to know before a run of predictions. Raises UsageError if none is for its tasks."""
    if plan.experiment.agent != PREDICTIONS:
        return
    given = plugins.options("agent", PREDICTIONS, plan.experiment.agent_option)
    for remark in remarks(Path(given["path"]), plan.instance_ids):
        echo(f"warning: {remark}", err=True)


def check_keys(store: RunDirectory, context: RunContext, rollouts: Iterable[Rollout]) -> None:
    """Refuse to add to results that depend on another image or version than is here."""
    for rollout in rollouts:
        instance = context.instances[rollout.position]
        key = context.key(instance, rollout.memory_before, rollout.code_before)
        if rollout.graded and rollout.key != key:
            raise RunDirError(
                f"{store.root} was made with another Python, other packages, another recipe of the "
                f"agent or another version of SeqSWE ({store.info.seqswe}; first at "
                f"{rollout.instance_id})",
                "Bring back what it was made with, or start a new run.",
            )


class CrashWatch:
    """Stops a run in which the agent has crashed every time: that is no result, it is a mistake."""

    def __init__(self, crashes: int, done: Iterable[Rollout]) -> None:
        """Stop at so many crashes (0: never), if nothing but crashes is there."""
        seen = list(done)
        self._crashes, self._seen = crashes, sum(rollout.crashed for rollout in seen)
        self._over = not crashes or self._seen < len(seen)

    def see(self, rollout: Rollout, store: RunDirectory) -> None:
        """Raises UsageError with what the agent said, once it is clear."""
        self._seen += 1
        self._over = self._over or not rollout.crashed
        if not self._over and self._seen >= self._crashes:
            said = rollout.failure.detail if rollout.failure else ""
            one_line = " ".join(said.split())
            raise UsageError(
                f"the agent crashed in all of the first {self._seen} rollouts: {one_line}"[:300],
                f"Correct it and start a new run. Or go on with `seqswe resume {store.root} "
                "--crashes 0`."[:300],
            )


def _finish(store: RunDirectory, plan: Plan, used_up: str) -> None:
    journal = store.journal()
    graded = [r for r in journal.rollouts if r.graded]
    crashed = sum(r.crashed for r in graded)
    echo(
        f"{sum(bool(r.resolved) for r in graded)} resolved, {len(graded)} graded"
        f"{f' (the agent crashed in {crashed})' if crashed else ''}, "
        f"{plan.rollouts} planned; results {journal.results_digest()}",
        err=True,
    )
    echo(store.root)
    if len(graded) == plan.rollouts:
        echo(f"next: seqswe report {store.root}", err=True)
    if used_up and len(graded) < plan.rollouts:
        raise BudgetError(
            f"the run has used {used_up}; {plan.rollouts - len(graded)} rollouts are left",
            f"Go on with `seqswe resume {store.root}` and a larger --max-cost or --max-tokens.",
        )
    if len(graded) < plan.rollouts:
        failures = [r.failure for r in journal.rollouts if r.failure and not r.graded]
        first = failures[0] if failures else Failure(cause="cancelled")
        raise IncompleteError(
            f"{plan.rollouts - len(graded)} rollouts have no verdict "
            f"({first.cause}: {first.detail[:200]})",
            f"Go on with `seqswe resume {store.root}`.",
        )
