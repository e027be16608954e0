"""What the memories of a run were told, kept so that a memory can be made again without a part."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from harness.loop.context import RunContext
from seqswe.arms import SEQUENTIAL, Cell, Frozen
from seqswe.errors import ManifestError, RunDirError
from seqswe.manifests.convert import parse
from seqswe.manifests.read import read_json
from seqswe.memory import Experience
from seqswe.models.meter import Meter
from seqswe.runs.store import dump

EXPERIENCE_FILE = "experience.json"
"""Lies beside a rollout's other files if a memory was told of it."""
MOST_BYTES = 1_000_000_000
"""Of that file: it holds a whole patch and the output of tests."""


def experience_json(experience: Experience) -> str:
    """An experience as JSON text; `read_experience` reads it back."""
    return dump(asdict(experience))


def read_experience(folder: Path) -> Experience:
    """Read the experience of a rollout's folder. Raises RunDirError if there is none."""
    path = folder / EXPERIENCE_FILE
    hint = "Restore it from a copy, or start a new run."
    try:
        return parse(Experience, read_json(path, hint, MOST_BYTES), str(path))
    except ManifestError as error:
        raise RunDirError(error.message, hint) from None


def due_lesson(
    context: RunContext, cell: Cell, position: int, own: Experience
) -> Experience | None:
    """What a memory is told once the task at `position` is over, whose lesson is `own`.

    With a lag it is the lesson of an earlier task; None while it has heard of nothing yet.
    """
    due = cell.due(position)
    if due == position or not cell.carries_memory:
        return own
    return None if due is None else lesson_of(context, cell, due)


def lesson_of(context: RunContext, cell: Cell, position: int) -> Experience:
    """The lesson of a task that a cell has worked on. Raises RunDirError if there is none."""
    name = context.instances[position].instance_id
    return read_experience(context.store.folder(cell.arm, cell.seed, position, name))


def leave_out_own_lesson(
    context: RunContext, cell: Cell, position: int, snapshot: str, meter: Meter
) -> str:
    """The snapshot to start from: the one given, or one made without the task's own lesson.

    A lesson is left out by going back to the snapshot before it and telling that memory the rest
    of what the sequential run was told. So it works for every memory, and nothing is left of the
    lesson but what later rollouts did under its influence.
    """
    memory = cell.memory
    if not (isinstance(memory, Frozen) and memory.without_own and position in memory.lessons):
        return snapshot
    chain = context.chain(cell.seed)
    before = chain[position].memory_before
    again = context.memories.at(cell, before)
    again.pay_with(meter)
    # It is told them as a chain is, and may know no more than one at each of them.
    told_in = replace(cell, order=memory.lessons, memory="carry")
    state = context.store.snapshots.files(before)
    for later in memory.lessons[memory.lessons.index(position) + 1 :]:
        folder = context.store.folder(SEQUENTIAL, cell.seed, later, chain[later].instance_id)
        state = context.memories.learn_again(told_in, again, read_experience(folder), state)
        meter.next_task()
    return context.memories.keep(cell, again, before)[0]
