"""Run a function in a forked child that may loop, fork, allocate or crash."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
IDLE_FACTOR = 4
"""How long a child may sleep, as a multiple of its processor time."""
LOOK = 0.25
"""Seconds from one look at a child to the next."""
GRACE = 0.1
"""Seconds for a child to end once it has answered."""
MEMORY_BYTES = 2 << 30
FILE_BYTES = 64 << 20


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that none escapes."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run_in_child(work: Callable[[], Any], seconds: float) -> Any:
    """Return what `work` returns (JSON), or None if the child died or exceeded its time."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _be_child(work, writer, seconds)
    os.close(writer)
    try:
        data = _read(reader, child, IDLE_FACTOR * seconds)
        if data:
            _wait_for(child)
    finally:
        os.close(reader)
        end_descendants()
    try:
        return json.loads(data) if data else None
    except ValueError:
        return None


def _be_child(work: Callable[[], Any], writer: int, seconds: float) -> None:
    code = 1
    try:
        os.setsid()
        gc.disable()  # A child is short, and the parent's heap is large.
        whole = max(1, int(seconds + 0.999))
        _limit(resource.RLIMIT_CPU, whole)
        _limit(resource.RLIMIT_AS, MEMORY_BYTES)
        _limit(resource.RLIMIT_FSIZE, FILE_BYTES)
        signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        answer = json.dumps(work()).encode()
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        with open(writer, "wb") as out:
            out.write(answer)
        code = 0
    finally:
        # Whatever a candidate raised or registered must not run the parent's code.
        os._exit(code)


def _limit(what: int, wanted: int) -> None:
    _, hard = resource.getrlimit(what)
    bound = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(what, (bound, hard))


def _read(reader: int, child: int, patience: float) -> bytes:
    """What the child answers; what it has said so far once it has slept for too long.

    Not by the clock: a child that waits for its turn on a busy machine loses no time, or results
    would depend on what else runs there. One that computes is ended by its limit.
    """
    parts = []
    while patience > 0:
        ready, _, _ = select.select([reader], [], [], LOOK)
        if not ready:
            patience -= 0 if _is_at_work(child) else LOOK
            continue
        part = os.read(reader, 1 << 16)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def _is_at_work(process: int) -> bool:
    """Whether it runs, waits for its turn to run, or waits for a disk."""
    try:
        with open(f"/proc/{process}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] in (b"R", b"D")
    except OSError:
        return False


def _wait_for(child: int) -> None:
    """Give a child that has answered a moment to end by itself, which is usual and cheap."""
    try:
        ended = os.pidfd_open(child)
    except OSError:
        return
    try:
        select.select([ended], [], [], GRACE)
    finally:
        os.close(ended)


def end_descendants() -> None:
    """Kill and reap every descendant. All are stopped first: a stopped bomb cannot fork."""
    while processes := _descendants():
        for signum in (signal.SIGSTOP, signal.SIGKILL):
            for process in processes:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(process, signum)
        with suppress(ChildProcessError):
            while os.waitpid(-1, 0 if _alive(processes) else os.WNOHANG)[0]:
                pass


def _alive(processes: list[int]) -> bool:
    return any(os.path.exists(f"/proc/{process}") for process in processes)


def _descendants() -> list[int]:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return []  # Orphans become children of this process: no child, no descendant.
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:
                parent = int(stat.read().rpartition(b")")[2].split()[1])
                parents.setdefault(parent, []).append(int(name))
    descendants: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        children = parents.get(waiting.pop(), [])
        descendants += children
        waiting += children
    return descendants
