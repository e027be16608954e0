"""Which process owns a container or folder, on which machine, and whether it still runs."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

MACHINE_ID = Path("/etc/machine-id")
NAME = re.compile(r"(\d{1,10})-(\d{1,20})-([0-9a-f-]{36})?(?:\.(\d+))?", re.ASCII)
"""Of an owner: process, its start in ticks since boot, boot, pid namespace."""
OWNED = re.compile(r"(\d+-\d+-[0-9a-f-]{36}(?:\.\d+)?)-(?:([0-9a-f]{12})_)?\w+", re.ASCII)
"""Name of a folder after its prefix: owner, machine, and what makes it one of its kind."""
SCRATCH = "scratch-"
HOST = "4026531836"
"""The first pid namespace of every Linux kernel."""


@cache
def owner() -> str:
    """Name this process so that no later process with the same number has the same name."""
    return f"{os.getpid()}-{_started(os.getpid())}-{_boot()}"


@cache
def machine() -> str:
    """Name this machine, over all its boots.

    Machines made from one image may have the same id, so their names and addresses count as well.
    """
    parts = [platform.node()]
    # Devices that are not real get a new address with every start.
    devices = sorted(Path("/sys/class/net").glob("*/device"))
    for place in (MACHINE_ID, *(device.with_name("address") for device in devices)):
        with suppress(OSError):
            parts.append(place.read_text().strip())
    return sha256("\n".join(parts).encode()).hexdigest()[:12]


def alive(name: str, its_machine: str | None = None) -> bool:
    """Whether the process that `owner` named may still be running, by default on this machine.

    False only if that is known: True for a process of another machine, or of another container,
    whose processes cannot be seen from here. What they own ends by itself.
    """
    match = NAME.fullmatch(name)
    if match is None:
        return False
    number, started, boot, namespace = match.groups(default="")
    here, _, our_namespace = _boot().partition(".")
    if boot != here:
        return its_machine is not None and its_machine != machine()
    return namespace != our_namespace or _started(int(number)) == started


def make_folder(parent: Path, prefix: str) -> Path:
    """Make a folder that `sweep` removes once this process is dead."""
    return Path(tempfile.mkdtemp(dir=parent, prefix=f"{prefix}{owner()}-{machine()}_"))


def sweep(parent: Path, prefix: str) -> int:
    """Remove the folders that dead processes left in `parent`; returns their number.

    They were made by `make_folder`; no other is touched, and none of another machine's.
    """
    removed = 0
    for folder in parent.glob(f"{prefix}*"):
        match = OWNED.fullmatch(folder.name.removeprefix(prefix))
        if match and not alive(match[1], match[2]):
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
    folder = make_folder(parent, SCRATCH)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(pid: int) -> str | None:
    """Return the start time of a process in clock ticks since boot; None if there is none."""
    try:
        if not Path("/proc").is_dir():  # without /proc the number alone must do
            os.kill(pid, 0)
            return "0"
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]


@cache
def _boot() -> str:
    """Return the boot's id and, inside a container, its pid namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return ""
    return boot if namespace == HOST else f"{boot}.{namespace}"
