"""A filter of system calls, for what Landlock does not see: sockets, shared memory, metadata.

https://docs.kernel.org/userspace-api/seccomp_filter.html. The filter is a small program that the
kernel runs before each call; here it compares the call's number with a list.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
from collections.abc import Iterator
from pathlib import Path

from harness.plugin_host.landlock import LIBC, NO_NEW_PRIVS

SET_SECCOMP, FILTER_MODE = 22, 2
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
"""Offsets in what the filter is shown of a call."""
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
X32 = 0x40000000
"""From here on x86_64 numbers the calls of another convention."""

ACTIONS = Path("/proc/sys/kernel/seccomp/actions_avail")
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SOCKET = {"x86_64": 41, "aarch64": 198}
REFUSED: dict[str, tuple[int, int]] = {
    # Memory, queues and keys that other processes can find by a number or a name.
    "shmget": (29, 194),
    "shmat": (30, 196),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Other processes, and ways around a filter.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    # Namespaces and mounts.
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
}
"""Calls that fail, by their number on x86_64 and on aarch64; -1: it does not exist there."""
IGNORED: dict[str, tuple[int, int]] = {
    "chmod": (90, -1),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, -1),
    "fchown": (93, 55),
    "lchown": (94, -1),
    "fchownat": (260, 54),
    "utime": (132, -1),
    "utimes": (235, -1),
    "futimesat": (261, -1),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
}
"""Calls that succeed and do nothing: they change what every process sees of a file that may only
be read, and copying a file (`shutil.copy2`) must not fail for want of them."""
NETWORKED = (socket.AF_INET, socket.AF_INET6)


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("yes", ctypes.c_uint8),
        ("no", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction)))


def available() -> bool:
    """Whether the kernel has filters, and the numbers of its system calls are known here."""
    return platform.machine() in ARCHITECTURES and ACTIONS.exists()


def restrict(*, network: bool) -> None:
    """Filter the system calls of this process and all that it starts, for good.

    network: whether it may have sockets of IP; those of Unix it may not have. Pairs of connected
    sockets are allowed. Raises OSError if the kernel refuses.
    """
    instructions = [_Instruction(*i) for i in _program(platform.machine(), network)]
    program = _Program(len(instructions), (_Instruction * len(instructions))(*instructions))
    for call in (
        (NO_NEW_PRIVS, 1, 0, 0, 0),
        (SET_SECCOMP, FILTER_MODE, ctypes.byref(program), 0, 0),
    ):
        if LIBC.prctl(*call) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def _program(machine: str, network: bool) -> Iterator[tuple[int, int, int, int]]:
    """The filter: (operation, steps if true, steps if false, value)."""
    column = list(ARCHITECTURES).index(machine)
    yield LOAD, 0, 0, ARCHITECTURE
    yield EQUAL, 1, 0, ARCHITECTURES[machine]
    yield RETURN, 0, 0, KILL
    yield LOAD, 0, 0, NUMBER
    if machine == "x86_64":
        yield AT_LEAST, 0, 1, X32
        yield RETURN, 0, 0, KILL
    for table, answer in ((REFUSED, ERRNO | errno.EPERM), (IGNORED, ERRNO)):
        for numbers in table.values():
            if numbers[column] >= 0:
                yield EQUAL, 0, 1, numbers[column]
                yield RETURN, 0, 0, answer
    yield EQUAL, 1, 0, SOCKET[machine]
    yield RETURN, 0, 0, ALLOW
    yield LOAD, 0, 0, FIRST_ARGUMENT
    for family in NETWORKED if network else ():
        yield EQUAL, 0, 1, family
        yield RETURN, 0, 0, ALLOW
    yield RETURN, 0, 0, ERRNO | errno.EACCES
