"""The memories of a run while it runs: restored from snapshots, kept alive along a chain."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from harness.memory.metered import MeteredMemory
from seqswe.arms import Cell
from seqswe.memory import Experience
from seqswe.runs.snapshots import EMPTY, Files, Snapshots, folder_digest, read_folder

Build = Callable[[Cell], MeteredMemory]
"""Makes a new, empty memory of a cell."""
Check = Callable[[Cell, Experience, Files, Files, str], None]
"""Checks the saved state before and after an experience; the last argument is the snapshot after
it, "" if none is kept. Raises LeakError."""


class Memories:
    """Hands out a cell's memory as it was at a snapshot, and snapshots what it learned.

    The memory that made the last snapshot of a chain is kept, so a long chain does not load its
    whole past before every task; anything else is built anew and loaded.
    """

    def __init__(self, build: Build, snapshots: Snapshots, scratch: Path, check: Check) -> None:
        self._build, self._snapshots, self._scratch = build, snapshots, scratch
        self._check = check
        self._live: dict[tuple[str, int], tuple[str, MeteredMemory]] = {}
        self._lock = Lock()

    def at(self, cell: Cell, snapshot: str) -> MeteredMemory:
        """Return the memory of `cell` at `snapshot`.

        The caller owns it: pass it to `learn`, or discard it.
        """
        with self._lock:
            at, live = self._live.pop((cell.arm, cell.seed), (None, None))
        if live and at == snapshot:
            return live
        memory = self._build(cell)
        if snapshot != EMPTY:
            with tempfile.TemporaryDirectory(dir=self._scratch) as state:
                self._snapshots.get(snapshot, Path(state))
                memory.load(Path(state))
        return memory

    def learn(
        self, cell: Cell, memory: MeteredMemory, experience: Experience, before: str
    ) -> tuple[str, int]:
        """Record an experience; returns the snapshot after it and the bytes of its state.

        The memory of a cell that carries nothing over records nothing and stays where it was.
        Raises LeakError if the memory then holds what it could not know.
        """
        if not cell.carries_memory:
            return before, 0
        memory.record(experience)
        after, size = self.keep(cell, memory, before)
        self._check(
            cell, experience, self._snapshots.files(before), self._snapshots.files(after), after
        )
        return after, size

    def learn_again(
        self, cell: Cell, memory: MeteredMemory, experience: Experience, before: Files
    ) -> Files:
        """Record an experience without a snapshot; returns the state after it.

        Raises LeakError as `learn` does.
        """
        memory.record(experience)
        with tempfile.TemporaryDirectory(dir=self._scratch) as name:
            memory.save(Path(name))
            after = read_folder(Path(name))
        memory.may_embed_again(after)  # it may make its index at the next recall
        self._check(cell, experience, before, after, "")
        return after

    def is_at(self, memory: MeteredMemory, snapshot: str) -> bool:
        """Whether a memory's state is still that of a snapshot; an empty one's is not compared."""
        if snapshot == EMPTY:
            return True
        with tempfile.TemporaryDirectory(dir=self._scratch) as name:
            memory.save(Path(name))
            return folder_digest(read_folder(Path(name))) == snapshot

    def keep(self, cell: Cell, memory: MeteredMemory, before: str) -> tuple[str, int]:
        """Snapshot a memory as a change to `before`; returns the snapshot and its bytes."""
        with tempfile.TemporaryDirectory(dir=self._scratch) as name:
            folder = Path(name)
            memory.save(folder)
            size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
            after = self._snapshots.put(folder, before)
        with self._lock:
            self._live[cell.arm, cell.seed] = after, memory
        return after, size
