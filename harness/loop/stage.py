"""Rollouts whose agent's turn is taken from outside: what stands behind `seqswe.env`.

A rollout is `run_rollout` in a thread, with an agent that hands its task, recall and sandbox over
and waits for an attempt. So there is one loop, and what is stepped is what is run.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.loop.context import check_keys
from harness.loop.loaded_experiment import LoadedExperiment
from harness.loop.rollout import run_rollout, speculation
from harness.sandboxes.provider import open_provider
from seqswe.agent import Attempt
from seqswe.arms import SEQUENTIAL, Cell, Frozen, cells_of
from seqswe.env.stage import Start
from seqswe.errors import RolloutError, UsageError
from seqswe.experiment import CARRY, Experiment
from seqswe.instance import Task
from seqswe.memory import Recall
from seqswe.runs.files import check_files
from seqswe.runs.rollout import Rollout
from seqswe.runs.snapshots import EMPTY
from seqswe.runs.store import RunDirectory, RunInfo
from seqswe.sandbox import Sandbox


class Abandoned(BaseException):
    """Nobody waits for this rollout any more; no boundary of the loop takes it for a failure."""


class Outside:
    """An agent that is played by whoever holds its two ends."""

    def __init__(self) -> None:
        self.given: Future[tuple[Task, Recall, Sandbox]] = Future()
        self.attempt: Future[Attempt] = Future()

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """Hand everything over, and wait for what is made of it."""
        self.given.set_result((task, recall, sandbox))
        return self.attempt.result()


@dataclass(frozen=True, kw_only=True)
class Chain:
    """The rollouts of a seed that carry a memory, in their order, and where they are kept."""

    cell: Cell
    store: RunDirectory
    done: list[Rollout] = field(default_factory=list)


class SteppedRollout:
    """One rollout, up to its agent's turn; see `seqswe.env.stage.Turn`."""

    def __init__(
        self,
        stage: OpenStage,
        cell: Cell,
        start: Start,
        before: str,
        store: RunDirectory,
        chain: Chain | None = None,
    ) -> None:
        """store: where its files go, and where the lessons of its memory lie."""
        self._stage, self._store, self._chain = stage, store, chain
        self._agent = Outside()
        self._rollout: Future[Rollout] = Future()
        context = stage.context.for_agent(self._agent, store)
        context.speculation = speculation(context, 1)

        def work() -> None:
            try:
                self._rollout.set_result(run_rollout(context, cell, start.position, before))
            except BaseException as error:  # noqa: BLE001  (raised where it is waited for)
                self._rollout.set_exception(error)

        # Not waited for when the interpreter ends: nobody would hand anything in then.
        threading.Thread(target=work, name="stepped-rollout", daemon=True).start()
        turn: Sequence[Future[Any]] = (self._agent.given, self._rollout)
        wait(turn, return_when=FIRST_COMPLETED)
        if self._rollout.done():
            self._ended()
            raise RolloutError("harness_failed", "the rollout ended before its agent's turn")
        self.task, self.recall, self.sandbox = self._agent.given.result()
        planned = store is stage.store and stage.is_planned(cell, start.position)
        self.about: Mapping[str, Any] = {
            "instance_id": self.task.instance_id,
            "position": self.task.position,
            "arm": cell.arm,
            "seed": cell.seed,
            "memory_before": before,
            "diagnostic": any(p >= start.position for p in cell.taught(start.position)),
            "journaled": planned,
            "user": stage.context.user is not None,
        }

    def hand_in(self, attempt: Attempt) -> Rollout:
        """Let the loop go on with an attempt: collect, grade, learn, journal."""
        self._agent.attempt.set_result(attempt)
        return self._ended()

    def fail(self, error: RolloutError) -> Rollout:
        """Let the agent's turn end by an error."""
        self._agent.attempt.set_exception(error)
        return self._ended()

    def abandon(self) -> None:
        """End it without a trace; its sandbox is closed."""
        self._agent.attempt.set_exception(Abandoned())
        wait((self._rollout,))

    def _ended(self) -> Rollout:
        rollout = self._rollout.result()
        if not rollout.graded:
            failure = rollout.failure
            assert failure is not None
            raise RolloutError(failure.cause, failure.detail, "No reward: reset and try again.")
        if self.about["journaled"]:
            self._stage.store.append(rollout)
        if self._chain:
            self._chain.done.append(rollout)
            self._stage.note(rollout, self._store)
        return rollout


class OpenStage:
    """A loaded experiment with its sandboxes; see `seqswe.env.stage.Stage`."""

    def __init__(self, experiment: Experiment, out: Path | None) -> None:
        if experiment.code_policy == CARRY:
            raise UsageError(
                "an environment starts every task at its base commit",
                "Leave out code_policy; `seqswe run` knows it.",
            )
        with ExitStack() as stack:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seqswe-env-")))
            self._scratch, self._lock = scratch, threading.Lock()
            root = out or scratch / "run"
            loaded = LoadedExperiment.load(experiment, root)
            provider = stack.enter_context(open_provider(experiment.sandbox_choice))
            stack.callback(loaded.plugins.close)
            loaded.install(provider)
            self.store = _run_directory(root, experiment, loaded.info(provider))
            stack.enter_context(self.store.locked())
            self.context = stack.enter_context(loaded.context(self.store, provider))
            self.instance_ids = loaded.plan.instance_ids
            self._planned = self.store.info.planned()
            self._snapshots: dict[tuple[int, str], tuple[tuple[int, ...], RunDirectory]] = {}
            self._chains: dict[int, Chain] = {}
            self._go_on()
            self._stack = stack.pop_all()

    def begin(self, start: Start) -> SteppedRollout:
        """Start a rollout and wait until it is its agent's turn."""
        if start.memory == "carry":
            chain = self._chain(start)
            before = chain.done[-1].memory_after if chain.done else EMPTY
            return SteppedRollout(self, chain.cell, start, before, chain.store, chain)
        if start.memory == "empty":
            (cell,) = cells_of("iid", start.seed, len(self.instance_ids))
            return SteppedRollout(self, cell, start, EMPTY, self.store)
        lessons, store = self._snapshots.get((start.seed, start.memory), ((), None))
        if store is None:
            raise UsageError(
                f"seed {start.seed} has no memory {start.memory!r:.80}",
                "Give 'empty', 'carry', or a `memory_after` of a stream of this seed.",
            )
        arm = f"frozen-{len(lessons)}"
        frozen = Cell(
            arm=arm, seed=start.seed, order=(start.position,), memory=Frozen(lessons=lessons)
        )
        return SteppedRollout(self, frozen, start, start.memory, store)

    def is_planned(self, cell: Cell, position: int) -> bool:
        """Whether the run directory has this rollout."""
        return position in self._planned.get((cell.arm, cell.seed), ())

    def note(self, rollout: Rollout, store: RunDirectory) -> None:
        """Remember which lessons the memory after a chain's rollout holds, and where they lie."""
        lessons = tuple(range(rollout.position + 1))
        self._snapshots[rollout.seed, rollout.memory_after] = lessons, store

    def close(self) -> None:
        """Close sandboxes, plug-ins and the run directory."""
        self._stack.close()

    def _go_on(self) -> None:
        """Take up the chains of a run directory that was there before."""
        self.store.repair()
        journal = self.store.journal()
        check_files(self.store, journal)
        check_keys(self.store, self.context, journal.rollouts)
        for rollout in journal.rollouts:  # by arm, seed and position
            if rollout.arm != SEQUENTIAL or not rollout.graded:
                continue
            if rollout.seed not in self._chains:
                self._chains[rollout.seed] = self._new_chain(rollout.seed)
            chain = self._chains[rollout.seed]
            if rollout.position == len(chain.done):
                chain.done.append(rollout)
                self.note(rollout, self.store)

    def _chain(self, start: Start) -> Chain:
        """The chain that a rollout continues; a new one at position 0.

        The first chain of a planned seed goes into the run directory, and stays as it is there.
        """
        with self._lock:
            chain = self._chains.get(start.seed)
            if chain is None or (start.position == 0 and chain.done):
                chain = self._chains[start.seed] = self._new_chain(start.seed)
        if start.position != len(chain.done):
            raise UsageError(
                f"the stream of seed {start.seed} has not come to position {start.position}",
                f"It is at {len(chain.done)}: begin there, at 0, or from a snapshot.",
            )
        return chain

    def _new_chain(self, seed: int) -> Chain:
        (cell,) = cells_of(SEQUENTIAL, seed, len(self.instance_ids))
        journaled = seed not in self._chains and self.is_planned(cell, 0)
        store = self.store
        if not journaled:
            place = tempfile.mkdtemp(dir=self._scratch)
            store = RunDirectory(Path(place), self.store.info)
            store.snapshots = self.store.snapshots
        return Chain(cell=cell, store=store)


def open_stage(experiment: Experiment, out: Path | None) -> OpenStage:
    """Load everything. Raises errors for people, as `seqswe run` and `seqswe resume` do."""
    return OpenStage(experiment, out)


def _run_directory(root: Path, experiment: Experiment, info: RunInfo) -> RunDirectory:
    if not (root / "run.toml").exists():
        return RunDirectory.create(root, info)
    store = RunDirectory.open(root)
    store.check_same(experiment)
    store.check_sequence(info.sequence_digest)
    if store.info.planned() != info.planned():
        raise UsageError(f"{root} has other arms, seeds or tasks", "Give the same, or another out.")
    return store
