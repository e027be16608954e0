"""The loop: recall → solve → collect patch → grade → record → snapshot → journal.

One rollout reads on one screen; `harness.loop.schedule` only decides which one is next.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from harness.delivery import deliver
from harness.grading import collect_patch
from harness.grading.grade import Graded, empty_patch, stable
from harness.grading.patch import paths_of
from harness.loop.context import Bench
from harness.loop.experiences import NAME, starting_from, written
from harness.loop.sandbox_pool import Opened, Wanted
from harness.memory.metered import Served, meter_of
from seqswe.agent import Attempt
from seqswe.arms import Cell
from seqswe.errors import LeakError, RolloutError, SeqSWEError
from seqswe.instance import Instance, Task, digest_of
from seqswe.manifests.parse import parse
from seqswe.memory import Recall
from seqswe.models.meter import Meter
from seqswe.runs.feedback import experience
from seqswe.runs.rollout import CAUSES, Failure, Rollout
from seqswe.runs.store import RunDirectory, dump
from seqswe.runs.trajectory import Recording, compact, trajectory
from seqswe.sandbox import Sandbox


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
            self.book(name, monotonic() - started)

    def add(self, seconds: Mapping[str, float]) -> None:
        """Book several phases."""
        for name, each in seconds.items():
            self.book(name, each)

    def book(self, name: str, seconds: float) -> None:
        """Add seconds to a phase."""
        self.seconds[name] = round(self.seconds.get(name, 0.0) + seconds, 4)


def run_rollout(bench: Bench, cell: Cell, position: int, before: str) -> Rollout:
    """One agent on one task, from the memory snapshot `before`: a verdict, or a typed failure.

    Raises LeakError and other errors for people: they end the run.
    """
    instance, clock, meter = bench.instances[position], Clock(), meter_of(bench.experiment)
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
    try:
        with clock.phase("total"):
            rollout = _rollout(bench, cell, rollout, clock, meter)
    except RolloutError as error:
        rollout = replace(rollout, failure=Failure.of(error))
    except SeqSWEError:
        raise
    except Exception as error:  # noqa: BLE001  (the rollout's boundary: a bug is a failure too)
        rollout = replace(rollout, failure=Failure(cause="harness_failed", detail=_said(error)))
    finally:
        # Without a patch, or after a failure, nobody takes the grader's sandbox.
        bench.openings.drop(Wanted(cell, position, for_agent=False))
    return replace(rollout, timing=clock.seconds, memory_usage=meter.usage)


def _rollout(bench: Bench, cell: Cell, rollout: Rollout, clock: Clock, meter: Meter) -> Rollout:
    position = rollout.position
    instance = bench.instances[position]
    task = instance.task(position)
    with _failing_as("memory_failed"), clock.phase("memory"):
        memory, recall, rollout = _recall(bench, cell, task, rollout, meter)
    bench.expect_grading(cell, position)
    with bench.openings.take(Wanted(cell, position, for_agent=True)) as room:
        clock.add(room.timing)
        with deliver(bench.delivery(cell), recall, room.sandbox) as given:
            sandbox = Recording(room.sandbox, bench.experiment.limits, given.recall.env)
            with clock.phase("agent"):
                attempt, failure = _solve(bench, cell, task, given.recall, sandbox)
        attempt = given.noted(attempt)
        with clock.phase("collect"):
            patch, failure = _collect(room, failure)
    bench.patches += 1 if patch else -1
    bench.expect_next(cell, position)
    graded = grade_patch(bench, Wanted(cell, position, for_agent=False), patch, clock)
    edited = paths_of(patch) if patch else ()
    outcome = (instance, graded.verdict, graded.log)
    seen = stable(compact(sandbox.steps), sandbox.root)
    told = experience(task, attempt, patch, edited, outcome, bench.experiment.feedback, seen)
    with _failing_as("memory_failed"), clock.phase("memory"):
        after, size = bench.memories.learn(cell, memory, told, rollout.memory_before)
    rollout = replace(
        rollout,
        resolved=graded.verdict.resolved,
        failure=failure,
        patch_digest=digest_of(patch),
        ranking=attempt.ranking,
        edited_files=edited,
        usage=attempt.usage,
        delivered=given.delivered,
        audit=str(room.audit),
        broken=len(graded.verdict.pass_to_pass.failure),
        memory_after=after,
        memory_bytes=size,
    )
    with clock.phase("journal"):
        about = _about(bench.experiment.agent, rollout)
        steps = trajectory(task, recall, attempt, sandbox.steps, about)
        more = {NAME: written(told)} if cell.chained else {}
        _write(bench.store, rollout, patch, graded, steps, more)
    return rollout


def _recall(
    bench: Bench, cell: Cell, task: Task, rollout: Rollout, meter: Meter
) -> tuple[Served, Recall, Rollout]:
    """The memory as the arm wants it, what it recalls, and the rollout that says both."""
    position = rollout.position
    before = starting_from(bench, cell, position, rollout.memory_before, meter)
    memory = bench.memories.at(cell, before)
    memory.pay_with(meter)
    recall = checked(memory.recall(task), bench.instances, cell, position)
    key = bench.key(bench.instances[position], before)
    return memory, recall, replace(rollout, memory_before=before, key=key, **_recalled(recall))


def _solve(
    bench: Bench, cell: Cell, task: Task, recall: Recall, sandbox: Sandbox
) -> tuple[Attempt, Failure | None]:
    """The agent's attempt. A crash or a used-up budget is the agent's own: what it left counts."""
    try:
        return sound(bench.agent(cell).solve(task, recall, sandbox)), None
    except RolloutError as error:
        failure = Failure.of(error)
        if not CAUSES[failure.cause].grade:
            raise
        return Attempt(message=error.message), failure
    except (Exception, SystemExit) as error:  # noqa: BLE001  (a plug-in may raise anything)
        return Attempt(message=_said(error)), Failure(cause="agent_crashed", detail=_said(error))


def sound(attempt: object) -> Attempt:
    """An attempt that a journal can hold. Raises TypeError or ManifestError for anything else."""
    if not isinstance(attempt, Attempt):
        raise TypeError(f"solve returned {attempt!r:.100}, not an Attempt")
    data = asdict(attempt)
    json.dumps(data["notes"])
    return parse(Attempt, data, "attempt")


def _collect(room: Opened, failure: Failure | None) -> tuple[str, Failure | None]:
    """The agent's patch: empty, by the agent's own doing, where it left none to collect."""
    try:
        return collect_patch(room.sandbox, room.spec.checkout.commit), failure
    except RolloutError as error:
        if not CAUSES[error.cause].grade:
            raise
        return "", failure or Failure.of(error)


def grade_patch(bench: Bench, wanted: Wanted, patch: str, clock: Clock) -> Graded:
    """The verdict, in a sandbox that no agent has touched."""
    instance = bench.instances[wanted.position]
    if not patch.strip():
        return empty_patch(instance)
    with bench.openings.take(wanted) as room, clock.phase("grading"):
        graded = bench.grader.grade(instance, patch, room.sandbox)
        clock.book("tests", graded.test_seconds)
        clock.book("grading", -graded.test_seconds)
    return graded


def checked(recall: Recall, instances: tuple[Instance, ...], cell: Cell, position: int) -> Recall:
    """A recall whose origins the arm lets the memory know. Raises LeakError otherwise."""
    origins = {origin for item in recall.items for origin in item.origins}
    taught = cell.taught(position)
    for other, instance in enumerate(instances):
        if instance.instance_id in origins and other not in taught:
            why = "though it was reset" if cell.memory == "reset" else "which it was not told of"
            raise LeakError(
                f"at position {position} the memory recalls {instance.instance_id}, "
                f"{why if other < position else 'which is not past'} (arm {cell.arm})",
                "It keeps what it should not; see the contract tests in seqswe.testing.",
            )
    return recall


def _recalled(recall: Recall) -> dict[str, Any]:
    origins = dict.fromkeys(origin for item in recall.items for origin in item.origins)
    return {
        "recalled": len(recall.items),
        "recalled_bytes": len(recall.text.encode("utf-8", "surrogatepass")),
        "recall_truncated": bool(recall.truncated),
        "recalled_from": tuple(map(str, origins)),
    }


def _about(agent: str, rollout: Rollout) -> Mapping[str, Any]:
    memory = {"memory_before": rollout.memory_before, "memory_after": rollout.memory_after}
    return {"agent": agent, "session": f"{rollout.arm}-{rollout.seed}", "extra": memory}


def _write(
    store: RunDirectory,
    rollout: Rollout,
    patch: str,
    graded: Graded,
    steps: Mapping[str, Any],
    more: Mapping[str, str],
) -> None:
    store.write(
        store.folder(rollout.arm, rollout.seed, rollout.position, rollout.instance_id),
        {
            **more,
            "patch.diff": patch,
            "test.log": graded.log,
            "report.json": dump(graded.verdict.as_report(rollout.instance_id)),
            "trajectory.json": dump(steps),
        },
    )


@contextmanager
def _failing_as(cause: str) -> Iterator[None]:
    try:
        yield
    except SeqSWEError:
        raise
    except (Exception, SystemExit) as error:
        raise RolloutError(cause, _said(error)) from error


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:500]
