"""Sandboxes opened ahead of need, so that opening one hides behind the work on another."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from harness.history import Audit, Checkouts, audit
from harness.loop.agent_model import NO_MODEL, AgentModel
from seqswe.arms import Cell
from seqswe.sandbox import Sandbox, SandboxProvider, SandboxSpec

if TYPE_CHECKING:
    from harness.gateway.engine import Door

MakeSpec = Callable[["SandboxRequest", Path], SandboxSpec]
"""Puts the objects of a task below a folder and says what sandbox it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSandbox:
    """A fresh sandbox at its base commit; audited if an agent is to work in it."""

    sandbox: Sandbox
    spec: SandboxSpec
    folder: Path
    audit: Audit | None
    door: Door | None
    """Its way to a model, if its agent asks one from within."""
    timing: Mapping[str, float]
    """Seconds spent on `checkout`, `container` and `audit`, whether anyone waited or not."""


@dataclass(frozen=True, slots=True)
class SandboxRequest:
    """Which sandbox: an agent's or a grader's, of which rollout."""

    cell: Cell
    position: int
    for_agent: bool


class SandboxPool:
    """Opens each requested sandbox once: prefetched, or when it is taken. Safe between threads."""

    def __init__(
        self,
        provider: SandboxProvider,
        checkouts: Checkouts,
        make_spec: MakeSpec,
        scratch: Path,
        jobs: int,
        model: AgentModel = NO_MODEL,
        programs: Mapping[str, Path] | None = None,
    ) -> None:
        """programs: folders of what the agent brings, by environment."""
        self._provider, self._checkouts, self._model = provider, checkouts, model
        self._make_spec, self._scratch = make_spec, scratch
        self._programs = programs or {}
        self._threads = ThreadPoolExecutor(2 * jobs, thread_name_prefix="sandbox-pool")
        self._prefetched: dict[SandboxRequest, Future[OpenSandbox]] = {}
        self._taken: dict[SandboxRequest, OpenSandbox] = {}
        self._lock = Lock()

    def prefetch(self, request: SandboxRequest) -> None:
        """Start opening a sandbox that will be taken soon."""
        with self._lock:
            if request not in self._prefetched:
                self._prefetched[request] = self._threads.submit(self._open, request)

    @contextmanager
    def take(self, request: SandboxRequest) -> Iterator[OpenSandbox]:
        """The sandbox, for this block alone. It is removed in the background when the block ends.

        Raises LeakError when the audit fails, RolloutError("sandbox_failed") and the like.
        """
        with self._lock:
            future = self._prefetched.pop(request, None)
        opened = future.result() if future else self._open(request)
        with self._lock:
            self._taken[request] = opened
        try:
            yield opened
        finally:
            with self._lock:
                if self._taken.get(request) is opened:
                    del self._taken[request]
            self._threads.submit(self._close, opened)

    def end(self, request: SandboxRequest) -> None:
        """Close a sandbox under the hands of whoever has taken it: its work is not wanted."""
        with self._lock:
            opened = self._taken.pop(request, None)
        if opened:
            opened.sandbox.close()

    def drop(self, request: SandboxRequest) -> None:
        """Remove a sandbox that was prefetched and turned out not to be needed."""
        with self._lock:
            future = self._prefetched.pop(request, None)
        if future is not None:
            future.add_done_callback(self._close_if_opened)
            future.cancel()

    def close(self) -> None:
        """Drop what was not taken and wait until everything is removed."""
        for request in list(self._prefetched):
            self.drop(request)
        self._threads.shutdown(wait=True)

    def _open(self, request: SandboxRequest) -> OpenSandbox:
        times = [monotonic()]
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        spec = self._make_spec(request, folder / "objects")
        times.append(monotonic())
        door = None
        if request.for_agent:
            spec = replace(spec, program=self._programs.get(spec.environment.key))
            spec, door = self._model.open_door(spec)
        try:
            sandbox = self._provider.open(spec)
        except BaseException:
            self._model.close_door(door)
            raise
        times.append(monotonic())
        try:
            if door:
                door.attach(sandbox)
            seen = audit(sandbox, spec, self._checkouts.reachable) if request.for_agent else None
        except BaseException:
            sandbox.close()
            self._model.close_door(door)
            raise
        times.append(monotonic())
        spent = (b - a for a, b in pairwise(times))
        timing = dict(zip(("checkout", "container", "audit"), spent, strict=True))
        return OpenSandbox(
            sandbox=sandbox, spec=spec, folder=folder, audit=seen, door=door, timing=timing
        )

    def _close_if_opened(self, future: Future[OpenSandbox]) -> None:
        if not future.cancelled() and not future.exception():
            self._close(future.result())

    def _close(self, opened: OpenSandbox) -> None:
        opened.sandbox.close()
        self._model.close_door(opened.door)
        shutil.rmtree(opened.folder, ignore_errors=True)
