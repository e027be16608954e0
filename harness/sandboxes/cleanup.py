"""Which process owns a container or folder, and whether that process still runs."""

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
    """Name this process so that no later process with the same number has the same name."""
    return f"{os.getpid()}-{_started(os.getpid())}"


def alive(name: str) -> bool:
    """Whether the process that `owner` named is still running on this machine."""
    number, _, started = name.partition("-")
    if not number.isdigit():
        return False
    if _namespace(started) != _namespace(_boot()):
        # The processes of another container are invisible here; what they own ends by itself.
        return True
    return _started(int(number)) == started


def sweep(parent: Path, prefix: str) -> int:
    """Remove the folders that dead processes left in `parent`; returns their number.

    They are named by `tempfile.mkdtemp(prefix=f"{prefix}{owner()}-")`; no other is touched.
    """
    removed = 0
    for folder in parent.glob(f"{prefix}*"):
        match = OWNED.fullmatch(folder.name.removeprefix(prefix))
        if match and not alive(match[1]):
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Make a folder on the same disk as the packs it links to, and remove it afterwards.

    Folders of killed processes are removed first.
    """
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent, SCRATCH)
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=f"{SCRATCH}{owner()}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(pid: int) -> str | None:
    """Return the start time of a process in clock ticks since boot, and which boot it was."""
    try:
        if not Path("/proc").is_dir():  # without /proc the number alone must do
            os.kill(pid, 0)
            return "0"
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return f"{stat.rpartition(')')[2].split()[19]}-{_boot()}"


@cache
def _boot() -> str:
    """Return the boot's id and, inside a container, its pid namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return ""
    return boot if namespace == HOST else f"{boot}.{namespace}"


def _namespace(place: str) -> str:
    return place.partition(".")[2]
