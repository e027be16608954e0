"""What a plug-in may not reach, and with which means of this machine.

A plug-in may read the programs and libraries that it needs and the files that its options name. It
may write into one folder of its own. It has no network, no shared memory, and no rights of root.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from harness.plugin_host import landlock, seccomp

SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/opt", "/nix", "/etc")
MACHINE = ("/proc", "/sys/devices", "/sys/fs/cgroup", "/sys/kernel/mm")
OF_PROC = ("self", "cpuinfo", "meminfo", "stat", "loadavg", "uptime", "filesystems", "sys")
"""What a plug-in's process sees of /proc: of itself, and of the machine; not of other processes."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
CAPABILITIES = 0x20080522
SIGNALS = 6
"""Version of Landlock from which on signals stay inside."""


def readable(options: Iterable[str], hidden: Iterable[Path]) -> tuple[Path, ...]:
    """Folders and files that a plug-in may read.

    options: its `key=value`; every word of a value that is the path of something is readable.
    hidden: folders of which it reads nothing, wherever they lie, unless an option names them.
    """
    python = (sys.prefix, sys.base_prefix, sys.exec_prefix, *(p or "." for p in sys.path))
    places = (*map(Path, python), *map(Path, SYSTEM), *_programs())
    secret = {Path(path).resolve() for path in hidden}
    found = [p for place in places for p in _without(place.resolve(), secret)]
    return tuple(dict.fromkeys((*found, *_named(options))))


def _programs() -> Iterator[Path]:
    """Folders of PATH, each with the installation that it is a part of, as of pyenv or nvm."""
    private = {Path("/"), Path.home(), Path.home() / ".local"}
    for folder in map(Path, filter(None, os.environ.get("PATH", "").split(os.pathsep))):
        part = folder.name in ("bin", "shims") and folder.parent not in private
        yield folder.parent if part else folder


def _without(path: Path, secret: set[Path]) -> Iterator[Path]:
    """The path, or what there is below it but for the secret folders."""
    if not any(folder.is_relative_to(path) for folder in secret):
        yield path
    elif path not in secret:
        with suppress(OSError):
            for child in path.iterdir():
                yield from _without(child, secret)


def _named(options: Iterable[str]) -> Iterator[Path]:
    for option in options:
        value = option.partition("=")[2]
        with suppress(ValueError):
            for word in {value, *shlex.split(value)}:
                with suppress(OSError):
                    if word and Path(word).exists():
                        yield Path(word).resolve()


def confine_server(reads: Iterable[Path], cells: Path, *, network: bool) -> None:
    """Confine the process that imports a plug-in, and with it all that it forks.

    cells: the one folder to write to.
    """
    _drop_capabilities()
    if landlock.version():
        landlock.restrict([*reads, *map(Path, MACHINE)], [cells, *_devices()], tcp=network)
    if seccomp.available():
        seccomp.restrict(network=network)


def reads_of_worker(reads: Iterable[Path], cells: Path) -> tuple[Path, ...]:
    """What the workers below `cells` may read, within what their server may: in few rules.

    All but /proc, and but the folder with the other workers' folders in it.
    """
    apart = {"proc", "dev", cells.parts[1]}
    roots = (Path("/", name) for name in sorted(os.listdir("/")) if name not in apart)
    beside = (path for path in reads if path.parts[1:2] == cells.parts[1:2])
    return (*roots, *beside, *(Path("/proc", name) for name in OF_PROC))


def confine_worker(reads: Iterable[Path], folder: Path) -> None:
    """Confine one plug-in's process, within what its server may do, to a folder of its own."""
    if landlock.version():
        landlock.restrict(reads, [folder, *_devices()], tcp=True)


def reach(*, network: bool = False) -> tuple[str, ...]:
    """What plug-ins can reach on this machine beyond what they are given; () if nothing.

    network: whether a setting grants it.
    """
    found = []
    if not landlock.version():
        found.append("the files and processes of this user, since the kernel has no Landlock")
    elif landlock.version() < SIGNALS:
        found.append("signals to the processes of this user, since Linux is older than 6.12")
    if not seccomp.available():
        found.append("the network and shared memory, since calls are not filtered here")
    elif network:
        found.append("the network, as plugin_network says")
    return tuple(found)


def _devices() -> list[Path]:
    return [Path(name) for name in DEVICES]


def _drop_capabilities() -> None:
    """Give up the rights of root but for those of the owner of files."""
    header = (ctypes.c_uint32 * 2)(CAPABILITIES, 0)
    none = (ctypes.c_uint32 * 6)()
    landlock.LIBC.capset(header, none)
