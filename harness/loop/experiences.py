"""What the memories of a run were told, kept so that a memory can be made again without a part."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

from harness.loop.context import Bench
from seqswe.arms import SEQUENTIAL, Cell, Frozen
from seqswe.errors import RunDirError
from seqswe.manifests.parse import parse
from seqswe.memory import Experience
from seqswe.models.meter import Meter
from seqswe.runs.store import dump

NAME = "experience.json"
"""Beside a rollout's other files, where a memory was told of it."""


def written(told: Experience) -> str:
    """An experience as JSON text; `read` reads it back."""
    return dump(asdict(told))


def read(folder: Path) -> Experience:
    """The experience of a rollout's folder. Raises RunDirError where there is none."""
    path = folder / NAME
    try:
        return parse(Experience, json.loads(path.read_text(encoding="utf-8")), str(path))
    except (OSError, ValueError) as error:
        raise RunDirError(
            f"{path} cannot be read: {error}", "Restore it from a copy, or start a new run."
        ) from None


def starting_from(bench: Bench, cell: Cell, position: int, snapshot: str, meter: Meter) -> str:
    """The snapshot that a rollout starts from: the one given, without its own lesson if need be.

    A lesson is left out by going back to the snapshot before it and telling that memory the rest
    of what the sequential run was told. So it works for every memory, and nothing is left of the
    lesson but what later rollouts did under its influence.
    """
    memory = cell.memory
    if not (isinstance(memory, Frozen) and memory.without_own and position in memory.lessons):
        return snapshot
    chain = {
        r.position: r
        for r in bench.store.journal().rollouts
        if (r.arm, r.seed) == (SEQUENTIAL, cell.seed)
    }
    before = chain[position].memory_before
    again = bench.memories.at(cell, before)
    again.pay_with(meter)
    # It is told them as a chain is, and may know no more than one at each of them.
    told_in = replace(cell, order=memory.lessons, memory="carry")
    state = bench.store.snapshots.files(before)
    for later in memory.lessons[memory.lessons.index(position) + 1 :]:
        folder = bench.store.folder(SEQUENTIAL, cell.seed, later, chain[later].instance_id)
        state = bench.memories.learn_again(told_in, again, read(folder), state)
        meter.next_task()
    return bench.memories.keep(cell, again, before)[0]
