"""The seam between a run and where its rollouts run: slots, and a way to start one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.loop.context import RunContext
from harness.loop.loaded_experiment import LoadedExperiment
from harness.loop.rollout import run_rollout
from harness.loop.schedule import Start
from seqswe.runs.rollout import Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Where a run's rollouts run. It schedules nothing and writes no journal."""

    slots: int
    """Rollouts at a time, at most."""
    start: Start
    """Runs one rollout to its end; called from as many threads as there are slots."""
    abort: Callable[[], None]
    """Ends whatever runs; called once, when a run is left early."""


@contextmanager
def open_engine(
    loaded: LoadedExperiment, context: RunContext, done: Iterable[Rollout]
) -> Iterator[Engine]:
    """The engine that the experiment names, for this block. `done`: rollouts of the journal.

    Raises MissingError or UsageError for an engine that cannot be had.
    """
    if context.experiment.engine == "ray":
        from harness.engines.ray_engine import open_ray

        with open_ray(loaded, context, done) as engine:
            yield engine
        return

    def abort() -> None:
        context.provider.close()
        loaded.plugins.close()

    yield Engine(
        slots=context.experiment.jobs,
        start=lambda cell, position, before: run_rollout(context, cell, position, before),
        abort=abort,
    )
