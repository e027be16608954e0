"""Who owns a container or folder, whether that process still lives."""

from __future__ import annotations

import os
import re
import shutil
from functools import cache
from pathlib import Path

OWNED = re.compile(r"(\d+-\d+-[0-9a-f-]{36})-\w+")


@cache
def owner() -> str:
    """This process, named so that a later process with the same number is not mistaken for it."""
    return f"{os.getpid()}-{_started(os.getpid())}"


def alive(name: str) -> bool:
    """Whether the process that `owner` named is still running on this machine."""
    number, _, started = name.partition("-")
    return number.isdigit() and _started(int(number)) == started


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


def _started(pid: int) -> str | None:
    """Start time of a process in clock ticks since boot, with the boot's id."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    return f"{stat.rpartition(')')[2].split()[19]}-{boot}"
