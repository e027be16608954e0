"""Who owns a container or folder, whether that process still lives."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

OWNED = re.compile(r"(\d+-\d+-[0-9a-f-]{36}(?:\.\d+)?)-\w+")
SCRATCH = "scratch-"
HOST = "4026531836"
"""The first pid namespace of every Linux kernel."""


@cache
def owner() -> str:
    """This process, named so that a later process with the same number is not mistaken for it."""
    return f"{os.getpid()}-{_started(os.getpid())}"


def alive(name: str) -> bool:
    """Whether the process that `owner` named is still running on this machine."""
    number, _, started = name.partition("-")
    if not number.isdigit():
        return False
    if _namespace(started) != _namespace(_here()):
        # Seen from another container its processes are invisible; what they own ends by itself.
        return True
    return _started(int(number)) == started


def sweep(parent: Path, prefix: str) -> int:
    """Remove the folders that dead processes left in `parent`; returns how many.

    They are named by `tempfile.mkdtemp(prefix=f"{prefix}{owner()}-")`; others are left alone.
    """
    removed = 0
    for folder in parent.glob(f"{prefix}*"):
        found = OWNED.fullmatch(folder.name.removeprefix(prefix))
        if found and not alive(found[1]):
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A folder that is gone afterwards, on the same disk as the packs it links to.

    Those of processes that were killed are removed first.
    """
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent, SCRATCH)
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=f"{SCRATCH}{owner()}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(pid: int) -> str | None:
    """Start time of a process in clock ticks since boot, and where that was."""
    try:
        if not Path("/proc").is_dir():  # no such facts on this system: the number must do
            os.kill(pid, 0)
            return "0"
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return f"{stat.rpartition(')')[2].split()[19]}-{_here()}"


@cache
def _here() -> str:
    """The boot's id and, inside a container, its pid namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return ""
    return boot if namespace == HOST else f"{boot}.{namespace}"


def _namespace(place: str) -> str:
    return place.partition(".")[2]
