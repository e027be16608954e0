"""Landlock by its system calls: which files a process, and all that it starts, may open.

https://docs.kernel.org/userspace-api/landlock.html. Rules name files that are allowed; what no rule
names is refused. A process may only ever confine itself further.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""The same numbers on every architecture."""
VERSION = 1
PATH_BENEATH = 1
NO_NEW_PRIVS = 38

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE, IOCTL = 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL
"""Rights that a file can have; the others are of folders."""
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights over files there are, by version of the interface; later ones add none."""
TCP = 0b11
SCOPES = 0b11
"""Abstract sockets and signals stay among the processes that are confined together."""

LIBC = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


@cache
def version() -> int:
    """The version of the kernel's interface; 0 if it has none or Landlock is off."""
    if sys.platform != "linux":
        return 0
    return max(0, int(LIBC.syscall(CREATE_RULESET, None, 0, VERSION)))


def restrict(readable: Iterable[Path], writable: Iterable[Path], *, tcp: bool) -> None:
    """Confine this process to these files and folders, for good.

    readable: may be read and run; writable: also changed; tcp: whether TCP stays allowed. Paths
    that do not exist are left out. Raises OSError if the kernel refuses.
    """
    there = version()
    everything = (1 << RIGHTS.get(there, RIGHTS[max(RIGHTS)])) - 1
    attributes = _Ruleset(everything, 0 if tcp else TCP, SCOPES)
    size = 8 if there < 4 else 16 if there < 6 else 24
    ruleset = _checked(LIBC.syscall(CREATE_RULESET, ctypes.byref(attributes), size, 0))
    try:
        for path in readable:
            _allow(ruleset, path, READ)
        for path in writable:
            _allow(ruleset, path, everything)
        _checked(LIBC.prctl(NO_NEW_PRIVS, 1, 0, 0, 0))
        _checked(LIBC.syscall(RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= OF_FILES
        rule = _PathBeneath(rights, handle)
        _checked(LIBC.syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(handle)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
