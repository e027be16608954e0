"""The loop: recall → attempt (deliver, solve, collect, grade) → learn → journal.

One rollout reads on one screen, `_rollout`; `harness.loop.schedule` only decides which is next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from harness.delivery import deliver
from harness.grading import Collected, collect_patch
from harness.grading.grade import Graded, empty_patch
from harness.loop.agent_model import rollout_id
from harness.loop.asking import Conversation, conversation
from harness.loop.attempt import CheckedAttempt, as_text, validate_attempt
from harness.loop.clock import Clock
from harness.loop.context import RunContext
from harness.loop.experiences import (
    EXPERIENCE_FILE,
    due_lesson,
    experience_json,
    starting_memory,
)
from harness.loop.instructions import hide, without
from harness.loop.recalling import checked_recall, recalling_ahead
from harness.loop.sandbox_pool import OpenSandbox, SandboxRequest
from harness.loop.speculation import Speculation
from harness.memory.metered import MeteredMemory, meter_of
from harness.plugin_host.agent import Post
from seqswe.agent import Attempt, Usage
from seqswe.arms import Cell
from seqswe.errors import LeakError, RolloutError, SeqSWEError
from seqswe.instance import Instance, Task, digest_of
from seqswe.memory import Experience, Recall
from seqswe.models.meter import Meter
from seqswe.runs.bounded import bounded
from seqswe.runs.feedback import experience
from seqswe.runs.rollout import CAUSES, Delivered, Failure, Rollout
from seqswe.runs.store import dump
from seqswe.runs.trajectory import trajectory
from seqswe.sandbox import Completed, Sandbox


def run_rollout(context: RunContext, cell: Cell, position: int, before: str) -> Rollout:
    """One agent on one task, from the memory snapshot `before`: a verdict, or a typed failure.

    Raises LeakError and other errors for people: they end the run.
    """
    instance, clock = context.instances[position], Clock()
    name = rollout_id(cell, position, instance.instance_id).name
    meter, code = meter_of(context.experiment, name), context.code.before(cell, position)
    rollout = Rollout(
        arm=cell.arm,
        seed=cell.seed,
        position=position,
        instance_id=instance.instance_id,
        key=context.key(instance, before, code.code_before),
        gold_files=instance.gold_files,
        memory_before=before,
        memory_after=before,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        code_before=code.code_before,
        carried=code.carried,
        carry_conflicts=code.carry_conflicts,
    )
    try:
        with clock.phase("total"):
            rollout = _rollout(context, cell, rollout, clock, meter)
    except RolloutError as error:
        rollout = replace(rollout, failure=Failure.of(error))
        write_trace(context, cell, instance.task(position), error)
    except SeqSWEError:
        raise
    except Exception as error:  # noqa: BLE001  (the rollout's boundary: a bug is a failure too)
        rollout = replace(rollout, failure=Failure(cause="harness_failed", detail=describe(error)))
    thrown = context.speculation.thrown_away(cell, position)
    rollout = replace(rollout, timing=clock.seconds, memory_usage=meter.usage, thrown_away=thrown)
    rollout = bounded(rollout)
    context.code.note(rollout)
    return rollout


def _rollout(
    context: RunContext, cell: Cell, rollout: Rollout, clock: Clock, meter: Meter
) -> Rollout:
    position = rollout.position
    instance = context.instances[position]
    task = instance.task(position)
    with _failing_as("memory_failed"), clock.phase("memory"):
        memory, recall, rollout = _recall(context, cell, task, rollout, meter)
    ahead = recalling_ahead(context, cell, position, memory, rollout.memory_before)
    attempted = context.speculation.attempt(cell, position, recall, ahead, clock)
    work, graded = attempted.work, attempted.graded
    lesson = _lesson(context, instance, task, work, graded)
    with clock.phase("memory"), _counting(context, rollout, graded.verdict.resolved):
        due = due_lesson(context, cell, position, lesson)
        after, size = _learn(context, cell, memory, due, rollout.memory_before, meter)
    rollout = replace(
        rollout,
        resolved=graded.verdict.resolved,
        reason=graded.verdict.reason,
        problem=graded.verdict.problem,
        dropped_files=graded.verdict.dropped_files,
        failure=work.failure,
        patch_digest=digest_of(work.patch),
        ranking=work.attempt.ranking,
        edited_files=work.collected.files,
        confidence=work.attempt.confidence,
        usage=work.attempt.usage,
        usage_refused=work.usage_refused,
        delivered=work.delivered,
        asked=work.user.asked,
        user_usage=work.user.usage,
        audit=work.audit,
        broken=len(graded.verdict.pass_to_pass.failure),
        memory_after=after,
        memory_bytes=size,
    )
    with clock.phase("journal"):
        steps = trajectory(task, recall, work.attempt, work.steps, _about(context, rollout))
        files = _write_files(context, cell, rollout, work, graded, steps, lesson)
    return replace(rollout, files=files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What an agent did on a task, and what it left behind."""

    attempt: Attempt
    failure: Failure | None
    """Of the agent's own making: what it left is graded all the same."""
    usage_refused: tuple[str, ...]
    collected: Collected
    steps: Sequence[tuple[str, Completed]]
    transcript: str
    """The steps as one text, the same for the same steps on any machine."""
    delivered: Delivered | None
    user: Conversation
    audit: str

    @property
    def patch(self) -> str:
        """What the agent's files differ in from the base commit."""
        return self.collected.patch


@dataclass(frozen=True, slots=True)
class Attempted:
    """A task that was worked on, and the verdict."""

    work: Work
    graded: Graded

    @property
    def usage(self) -> Usage:
        """What the agent used."""
        return self.work.attempt.usage


def attempt(
    context: RunContext, cell: Cell, position: int, recall: Recall, clock: Clock
) -> Attempted:
    """Let the agent work on a task with what was recalled, and grade what it left."""
    grading = SandboxRequest(cell, position, for_agent=False)
    context.prefetch_grading(cell, position)
    try:
        task = context.instances[position].task(position)
        work = _work(context, cell, task, recall, clock)
        context.prefetch_next(cell, position, has_patch=bool(work.patch))
        graded = grade_patch(context, grading, work.patch, clock)
    finally:
        # Without a patch, or after a failure, nobody takes the grader's sandbox.
        context.sandboxes.drop(grading)
    return Attempted(work, graded.with_left_out(work.collected.left_out))


def speculation(context: RunContext, width: int, *, scores: bool = True) -> Speculation[Attempted]:
    """The attempts of a context, `width` tasks of a chain at a time; see `Speculation`."""
    run, stop = partial(attempt, context), partial(end_attempt, context)
    return Speculation(width, context.experiment.jobs, run, stop, scores=scores)


def end_attempt(context: RunContext, cell: Cell, position: int) -> None:
    """Close the sandboxes of an attempt, so that it fails soon."""
    for for_agent in (True, False):
        context.sandboxes.end(SandboxRequest(cell, position, for_agent=for_agent))


def _recall(
    context: RunContext, cell: Cell, task: Task, rollout: Rollout, meter: Meter
) -> tuple[MeteredMemory, Recall, Rollout]:
    """Load the memory for this arm, recall for the task, and note both in the rollout."""
    position = rollout.position
    before = starting_memory(context, cell, position, rollout.memory_before, meter)
    memory = context.memories.at(cell, before)
    memory.pay_with(meter)
    recall = checked_recall(context, cell, task, memory, before)
    key = context.key(context.instances[position], before, rollout.code_before)
    return memory, recall, replace(rollout, memory_before=before, key=key, **_recalled(recall))


def _work(context: RunContext, cell: Cell, task: Task, recall: Recall, clock: Clock) -> Work:
    """Deliver the recall, let the agent solve the task, collect its patch: in one sandbox."""
    request = SandboxRequest(cell, task.position, for_agent=True)
    user = conversation(context, cell, task)
    with context.sandboxes.take(request) as opened:
        clock.add(opened.timing)
        hidden = context.hidden(task.position)
        hide(opened.sandbox, hidden)
        with (
            deliver(context.delivery(cell), recall, opened.sandbox) as handover,
            context.model.session(cell, task, opened.sandbox, opened.door) as asking,
            user.opened(opened.sandbox, asking.told(handover.recall)) as told,
        ):
            sandbox = user.recording(opened.sandbox, context.experiment.limits, told.env)
            with clock.phase("agent"), clock.processor(opened.sandbox):
                solved = _solve(context, cell, task, told, sandbox, asking.post)
        solved = asking.settled(solved)
        with clock.phase("collect"):
            collected, failure = _collect(opened, solved.failure)
            collected = without(collected, hidden)
    return Work(
        attempt=handover.noted(solved.attempt),
        failure=failure,
        usage_refused=solved.usage_refused,
        collected=collected,
        steps=sandbox.steps,
        transcript=as_text(solved.attempt, sandbox),
        user=user,
        delivered=handover.delivered,
        audit=str(opened.audit),
    )


def _solve(
    context: RunContext,
    cell: Cell,
    task: Task,
    recall: Recall,
    sandbox: Sandbox,
    post: Post | None,
) -> CheckedAttempt:
    """The agent's attempt. A crash or a used-up budget is the agent's own: what it left counts.

    So is whatever it says of its sandbox or of its model's provider, since a rollout that is tried
    again has another chance. Who believes the agent's word there lets it choose its best try: that
    the sandbox is gone shows when the patch is collected, and the gateway knows the provider.
    """
    try:
        return validate_attempt(context.agent(cell, post).solve(task, recall, sandbox))
    except RolloutError as error:
        failure = Failure.of(error)
        if failure.cause == "cancelled":  # no plug-in may say so: the run is being ended
            raise
        if not CAUSES[failure.cause].grade:
            failure = Failure(cause="agent_crashed", detail=f"{failure.cause}: {failure.detail}")
        write_trace(context, cell, task, error)
        return CheckedAttempt.failed(failure)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (a plug-in may raise anything)
        return CheckedAttempt.failed(Failure(cause="agent_crashed", detail=describe(error)))


def _collect(opened: OpenSandbox, failure: Failure | None) -> tuple[Collected, Failure | None]:
    """The patch. Empty if the agent left nothing to compare: that counts against the agent."""
    commit, limits = opened.spec.checkout.commit, opened.spec.limits
    try:
        return collect_patch(opened.sandbox, commit, limits.output_bytes), failure
    except RolloutError as error:
        if not CAUSES[error.cause].grade:
            raise
        return Collected(), failure or Failure.of(error)


def grade_patch(context: RunContext, request: SandboxRequest, patch: str, clock: Clock) -> Graded:
    """The verdict, in a sandbox that no agent has touched."""
    instance = context.instances[request.position]
    if not patch.strip():
        return empty_patch(instance)
    with context.sandboxes.take(request) as opened, clock.phase("grading"):
        graded = context.grader.grade(instance, patch, opened.sandbox)
        clock.book("tests", graded.test_seconds)
        clock.book("grading", -graded.test_seconds)
    return graded


def _lesson(
    context: RunContext, instance: Instance, task: Task, work: Work, graded: Graded
) -> Experience:
    """What the memory is told: no more than the feedback policy allows."""
    return experience(
        task,
        work.user.told_attempt(work.attempt),
        patch=work.patch,
        edited_files=work.collected.files,
        steps=work.user.told_steps(work.transcript),
        gold=instance,
        verdict=graded.verdict,
        test_log=graded.told,
        policy=context.experiment.feedback,
    )


def _learn(
    context: RunContext,
    cell: Cell,
    memory: MeteredMemory,
    lesson: Experience | None,
    before: str,
    meter: Meter,
) -> tuple[str, int]:
    """Let the memory learn; returns its snapshot and the bytes of its state.

    Without a lesson, which is on its way still, it stays where it was.

    A passing failure is tried again with the same lesson, and with the memory as it was before: if
    the task were worked on anew, a memory that dislikes a verdict could have another by failing.
    """
    if lesson is None:
        return before, 0
    asked = meter.requests
    for tries_left in range(context.experiment.retries, -1, -1):
        try:
            with _failing_as("memory_failed"):
                return context.memories.learn(cell, memory, lesson, before)
        except RolloutError as error:
            if not tries_left or not CAUSES[Failure.of(error).cause].retry:
                raise
        meter.requests = asked  # recordings hold what the last try asked
        with _failing_as("memory_failed"):
            memory = context.memories.at(cell, before)
            memory.pay_with(meter)
    raise AssertionError("the last try returns or raises")


@contextmanager
def _counting(context: RunContext, rollout: Rollout, resolved: bool) -> Iterator[None]:
    """Note the verdict that is lost with a memory's failure, or with a leak that ends the run."""
    try:
        yield
    except RolloutError as error:
        error.lost_verdict = resolved
        raise
    except LeakError as error:
        failure = Failure(cause="memory_failed", detail=error.message, lost_verdict=resolved)
        context.store.append_try(replace(rollout, failure=failure))
        raise


def _recalled(recall: Recall) -> dict[str, Any]:
    origins = dict.fromkeys(origin for item in recall.items for origin in item.origins)
    return {
        "recalled": len(recall.items),
        "recalled_bytes": len(recall.text.encode("utf-8", "surrogatepass")),
        "recall_truncated": bool(recall.truncated),
        "recalled_from": tuple(map(str, origins)),
    }


def _about(context: RunContext, rollout: Rollout) -> Mapping[str, Any]:
    memory = {"memory_before": rollout.memory_before, "memory_after": rollout.memory_after}
    session = f"{rollout.arm}-{rollout.seed}"
    return {"agent": context.experiment.agent, "session": session, "extra": memory}


def _write_files(
    context: RunContext,
    cell: Cell,
    rollout: Rollout,
    work: Work,
    graded: Graded,
    steps: Mapping[str, Any],
    lesson: Experience,
) -> dict[str, str]:
    """Write the rollout's files, the lesson only if a memory was told of it; their digests."""
    store = context.store
    lesson_file = {EXPERIENCE_FILE: experience_json(lesson)} if cell.carries_memory else {}
    return store.write(
        store.folder(rollout.arm, rollout.seed, rollout.position, rollout.instance_id),
        {
            **lesson_file,
            "patch.diff": work.patch,
            "test.log": graded.log,
            "report.json": dump(graded.verdict.as_report(rollout.instance_id)),
            "trajectory.json": dump(steps),
        },
    )


def write_trace(context: RunContext, cell: Cell, task: Task, error: RolloutError) -> None:
    """Keep what the author of a plug-in needs to see of its failure beside the rollout's files."""
    if error.trace:
        folder = context.store.folder(cell.arm, cell.seed, task.position, task.instance_id)
        context.store.write(folder, {"plugin_error.txt": error.trace})


@contextmanager
def _failing_as(cause: str) -> Iterator[None]:
    try:
        yield
    except SeqSWEError:
        raise
    except (Exception, SystemExit) as error:
        raise RolloutError(cause, describe(error)) from error


def describe(error: BaseException) -> str:
    """An error of somebody's code in at most 500 characters, for a failure's detail."""
    return f"{type(error).__name__}: {error}"[:500]
