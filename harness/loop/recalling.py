"""A recall, checked before an agent sees any of it; the evidence is kept where it ends the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict

from harness.loop.context import RunContext
from harness.loop.experiences import lesson_of
from harness.memory.metered import MeteredMemory
from harness.memory.recall_check import validate_recall
from seqswe.arms import Cell
from seqswe.errors import UsageError
from seqswe.instance import Task
from seqswe.memory import Experience, Recall
from seqswe.runs.snapshots import EMPTY
from seqswe.runs.store import dump

EVIDENCE = "recall.json"
"""Holds a recall that ended a run, beside the rollout's other files."""


def checked_recall(
    context: RunContext, cell: Cell, task: Task, memory: MeteredMemory, before: str
) -> Recall:
    """What the memory at snapshot `before` recalls for a task.

    Raises LeakError for what it must not know, RolloutError("memory_failed") for no sound recall.
    """
    recall = memory.recall(task)

    def keep() -> str:
        position = task.position
        folder = context.store.folder(cell.arm, cell.seed, position, task.instance_id)
        context.store.write(folder, {EVIDENCE: dump(asdict(recall))})
        after = before
        with suppress(Exception):  # what is amiss is being told already
            after, _ = context.memories.keep(cell, memory, before)
        state = f"snapshot {after} is kept" if after != EMPTY else "the recall is kept"
        return f"{state} in the run directory ({EVIDENCE})"

    context.recall_check.check(
        recall,
        cell,
        task,
        told=lambda: told(context, cell, task),
        state=lambda: context.store.snapshots.files(before),
        keep=keep,
    )
    return recall


def recalling_ahead(
    context: RunContext, cell: Cell, position: int, memory: MeteredMemory, before: str
) -> Callable[[int], Recall | None]:
    """What the memory at snapshot `before` recalls for later tasks, for attempts ahead of it.

    With a lag it is told before what it will have heard by then and is known already: then the
    next `lag` recalls are those to come. None if it fails: that is a failure of the later task, and
    only if it then fails again. No leak is looked for: a recall that counts is made, and checked,
    at its own task. Raises UsageError for a memory whose recall changes its state.
    """

    def recall(upcoming: int) -> Recall | None:
        known = _heard_by_then(cell, position, upcoming)
        try:
            asked = context.memories.at(cell, before) if known else memory
            for lesson in known:
                asked.record(lesson_of(context, cell, lesson))
            found = asked.recall(context.instances[upcoming].task(upcoming))
            validate_recall(found)
        except (Exception, SystemExit):  # noqa: BLE001  (a plug-in may raise anything)
            return None
        if not known and not context.memories.is_at(memory, before):
            raise UsageError(
                f"memory {context.experiment.memory!r} changes when it recalls",
                "Run it without --speculate.",
            )
        return found

    return recall


def _heard_by_then(cell: Cell, position: int, upcoming: int) -> list[int]:
    """Positions before `position` whose lessons are told from its end to the one before another."""
    first, last = cell.order.index(position), cell.order.index(upcoming)
    due = (cell.due(step) for step in cell.order[first:last])
    return [p for p in due if p is not None and cell.order.index(p) < first]


def told(context: RunContext, cell: Cell, task: Task) -> Iterator[Experience]:
    """What the memory of a cell was told before a task, in its order."""
    for position in cell.taught(task.position):
        yield lesson_of(context, cell, position)
