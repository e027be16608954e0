"""Where SeqSWE keeps what it makes, and how much there is of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from seqswe.errors import RunDirError
from seqswe.manifests.manifest_files import codebases_folder as codebases_folder

RUN_FILE = "run.toml"
"""What makes a folder a run directory."""
DEPTH = 3
"""Levels of folders that are searched for runs."""


def cache_folder() -> Path:
    """Where clones, packs and environments are kept: `SEQSWE_CACHE`, or the user's cache."""
    chosen = os.environ.get("SEQSWE_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "seqswe"


def runs_below(folder: Path) -> list[Path]:
    """The runs in a folder and in the folders in it, such as `runs/x`, in the order of names."""
    marks = (*folder.glob("*/run.toml"), *folder.glob("*/*/run.toml"))
    return sorted(mark.parent for mark in marks)


def total_bytes(paths: Iterable[Path]) -> int:
    """Bytes of all files below some folders; hard links count once."""
    seen: dict[tuple[int, int], int] = {}
    for path in paths:
        for file in path.rglob("*"):
            if file.is_file() and not file.is_symlink():
                stat = file.stat()
                seen[stat.st_dev, stat.st_ino] = stat.st_size
    return sum(seen.values())


def run_folders(paths: Iterable[Path]) -> list[Path]:
    """Run directories as they are, and in place of any other folder the runs below it, by name.

    Raises RunDirError for a folder without any, and for a path that is no folder.
    """
    found = []
    for path in paths:
        below = [path] if (path / RUN_FILE).is_file() else list(_below(path, DEPTH))
        if not below:
            raise RunDirError(
                f"{path} is no run directory, and there is none in it (no {RUN_FILE})",
                "Give folders that `seqswe run --out` wrote, or one that holds some.",
            )
        found += below
    return list(dict.fromkeys(found))


def _below(folder: Path, depth: int) -> Iterator[Path]:
    """Runs below a folder; a run is not searched for others, and no link is followed."""
    try:
        inside = sorted(p for p in folder.iterdir() if p.is_dir() and not p.is_symlink())
    except OSError:
        return
    for each in inside:
        if (each / RUN_FILE).is_file():
            yield each
        elif depth > 1:
            yield from _below(each, depth - 1)
