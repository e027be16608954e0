"""Sandboxes opened ahead of need, so that opening one hides behind the work on another."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Lock
from time import monotonic

from harness.history import Audit, Delivery, audit
from seqswe.arms import Cell
from seqswe.sandbox import Sandbox, SandboxProvider, SandboxSpec

Lay = Callable[[int, Path, str], SandboxSpec]
"""Lays out the objects of the task at a position below a folder and says what sandbox it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A fresh sandbox at its base commit; audited if an agent is to work in it."""

    sandbox: Sandbox
    spec: SandboxSpec
    folder: Path
    audit: Audit | None
    timing: Mapping[str, float]
    """Seconds spent on `checkout`, `container` and `audit`, whether anyone waited or not."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sandbox: an agent's or a grader's, of which rollout."""

    cell: Cell
    position: int
    for_agent: bool


class Openings:
    """Opens each wanted sandbox once: ahead of need, or when it is taken. Safe between threads."""

    def __init__(
        self, provider: SandboxProvider, history: Delivery, lay: Lay, scratch: Path, jobs: int
    ) -> None:
        self._provider, self._history, self._lay, self._scratch = provider, history, lay, scratch
        self._pool = ThreadPoolExecutor(2 * jobs, thread_name_prefix="openings")
        self._ahead: dict[Wanted, Future[Opened]] = {}
        self._lock = Lock()

    def ahead(self, wanted: Wanted) -> None:
        """Start opening a sandbox that will be taken soon."""
        with self._lock:
            if wanted not in self._ahead:
                self._ahead[wanted] = self._pool.submit(self._open, wanted)

    @contextmanager
    def take(self, wanted: Wanted) -> Iterator[Opened]:
        """The sandbox, for this block alone; it is removed behind the caller's back afterwards.

        Raises LeakError when the audit fails, RolloutError("sandbox_failed") and the like.
        """
        with self._lock:
            future = self._ahead.pop(wanted, None)
        opened = future.result() if future else self._open(wanted)
        try:
            yield opened
        finally:
            self._pool.submit(_close, opened)

    def drop(self, wanted: Wanted) -> None:
        """Remove a sandbox that was opened ahead and turned out not to be needed."""
        with self._lock:
            future = self._ahead.pop(wanted, None)
        if future is not None:
            future.add_done_callback(_close_if_opened)
            future.cancel()

    def close(self) -> None:
        """Drop what nobody took and wait until everything is removed."""
        for wanted in list(self._ahead):
            self.drop(wanted)
        self._pool.shutdown(wait=True)

    def _open(self, wanted: Wanted) -> Opened:
        times = [monotonic()]
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        label = f"{wanted.cell.arm}-{wanted.cell.seed}"
        spec = self._lay(wanted.position, folder / "objects", label)
        times.append(monotonic())
        sandbox = self._provider.open(spec)
        times.append(monotonic())
        try:
            seen = audit(sandbox, spec, self._history.reachable) if wanted.for_agent else None
        except BaseException:
            sandbox.close()
            raise
        times.append(monotonic())
        spent = (b - a for a, b in pairwise(times))
        timing = dict(zip(("checkout", "container", "audit"), spent, strict=True))
        return Opened(sandbox=sandbox, spec=spec, folder=folder, audit=seen, timing=timing)


def _close_if_opened(future: Future[Opened]) -> None:
    if not future.cancelled() and not future.exception():
        _close(future.result())


def _close(opened: Opened) -> None:
    opened.sandbox.close()
    shutil.rmtree(opened.folder, ignore_errors=True)
