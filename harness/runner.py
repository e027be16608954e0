"""The loop: recall → solve → collect patch → grade → record → snapshot → journal.

One rollout reads on one screen; `harness.schedule` only decides which one is next.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from time import monotonic

from harness.grading import Grader, collect_patch
from harness.grading.grade import Graded, empty_patch
from harness.grading.patch import paths_of
from harness.history import History, audit
from harness.memories import Memories
from seqswe import __version__, plugins
from seqswe.agent import Agent, Attempt
from seqswe.errors import LeakError, RolloutError, SeqSWEError
from seqswe.experiment import Cell, Experiment, options
from seqswe.feedback import experience
from seqswe.instance import Instance, Task, digest_of
from seqswe.memory import Memory, Recall, Services, build_memory
from seqswe.rollout import CAUSES, Failure, Rollout
from seqswe.sandbox import Sandbox, SandboxProvider, SandboxSpec
from seqswe.store import RunDirectory, dump
from seqswe.trajectory import Recording, trajectory


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Everything that the rollouts of one run share."""

    experiment: Experiment
    instances: tuple[Instance, ...]
    environments: Mapping[str, str]
    """Image digest by environment key."""
    specs: Callable[[Instance, Path, str], SandboxSpec]
    """Lays out an instance's objects below a folder and says what sandbox it needs."""
    provider: SandboxProvider
    grader: Grader
    history: History
    store: RunDirectory
    scratch: Path
    services: Services = field(default_factory=Services)

    @cached_property
    def memories(self) -> Memories:
        """The memories of all cells."""
        return Memories(self._memory, self.store.snapshots, self.scratch)

    def _memory(self, cell: Cell, home: Path) -> Memory:
        name = "none" if cell.arm == "nomem" else self.experiment.memory
        given = {} if cell.arm == "nomem" else options(self.experiment.memory_option, "memory")
        return build_memory(name, home, self.services, **given)

    def agent(self, cell: Cell) -> Agent:
        """A fresh agent: nothing but the memory survives a rollout."""
        name = self.experiment.agent
        given = options(self.experiment.agent_option, "agent")
        if getattr(plugins.resolve("agent", name), "reads_gold", False):
            given["gold"] = {i.instance_id: i for i in self.instances}.__getitem__
        agent: Agent = plugins.build("agent", name, seed=cell.seed, **given)
        return agent

    def key(self, instance: Instance, before: str) -> str:
        """What a result depends on: instance, image, settings, memory, version."""
        image = self.environments[instance.environment]
        parts = (instance.digest, image, self.experiment.digest, before, __version__)
        return digest_of("\n".join(parts))


class Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Book the time inside to `name`."""
        started = monotonic()
        try:
            yield
        finally:
            spent = monotonic() - started
            self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 4)

    def move(self, whole: str, part: str, seconds: float) -> None:
        """Book a part of one phase as a phase of its own."""
        self.seconds[whole] = round(self.seconds.get(whole, 0.0) - seconds, 4)
        self.seconds[part] = round(self.seconds.get(part, 0.0) + seconds, 4)


def run_rollout(bench: Bench, cell: Cell, position: int, before: str) -> Rollout:
    """One agent on one task, from the memory snapshot `before`; journalled on return."""
    instance = bench.instances[position]
    task, clock = instance.task(position), Clock()
    rollout = Rollout(
        arm=cell.arm,
        seed=cell.seed,
        position=position,
        instance_id=instance.instance_id,
        key=bench.key(instance, before),
        gold_files=instance.gold_files,
        memory_before=before,
        memory_after=before,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    with tempfile.TemporaryDirectory(dir=bench.scratch) as name, clock.phase("total"):
        try:
            rollout = _rollout(bench, cell, rollout, task, (Path(name), clock))
        except RolloutError as error:
            rollout = replace(rollout, failure=Failure(cause=error.cause, detail=error.message))
        except SeqSWEError:
            raise
        except Exception as error:  # noqa: BLE001  (the rollout's boundary: a bug is a failure too)
            detail = f"{type(error).__name__}: {error}"[:500]
            rollout = replace(rollout, failure=Failure(cause="harness_failed", detail=detail))
    return replace(rollout, timing=clock.seconds)


def _rollout(
    bench: Bench, cell: Cell, rollout: Rollout, task: Task, room: tuple[Path, Clock]
) -> Rollout:
    folder, clock = room
    instance, before = bench.instances[rollout.position], rollout.memory_before
    with _failing_as("memory_failed"), clock.phase("memory"):
        memory, home = bench.memories.at(cell, before)
        recall = checked(memory.recall(task), bench.instances, rollout.position)
    with clock.phase("checkout"):
        spec = bench.specs(instance, folder / "objects", f"{cell.arm}-{cell.seed}")
    with clock.phase("container"):
        sandbox = Recording(bench.provider.open(spec))
    try:
        with clock.phase("audit"):
            audited = audit(sandbox, spec, bench.history.reachable)
        sandbox.steps.clear()
        with clock.phase("agent"):
            attempt, failure = _solve(bench.agent(cell), task, recall, sandbox)
        steps = list(sandbox.steps)
        with clock.phase("collect"):
            patch = collect_patch(sandbox, spec.checkout.commit)
    finally:
        with clock.phase("container"):
            sandbox.close()
    graded = grade_patch(bench, instance, patch, spec, clock)
    edited = paths_of(patch) if patch else ()
    told = experience(
        task,
        attempt,
        patch,
        edited,
        (instance, graded.verdict, graded.log),
        bench.experiment.feedback,
    )
    with _failing_as("memory_failed"), clock.phase("memory"):
        after, size = before, 0
        if cell.chained:
            after, size = bench.memories.record(memory, told, before)
            bench.memories.keep(cell, after, memory, home)
        else:
            bench.memories.drop(home)
    rollout = replace(
        rollout,
        resolved=graded.verdict.resolved,
        failure=failure,
        patch_digest=digest_of(patch),
        ranking=attempt.ranking,
        edited_files=edited,
        usage=attempt.usage,
        audit=str(audited),
        broken=len(graded.verdict.pass_to_pass.failure),
        recalled=len(recall.items),
        recalled_bytes=len(recall.text.encode()),
        recall_truncated=recall.truncated,
        recalled_from=tuple(dict.fromkeys(o for item in recall.items for o in item.origins)),
        memory_after=after,
        memory_bytes=size,
    )
    with clock.phase("journal"):
        about = {
            "agent": bench.experiment.agent,
            "session": f"{cell.arm}-{cell.seed}",
            "extra": {"memory_before": before, "memory_after": after},
        }
        bench.store.write(
            bench.store.folder(cell.arm, cell.seed, rollout.position, instance.instance_id),
            {
                "patch.diff": patch,
                "test.log": graded.log,
                "report.json": dump(graded.verdict.as_report(instance.instance_id)),
                "trajectory.json": dump(trajectory(task, recall, attempt, steps, about)),
            },
        )
    return rollout


def _solve(
    agent: Agent, task: Task, recall: Recall, sandbox: Sandbox
) -> tuple[Attempt, Failure | None]:
    """The agent's attempt. A crash or a used-up budget is the agent's own: what it left counts."""
    try:
        return agent.solve(task, recall, sandbox), None
    except RolloutError as error:
        if not CAUSES[error.cause].grade:
            raise
        return Attempt(message=error.message), Failure(cause=error.cause, detail=error.message)
    except Exception as error:  # noqa: BLE001  (any plug-in may raise anything)
        detail = f"{type(error).__name__}: {error}"[:500]
        return Attempt(message=detail), Failure(cause="agent_crashed", detail=detail)


def grade_patch(
    bench: Bench, instance: Instance, patch: str, spec: SandboxSpec, clock: Clock
) -> Graded:
    """The verdict, in a sandbox that the agent has never touched."""
    if not patch.strip():
        return empty_patch(instance)
    with clock.phase("container"):
        sandbox = bench.provider.open(spec)
    try:
        with clock.phase("grading"):
            graded = bench.grader.grade(instance, patch, sandbox)
        clock.move("grading", "tests", graded.test_seconds)
        return graded
    finally:
        with clock.phase("container"):
            sandbox.close()


def checked(recall: Recall, instances: tuple[Instance, ...], position: int) -> Recall:
    """A recall whose origins all lie before `position`. Raises LeakError otherwise."""
    past = {i.instance_id for i in instances[:position]}
    known = {i.instance_id for i in instances}
    for item in recall.items:
        future = [o for o in item.origins if o in known and o not in past]
        if future:
            raise LeakError(
                f"at position {position} the memory recalls {future[0]}, which is not in its past",
                "The memory keeps what it should not; see the contract tests in seqswe.testing.",
            )
    return recall


@contextmanager
def _failing_as(cause: str) -> Iterator[None]:
    try:
        yield
    except SeqSWEError:
        raise
    except Exception as error:
        raise RolloutError(cause, f"{type(error).__name__}: {error}"[:500]) from error
