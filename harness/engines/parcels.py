"""What travels between the driver of a run and its machines, and what a machine holds already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.loop.experiences import EXPERIENCE_FILE
from seqswe.arms import Cell, Frozen
from seqswe.errors import SeqSWEError
from seqswe.manifests.read import read_bytes
from seqswe.runs.rollout import Rollout
from seqswe.runs.snapshots import EMPTY, Files
from seqswe.runs.store import RunDirectory, RunInfo

CellKey = tuple[str, int]
"""Arm and seed: a cell, without the order of its tasks."""
Key = tuple[str, int, int]
"""Arm, seed and position."""
LATER_FILES = (EXPERIENCE_FILE, "patch.diff")
"""Files of a rollout that later rollouts of its chain may read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a machine works on. It loads codebase and clone by itself, with keys of its own."""

    info: RunInfo
    machines: int
    """Over which a limit on the pace of requests is divided."""
    folder: str
    """The driver's working folder; used if the machine has it, for paths that are relative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A rollout that was made elsewhere, with those of its files that later ones may read."""

    rollout: Rollout
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A rollout to run, with what of the run's past the machine does not have."""

    cell: CellKey
    position: int
    before: str
    states: Mapping[str, Files] = field(default_factory=dict)
    """Whole states of memories, by snapshot."""
    earlier: tuple[Earlier, ...] = ()
    spent: tuple[float, int, int] = (0.0, 0, 0)
    """USD, tokens and requests that agents on other machines have used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an order: a rollout, or the error that ends the run, each with its files."""

    rollout: Rollout | None = None
    error: SeqSWEError | None = None
    lost: Rollout | None = None
    """Beside an error: the rollout whose verdict was lost with it."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    links: Mapping[str, bytes] = field(default_factory=dict)
    """Changes of memories, by snapshot, as `Snapshots.link` has them."""
    requests: tuple[Mapping[str, Any], ...] = ()
    """Lines about requests to the agents' model since the last outcome."""


class Held:
    """What a machine has of a run's past."""

    def __init__(self) -> None:
        self._snapshots: set[str] = {EMPTY}
        self._rollouts: set[Key] = set()

    def order(
        self,
        store: RunDirectory,
        done: Mapping[Key, Rollout],
        cell: Cell,
        position: int,
        before: str,
        spent: tuple[float, int, int],
    ) -> Order:
        """A rollout to run, with everything that it may read and the machine does not have."""
        arm = cell.lessons_of
        past, snapshots = set(cell.taught(position)), {before}
        if cell.lag:  # and those that its memory has not heard of yet
            past.update(cell.order[: cell.order.index(position)])
        memory = cell.memory
        if isinstance(memory, Frozen) and memory.without_own and position in memory.lessons:
            # The memory is made again from the moment before the task's own lesson.
            past.add(position)
            snapshots.add(done[arm, cell.seed, position].memory_before)
        keys = sorted({(arm, cell.seed, p) for p in past} - self._rollouts)
        earlier = tuple(_earlier(store, done[key]) for key in keys)
        states = {digest: store.snapshots.files(digest) for digest in snapshots - self._snapshots}
        return Order(
            cell=(cell.arm, cell.seed),
            position=position,
            before=before,
            states=states,
            earlier=earlier,
            spent=spent,
        )

    def note(self, order: Order, outcome: Outcome) -> None:
        """Take what a machine was sent and what it made: it keeps both.

        Not before it has answered: orders beside this one may come to their machine first.
        """
        sent = (each.rollout for each in order.earlier)
        self._rollouts.update((r.arm, r.seed, r.position) for r in sent)
        self._snapshots.update(order.states)
        if (rollout := outcome.rollout) is not None and rollout.graded:
            self._rollouts.add((rollout.arm, rollout.seed, rollout.position))
            self._snapshots.update(outcome.links)


def _earlier(store: RunDirectory, rollout: Rollout) -> Earlier:
    folder = store.folder(rollout.arm, rollout.seed, rollout.position, rollout.instance_id)
    files = {name: read_bytes(folder / name) for name in LATER_FILES if name in rollout.files}
    return Earlier(rollout=rollout, files=files)
