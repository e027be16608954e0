"""One machine's part of a run: it is ordered rollouts, and hands back what came of them.

It schedules nothing and writes nothing that counts: its run directory is a copy that it throws
away. It knows no cluster; `ray_engine.py` makes an actor of it.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from threading import Lock

from harness.engines import guardian
from harness.engines.parcels import Earlier, Job, Key, Order, Outcome
from harness.loop.context import RunContext
from harness.loop.loaded_experiment import LoadedExperiment
from harness.loop.rollout import run_rollout
from harness.sandboxes.cleanup import make_folder, sweep
from harness.sandboxes.provider import open_provider
from seqswe import __version__
from seqswe.errors import RunDirError, SeqSWEError
from seqswe.runs.model_requests import ModelRequests
from seqswe.runs.rollout import Rollout
from seqswe.runs.snapshots import EMPTY
from seqswe.runs.store import RunDirectory

SAME = "Bring the machine to the same state, or leave it out of the cluster."


@dataclass(frozen=True, slots=True)
class Ready:
    """A machine that can be ordered rollouts, or why it cannot."""

    name: str
    error: SeqSWEError | None = None


class Machine:
    """Runs rollouts, as many at a time as it is called from threads. `prepare` comes first."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._lock = Lock()
        self._taking = Lock()
        self._taken: set[Key] = set()
        self._returned: set[str] = set()
        self._lines = 0

    def hello(self) -> str:
        """The machine's name."""
        return platform.node()

    def prepare(self, job: Job) -> Ready:
        """Load the experiment and make its environments ready; once, before anything else."""
        if Path(job.folder).is_dir():
            os.chdir(job.folder)
        try:
            self._prepare(job)
        except SeqSWEError as error:
            self._open.close()
            return Ready(platform.node(), error)
        return Ready(platform.node())

    def _prepare(self, job: Job) -> None:
        info = job.info
        if info.seqswe != __version__:
            raise RunDirError(f"it has SeqSWE {__version__}, the run {info.seqswe}", SAME)
        experiment = replace(
            info.experiment,
            rpm=ceil(info.experiment.rpm / job.machines),
            tpm=ceil(info.experiment.tpm / job.machines),
        )
        guardian.start(experiment.sandbox_choice)
        temporary = Path(tempfile.gettempdir())
        sweep(temporary, guardian.MACHINE)
        folder = make_folder(temporary, guardian.MACHINE)
        self._open.callback(shutil.rmtree, folder, ignore_errors=True)
        self._loaded = LoadedExperiment.load(experiment, folder)
        self._open.callback(self._loaded.plugins.close)
        if self._loaded.digest(len(info.instance_ids)) != info.sequence_digest:
            raise RunDirError("it has other instances of the codebase", SAME)
        provider = self._open.enter_context(open_provider(experiment.sandbox_choice))
        # Images are made here, not in the first rollout.
        if self._loaded.images(provider) != info.environments:
            raise RunDirError("it has another Python or other packages", SAME)
        self._store = RunDirectory.create(folder / "run", info)
        self._requests = ModelRequests(self._store.root)
        self._context = self._open.enter_context(self._loaded.context(self._store, provider))
        self._cells = {(cell.arm, cell.seed): cell for cell in self._loaded.plan.cells}

    def run(self, order: Order) -> Outcome:
        """Run a rollout. An error for people is part of the outcome, with what shows it."""
        context, cell = self._context, self._cells[order.cell]
        for digest, files in order.states.items():
            self._store.snapshots.adopt(digest, files)
            with self._lock:
                self._returned.add(digest)
        for earlier in order.earlier:
            self._take(context, earlier)
        context.model.spent_elsewhere(*order.spent)
        name = context.instances[order.position].instance_id
        folder = self._store.folder(cell.arm, cell.seed, order.position, name)
        shutil.rmtree(folder, ignore_errors=True)  # of a try that was cut off
        try:
            rollout = run_rollout(context, cell, order.position, order.before)
        except SeqSWEError as error:
            outcome = self._outcome(folder, self._store.snapshots.known(), error=error)
            return replace(outcome, lost=self._lost(order))
        if rollout.graded:
            self._store.append(rollout)
        made = {rollout.memory_before, rollout.memory_after} - {order.before, EMPTY}
        return self._outcome(folder, made, rollout=rollout)

    def stop(self) -> None:
        """End whatever runs and remove everything of the run."""
        with suppress(AttributeError):  # never prepared
            self._context.provider.close()
            self._loaded.plugins.close()
        self._open.close()

    def _take(self, context: RunContext, earlier: Earlier) -> None:
        rollout = earlier.rollout
        key = (rollout.arm, rollout.seed, rollout.position)
        with self._taking:  # several orders may bring it, and others read it
            if key in self._taken:
                return
            self._store.write(self._store.folder(*key, rollout.instance_id), earlier.files)
            self._store.append(rollout)
            context.code.note(rollout)
            self._taken.add(key)

    def _lost(self, order: Order) -> Rollout | None:
        place = (*order.cell, order.position)
        tries = (r for r in self._store.journal().rollouts if r.place == place)
        return next((r for r in tries if not r.graded), None)

    def _outcome(
        self,
        folder: Path,
        snapshots: set[str],
        rollout: Rollout | None = None,
        error: SeqSWEError | None = None,
    ) -> Outcome:
        files = {p.name: p.read_bytes() for p in folder.iterdir()} if folder.is_dir() else {}
        with self._lock:
            new = sorted(snapshots - self._returned)
            self._returned.update(new)
            requests, self._lines = self._requests.lines(self._lines)
        return Outcome(
            rollout=rollout,
            error=error,
            files=files,
            links={digest: self._store.snapshots.link(digest) for digest in new},
            requests=requests,
        )
