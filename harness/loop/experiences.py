"""What the memories of a run were told, kept so that a memory can be made again without a part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from seqswe.arms import Cell, Frozen
from seqswe.errors import ManifestError, RunDirError
from seqswe.manifests.convert import parse
from seqswe.manifests.read import read_json
from seqswe.memory import Experience
from seqswe.models.meter import Meter
from seqswe.runs.snapshots import EMPTY
from seqswe.runs.store import dump

if TYPE_CHECKING:
    from harness.loop.context import RunContext

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
    """The lesson of a task that a cell's memory is told of. Raises RunDirError if there is none.

    It lies where it was learned: in the cell itself, or in the sequential arm of the same seed.
    """
    arm, name = cell.lessons_of, context.instances[position].instance_id
    return read_experience(context.store.folder(arm, cell.seed, position, name))


class Windows:
    """Memories told of some lessons alone: one for each arm and seed, whatever makes it.

    A memory that asks a model would be another one each time it is made.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[str, int], str] = {}
        self._lock = Lock()

    def snapshot(self, context: RunContext, cell: Cell, lessons: Frozen, meter: Meter) -> str:
        """The snapshot of a cell's memory, made if it is not there yet."""
        with self._lock:
            place = (cell.arm, cell.seed)
            if place not in self._made:
                before = {
                    r.memory_before
                    for r in context.store.journal().rollouts
                    if (r.arm, r.seed) == place and r.graded
                }
                self._made[place] = (
                    before.pop() if before else _told(context, cell, EMPTY, lessons.lessons, meter)
                )
            return self._made[place]


def starting_memory(
    context: RunContext, cell: Cell, position: int, snapshot: str, meter: Meter
) -> str:
    """The snapshot to start from: the one given, or one made with other lessons.

    A lesson is left out by going back to the snapshot before it and telling that memory the rest
    of what the sequential run was told. So it works for every memory, and nothing is left of the
    lesson but what later rollouts did under its influence. A window begins with an empty memory.
    """
    memory = cell.memory
    if isinstance(memory, Frozen) and memory.alone:
        return context.windows.snapshot(context, cell, memory, meter)
    if isinstance(memory, Frozen) and memory.without_own and position in memory.lessons:
        before = context.chain_rollout(cell.seed, position).memory_before
        later = memory.lessons[memory.lessons.index(position) + 1 :]
        return _told(context, cell, before, later, meter)
    return snapshot


def _told(
    context: RunContext, cell: Cell, before: str, lessons: Sequence[int], meter: Meter
) -> str:
    """The memory at `before`, told of these tasks as the sequential run's was."""
    assert isinstance(cell.memory, Frozen)
    again = context.memories.at(cell, before)
    again.pay_with(meter)
    # It is told them as a chain is, and may know no more than one at each of them.
    told_in = replace(cell, order=cell.memory.lessons, memory="carry")
    state = context.store.snapshots.files(before)
    for position in lessons:
        state = context.memories.learn_again(
            told_in, again, lesson_of(context, cell, position), state
        )
        meter.next_task()
    return context.memories.keep(cell, again, before)[0]
