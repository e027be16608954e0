"""Who owns a container or folder, whether that process still lives, and clean stops."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType


@cache
def owner() -> str:
    """This process, named so that a later process with the same number is not mistaken for it."""
    return f"{os.getpid()}-{_started(os.getpid())}"


def alive(name: str) -> bool:
    """Whether the process that `owner` named is still running on this machine."""
    number, _, started = name.partition("-")
    if not number.isdigit():
        return False
    place, mine = started.partition("-")[2], _place()
    if place.rpartition("-")[0] == mine.rpartition("-")[0] and place != mine:
        # The same machine seen from another container: its processes cannot be seen from here,
        # and what they own ends by itself.
        return True
    return _started(int(number)) == started


def _started(pid: int) -> str | None:
    """Start time of a process in clock ticks since boot, and where that was."""
    try:
        if not Path("/proc").is_dir():  # no such facts on this system: the number must do
            os.kill(pid, 0)
            return "0-unknown"
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return f"{stat.rpartition(')')[2].split()[19]}-{_place()}"


@cache
def _place() -> str:
    """The boot's id and the number of this process's pid namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}-{os.readlink('/proc/self/ns/pid').strip('pid:[]')}"
    except OSError:
        return "unknown"


@contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt, so that both stops run the same clean-up."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
