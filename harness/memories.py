"""The memories of a run while it runs: restored from snapshots, kept alive along a chain."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from seqswe.experiment import Cell
from seqswe.memory import Experience, Memory
from seqswe.snapshots import EMPTY, Snapshots

Build = Callable[[Cell, Path], Memory]
"""Makes a new, empty memory of a cell in an empty folder."""


class Memories:
    """Hands out a cell's memory as it was at a snapshot, and snapshots what it learned.

    The memory that made the last snapshot of a chain is kept, so a long chain does not load its
    whole past before every task; anything else is built anew and loaded.
    """

    def __init__(self, build: Build, snapshots: Snapshots, scratch: Path) -> None:
        self._build, self._snapshots, self._scratch = build, snapshots, scratch
        self._live: dict[tuple[str, int], tuple[str, Memory, Path]] = {}
        self._lock = Lock()

    def at(self, cell: Cell, snapshot: str) -> tuple[Memory, Path]:
        """The memory of `cell` at `snapshot`, and its home. Give it back with `keep` or `drop`."""
        with self._lock:
            live = self._live.pop((cell.arm, cell.seed), None)
        if live and live[0] == snapshot:
            return live[1], live[2]
        if live:
            self.drop(live[2])
        home = Path(tempfile.mkdtemp(dir=self._scratch, prefix="memory-"))
        memory = self._build(cell, home)
        if snapshot != EMPTY:
            with tempfile.TemporaryDirectory(dir=self._scratch) as state:
                self._snapshots.get(snapshot, Path(state))
                memory.load(Path(state))
        return memory, home

    def record(self, memory: Memory, told: Experience, before: str) -> tuple[str, int]:
        """Let a memory learn; returns the snapshot after it and the bytes of its state."""
        memory.record(told)
        with tempfile.TemporaryDirectory(dir=self._scratch) as name:
            folder = Path(name)
            memory.save(folder)
            size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
            return self._snapshots.put(folder, before), size

    def keep(self, cell: Cell, snapshot: str, memory: Memory, home: Path) -> None:
        """Keep a memory that is at `snapshot` for the next task of its chain."""
        with self._lock:
            self._live[cell.arm, cell.seed] = snapshot, memory, home

    def drop(self, home: Path) -> None:
        """Forget a memory whose state is no snapshot's."""
        shutil.rmtree(home, ignore_errors=True)
