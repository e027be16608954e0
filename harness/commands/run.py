"""`seqswe run` and `seqswe resume`."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from harness.agents.predictions import remarks
from harness.codebases.locate import is_here
from harness.commands.advance import Advance, outcome_of
from harness.commands.beginning import (
    free_folder,
    given_on_command_line,
    out_option,
    warn_of_unknown_variables,
    with_demo,
)
from harness.commands.study import new_study, run_study
from harness.engines.engine import Engine, open_engine
from harness.loop.agent_model import AgentModel
from harness.loop.context import check_keys
from harness.loop.empty_recalls import see_empty_recalls
from harness.loop.loaded_experiment import CheckedExperiment, LoadedExperiment
from harness.loop.programs import is_installed
from harness.loop.schedule import Done, Schedule, run_all
from harness.sandboxes.local import WARNING
from harness.sandboxes.provider import open_provider
from seqswe import plugins
from seqswe.arms import BASELINE
from seqswe.cli.echo import detail, echo, note, output, tell
from seqswe.cli.options import (
    ExperimentCommand,
    experiment_options,
    matrix_of,
    resume_options,
    suite_option,
)
from seqswe.cli.progress import progress
from seqswe.errors import BudgetError, IncompleteError, RolloutError, UsageError
from seqswe.experiment import Experiment, Plan, make_plan
from seqswe.runs.extend import adds, widened
from seqswe.runs.files import check_files
from seqswe.runs.journal import Journal
from seqswe.runs.lending import check_lender, check_recalls, empty_recalls
from seqswe.runs.rollout import Failure, Rollout
from seqswe.runs.store import RunDirectory, RunInfo
from seqswe.runs.study import Study
from seqswe.sandbox import SandboxProvider

REPORT, RESUME, BASELINE_OF = "seqswe report", "seqswe resume", "seqswe baseline"
"""What comes next, before the run's folder; the last one of a run that holds no two arms."""
NOT_BOTH = "Leave --baseline or --suite out."
PREDICTIONS = "predictions"
"""The agent of which there is something to say before a run."""


@click.command(cls=ExperimentCommand)
@experiment_options
@out_option
@suite_option
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="A run whose iid arm is to serve for this one as well: none is run. Its memory must "
    "recall the same when it is empty (mostly nothing), and all else must be the same.",
)
@click.pass_context
def run(
    ctx: click.Context, /, out: Path | None, baseline: Path | None, suite: str, **values: Any
) -> None:
    """Feed the issues of a codebase to an agent, in chronological order, in every arm.

    \b
    seqswe run                                          the demo's experiment
    seqswe run --codebase sqlglot --limit 100           another codebase
    seqswe run --memory ./mine.py:Mine                  a memory of your own
    seqswe run --agent codex --model NAME --max-cost 5  an agent with a model
    seqswe run --config experiment.toml                 settings from a file

    Stop it at any moment; `seqswe resume DIR` goes on. Then: `seqswe report DIR`.
    With --suite every codebase of a released suite is run, each into a folder below DIR; with a
    [matrix] in the file of --config every combination of its values: docs/scale.md.
    """
    if suite or matrix_of(ctx):
        _run_study(ctx, out, baseline, suite, values)
        return
    values, origin = with_demo(ctx, values)
    why = "; nothing is named, so it is the demo's experiment" if "demo" in origin.values() else ""
    begin(Experiment(**values), out, why=why, baseline=baseline)


def _run_study(
    ctx: click.Context, out: Path | None, baseline: Path | None, suite: str, values: dict[str, Any]
) -> None:
    """Begin a study of a suite or of the matrix in the file of settings."""
    if baseline:
        raise UsageError("--baseline is a run of one codebase, a study shares its own", NOT_BOTH)
    out = out or free_folder(replace(Experiment(**values), codebase=suite or "study"))
    study = new_study(suite, matrix_of(ctx), _given(ctx, values), values, out)
    run_study(study, begin_part, _go_on)


def begin_part(experiment: Experiment, out: Path, baseline: Path | None = None) -> None:
    """Run one part of a study in a new folder."""
    begin(experiment, out, following="", baseline=baseline)


def begin(
    experiment: Experiment,
    out: Path | None,
    following: str = REPORT,
    why: str = "",
    baseline: Path | None = None,
) -> RunDirectory:
    """Run an experiment in a new folder, and say what is prepared before its first rollout.

    following: the command to name at the end, "" for none; why: it is this experiment; baseline:
    the run whose iid arm it borrows.
    """
    lender = RunDirectory.open(baseline) if baseline else None
    if lender:
        experiment = _without_baseline(experiment)
    out = out or free_folder(experiment)
    RunDirectory.check_new(out)
    warn_of_unknown_variables(experiment)
    if not output().study:
        output().interrupted = "Nothing was begun; run it again."
    checked = CheckedExperiment.check(experiment, out)
    here = is_here(checked.manifest, experiment.mirror)
    checked.try_plugins()
    note(f"run: {experiment.codebase}, {experiment.agent}, {experiment.memory}, in {out}{why}")
    clone = "" if here else f", of which a clone is made from {checked.manifest.url}"
    note(f"preparing: the tasks of {experiment.codebase}{clone}")
    loaded = LoadedExperiment.of(checked)
    tell_remarks(loaded.plan)
    with open_provider(experiment.sandbox_choice) as provider:
        install_program(loaded, provider)
        count = len(loaded.used_environments())
        note(
            f"preparing: {count} environment{'' if count == 1 else 's'} in {experiment.sandbox}; "
            "packages come from the index once, then from the cache"
        )
        info = loaded.info(provider)
        if lender:
            info = _borrowing(loaded, info, provider, lender)
        store = RunDirectory.create(out, info)
        work(loaded, store, provider, following)
    return store


def _borrowing(
    loaded: LoadedExperiment, info: RunInfo, provider: SandboxProvider, lender: RunDirectory
) -> RunInfo:
    """What run.toml says of a run that borrows an iid arm. Raises UsageError if it may not."""
    check_lender(lender, info, "this run")
    info = with_empty_recalls(loaded, info, provider)
    seen = empty_recalls(lender, lender.journal())
    check_recalls(lender, seen, info.empty_recalls or "", "this run")
    return info


def _without_baseline(experiment: Experiment) -> Experiment:
    """The same without an iid arm, which is borrowed. Raises UsageError if nothing is left."""
    arms = tuple(arm for arm in experiment.arm if arm != BASELINE)
    if not arms:
        raise UsageError(
            "with --baseline the iid arm is not run, and no other is asked for",
            "Add --arm sequential, or leave --baseline out.",
        )
    return replace(experiment, arm=arms)


def with_empty_recalls(
    loaded: LoadedExperiment, info: RunInfo, provider: SandboxProvider
) -> RunInfo:
    """With what the memory recalls when it is empty; the run itself is not touched."""
    with TemporaryDirectory() as folder:
        aside = RunDirectory(Path(folder), info)
        with loaded.context(aside, provider) as context:
            try:
                seen = see_empty_recalls(context, loaded.plan)
            except RolloutError as error:
                raise UsageError(
                    f"memory {info.experiment.memory!r:.60} cannot be asked what it recalls when "
                    f"it is empty: {error.message}"[:300],
                    "Leave --baseline out, and add --arm iid.",
                ) from error
    return replace(info, empty_recalls=seen)


@click.command(cls=ExperimentCommand)
@click.argument("run_directory", metavar="RUN", type=click.Path(path_type=Path))
@resume_options
@click.pass_context
def resume(ctx: click.Context, /, run_directory: Path, **values: Any) -> None:
    """Go on with an interrupted run: only what is missing is run.

    \b
    seqswe resume runs/x             what is missing
    seqswe resume runs/x --seeds 5   and two seeds more than 3

    Settings are the run's own; those below may be given anew. More --seeds, a larger --limit (0 for
    all tasks) and a further --arm add to the run. What was there stays, and a look at the
    results is counted: `seqswe compare` then tests at a stricter level. Of a study's folder
    all runs are gone on with, or begun.
    """
    given = _given(ctx, values)
    if Study.is_one(run_directory):
        run_study(Study.open(run_directory).widened(given), begin_part, _go_on)
    else:
        _go_on(widened(RunDirectory.open(run_directory).info.experiment, given), run_directory)


def _given(ctx: click.Context, values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that somebody chose: by flag, environment or file."""
    return {name: value for name, value in values.items() if given_on_command_line(ctx, name)}


def _go_on(experiment: Experiment, run_directory: Path) -> None:
    """Go on with a run, which the settings may widen."""
    store = RunDirectory.open(run_directory)
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
            info = loaded.info(provider)
            if store.info.empty_recalls is not None:
                info = with_empty_recalls(loaded, info, provider)
            _extend(store, info)
        work(loaded, store, provider)


def install_program(loaded: LoadedExperiment, provider: SandboxProvider) -> None:
    """Install what the agent brings, before anything is run. Raises MissingError."""
    program = loaded.program
    if program and not is_installed(program, provider):
        note(f"preparing: {program.package}, which is installed once and kept in the cache")
    loaded.install(provider)


def _extend(store: RunDirectory, info: RunInfo) -> None:
    """Write down that a run is to be larger, and that its results may have been looked at."""
    with store.locked():
        looked_at = any(rollout.graded for rollout in store.journal().rollouts)
        store.extend(replace(info, looks=store.info.looks + looked_at))
    wider = make_plan(info.experiment, info.instance_ids).rollouts
    note(f"the run is to have {wider} rollouts now (look {store.info.looks})")


def work(
    loaded: LoadedExperiment,
    store: RunDirectory,
    provider: SandboxProvider,
    following: str = REPORT,
) -> None:
    """Run everything the journal does not hold yet. Raises IncompleteError for what is left."""
    plan, experiment = loaded.plan, loaded.plan.experiment
    if not provider.isolates:
        echo(f"warning: {getattr(provider, 'warning', WARNING)}", err=True)
    with store.locked(), loaded.context(store, provider) as context:
        if store.repair():
            note("the journal's last line was incomplete and is dropped")
        journal = store.journal()
        check_files(store, journal)
        done = {(r.arm, r.seed, r.position): r for r in journal.rollouts}
        check_keys(store, context, done.values())
        watch = CrashWatch(min(experiment.crashes, plan.rollouts), done.values())
        model, kept = context.model, [r for r in done.values() if r.graded]
        advance = Advance(plan, kept, lambda: model.spent)
        output().keeps(store.root)
        if study := output().study:
            study.expect(plan.rollouts - len(kept))
        with (
            open_engine(loaded, context, done.values()) as engine,
            progress("rollouts", plan.rollouts, len(kept)) as bar,
            closing(_rollouts(plan, engine, done, model, store)) as ended,
        ):
            for rollout in ended:
                store.append(rollout)
                advance.add(rollout)
                detail(outcome_of(rollout))
                bar.advance(*advance.lines(), *([study.line()] if study else []))
                watch.see(rollout, store)
    # What is said of the run is what the disk holds, which was read already if nothing was added.
    whole = store.journal() if store.appended else journal
    _finish(store, whole, plan, advance, following, model.used_up)


def _rollouts(
    plan: Plan, engine: Engine, done: Done, model: AgentModel, store: RunDirectory
) -> Generator[Rollout]:
    left = plan.rollouts - sum(rollout.graded for rollout in done.values())
    note(f"running: {left} rollouts, {engine.slots} at a time")
    schedule = Schedule(cells=plan.cells, jobs=engine.slots, retries=plan.experiment.retries)
    return run_all(
        schedule, done, engine.start, engine.abort, lambda: bool(model.used_up), store.append
    )


def tell_remarks(plan: Plan) -> None:
    """Say what to know before a run of predictions. Raises UsageError if none is for its tasks."""
    if plan.experiment.agent != PREDICTIONS:
        return
    given = plugins.options("agent", PREDICTIONS, plan.experiment.agent_option)
    for remark in remarks(Path(given["path"]), plan.instance_ids):
        echo(f"warning: {remark}", err=True)


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


def _finish(
    store: RunDirectory,
    journal: Journal,
    plan: Plan,
    advance: Advance,
    following: str,
    used_up: str,
) -> None:
    results = journal.results_digest()
    graded = [r for r in journal.rollouts if r.graded]
    crashed = sum(r.crashed for r in graded)
    whole = len(graded) == plan.rollouts
    if following == REPORT and len(plan.experiment.arm) == 1 and store.info.empty_recalls is None:
        following = BASELINE_OF  # a run that borrows its iid arm has two of them
    following = f"{following if whole else RESUME} {store.root}" if following else ""
    note(
        f"{sum(bool(r.resolved) for r in graded)} resolved, {len(graded)} graded"
        f"{f' (the agent crashed in {crashed})' if crashed else ''}, "
        f"{plan.rollouts} planned; results {results}"
    )
    for line in advance.lines(ended=True):
        note(f"  {line}")
    tell(run=str(store.root), results=results, next=following, **advance.data())
    echo(store.root)
    if whole and following:
        note(f"next: {following}")
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
