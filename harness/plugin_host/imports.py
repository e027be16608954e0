"""Imports in a confined process, and what they leave behind that forked processes would share."""

from __future__ import annotations

import os
import pkgutil
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.machinery import FileFinder
from pathlib import Path
from typing import Any

PLACES = frozenset({"HOME", "TMPDIR", "TEMP", "TMP"})
"""Variables that name folders which every process has of its own; see also XDG."""
XDG = "XDG_"


def remember_listings(readable: Collection[Path]) -> None:
    """List the folders of `sys.path` now that must not be listed later, and remember the names.

    Such are those that hold a hidden folder: Landlock can only allow to list a folder with all that
    lies below it. `importlib.metadata` remembers by itself what it has listed once.
    """
    for entry in sys.path:
        finder = pkgutil.get_importer(entry)
        allowed = any(Path(entry).is_relative_to(path) for path in readable)
        if isinstance(finder, FileFinder) and not allowed:
            finder.find_spec("seqswe")  # lists the folder
            finder._fill_cache = _keep_listing  # type: ignore[attr-defined]


def _keep_listing() -> None:
    """Stands in for the listing of a folder that has changed."""


@contextmanager
def shared_by_import(cells: Path) -> Iterator[list[str]]:
    """Watch the imports inside the block; the list says afterwards what they would share.

    Such are: where HOME is, since it was read; files below it; open files; shared memory; threads,
    which do not live on in a forked process.
    """
    shared: list[str] = []
    files, handles, mappings = _files(cells), _handles(), _mappings()
    threads = threading.active_count()
    with _watched_environment() as read:
        yield shared
    shared += sorted(read)
    for what, after, before in (
        ("files", _files(cells), files),
        ("open files", _handles(), handles),
        ("shared memory", _mappings(), mappings),
    ):
        if after != before:
            shared.append(what)
    if threading.active_count() > threads:
        shared.append("threads")


@contextmanager
def _watched_environment() -> Iterator[set[str]]:
    """Note which of PLACES are read while the block runs."""
    read: set[str] = set()
    usual: Any = type(os.environ)

    class Watched(usual):  # type: ignore[misc]
        def __getitem__(self, key: str) -> str:
            if key in PLACES or str(key).startswith(XDG):
                read.add(key)
            return str(super().__getitem__(key))

    os.environ.__class__ = Watched
    try:
        yield read
    finally:
        os.environ.__class__ = usual


def _files(folder: Path) -> set[str]:
    return {path for path, _, names in os.walk(folder) for path in (path, *names)}


def _handles() -> dict[str, str]:
    """Targets of open file descriptors, without the one that lists them."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
    return found


def _mappings() -> list[str]:
    """Main memory that a forked process shares: writable mappings marked so."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return [
        line for line in lines if line.split()[1].startswith("rw") and line.split()[1][3] == "s"
    ]
