"""Where SeqSWE keeps what it makes, and how much there is of it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from seqswe.manifests.manifest_files import codebases_folder as codebases_folder


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
