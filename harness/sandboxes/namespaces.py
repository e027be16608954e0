"""What a container's main process does before anything else: leave what containers share.

An engine gives all containers one user, one time and one cgroup namespace. `/proc/PID/ns` shows a
namespace as the same inode to everyone in it, so a lock on it would be seen by other containers.
Needs nothing but Python 3.7, like `supervisor`, which calls it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from contextlib import suppress

NAMESPACES = {"user": 0x10000000, "time": 0x80, "cgroup": 0x02000000}
"""What is left, and the flag of each for `unshare`."""
CAPABILITIES = (1 << 5) | (1 << 6) | (1 << 7)
"""What is kept: KILL, SETGID and SETUID."""
CAPABILITY_VERSION = 0x20080522
CAPABILITY_COUNT = 64
PR_SET_SECCOMP, PR_CAPBSET_DROP = 22, 24
SECCOMP_MODE_FILTER = 2
UNSHARE = {"x86_64": 272, "aarch64": 97, "riscv64": 97, "ppc64le": 282, "s390x": 303}
"""Number of the system call, by machine."""


def enter_own_namespaces() -> None:
    """Leave the shared namespaces for good, and give up the rights that this took.

    Users keep their numbers. Raises OSError if the kernel refuses, KeyError on other machines.
    """
    with open("/proc/self/uid_map") as uids, open("/proc/self/gid_map") as gids:
        maps = {"uid_map": _identity(uids.read()), "gid_map": _identity(gids.read())}
    flags = [flag for name, flag in NAMESPACES.items() if os.path.exists(f"/proc/self/ns/{name}")]
    # Whoever enters a user namespace may no longer map users into it, so a child does that.
    unshared, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(tell)
        _map_users_once(unshared, maps)
    os.close(unshared)
    _libc("unshare", sum(flags))
    os.write(tell, b"x")
    os.close(tell)
    if os.waitpid(child, 0)[1]:
        raise OSError("the users of the container cannot be mapped")
    keep_rights(CAPABILITIES)
    _refuse(UNSHARE[os.uname().machine])


def _map_users_once(unshared: int, maps: dict[str, str]) -> None:
    """In the child: wait for the parent, then map users and groups into its namespace."""
    failed = 1
    try:
        if os.read(unshared, 1):
            for name, lines in maps.items():
                with open(f"/proc/{os.getppid()}/{name}", "w") as file:
                    file.write(lines)
            failed = 0
    finally:
        os._exit(failed)


def _identity(lines: str) -> str:
    """Return a map of users that gives each the number it has inside the map `lines`."""
    fields = [line.split() for line in lines.splitlines()]
    return "".join(f"{inside} {inside} {count}\n" for inside, _, count in fields)


def keep_rights(capabilities: int) -> None:
    """Give up every right of root but these, here and in what is started from here."""
    for each in range(CAPABILITY_COUNT):
        if not capabilities & 1 << each:
            with suppress(OSError):  # beyond the kernel's last one
                _libc("prctl", PR_CAPBSET_DROP, each, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    effective_and_permitted = (ctypes.c_uint32 * 6)(capabilities, capabilities)
    _libc("capset", header, effective_and_permitted)


def _refuse(number: int) -> None:
    """Refuse a system call, here and in every process that follows."""
    instructions = (
        (0x20, 0, 0, 0),  # load the number of the call
        (0x15, 0, 1, number),  # another one: skip the next line
        (0x06, 0, 0, 0x00050000 | errno.EPERM),
        (0x06, 0, 0, 0x7FFF0000),  # allowed, as far as the container's own filter allows it
    )
    program = b"".join(struct.pack("HBBI", *each) for each in instructions)
    buffer = ctypes.create_string_buffer(program)
    length_and_place = struct.pack("HxxxxxxQ", len(instructions), ctypes.addressof(buffer))
    _libc("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, length_and_place, 0, 0)


def _libc(name: str, *arguments: object) -> None:
    """Call a function of the C library that Python has no name for. Raises OSError."""
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
