"""Calls of uv, which resolves and unpacks wheels for any Python without running it."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

from uv import find_uv_bin

from seqswe.environ import without_git
from seqswe.runs.folders import cache_folder

GLIBC = "manylinux_2_28"
"""Wheels that run on every base image since Debian 11."""
OLDER_GLIBC = {"3.7": "manylinux_2_17"}
"""The same for base images that are older."""
SECONDS = 900


def wheel_cache() -> Path:
    """The one cache of wheels; environments are hard links into it, so it shares their disk."""
    return cache_folder() / "wheels"


def wheelhouse(python: str, cutoff: str) -> Path:
    """Wheels made of source distributions for a Python and a date, as hostile as any other.

    By date, because what lies in a folder has none: a later release would be taken for an earlier.
    """
    folder = cache_folder() / "wheelhouse" / f"{python}-{cutoff or 'undated'}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def target(python: str) -> list[str]:
    """Options that name the Python and platform to resolve or install for."""
    wheels = OLDER_GLIBC.get(python, GLIBC)
    return ["--python-version", python, "--python-platform", f"{platform.machine()}-{wheels}"]


def uv(arguments: Sequence[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run uv with the wheel cache. No project's configuration is read."""
    env = {**without_git(), "UV_CACHE_DIR": str(wheel_cache()), "UV_NO_CONFIG": "1"}
    env |= {"UV_LINK_MODE": "hardlink", "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    for old, new in (("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), ("PIP_EXTRA_INDEX_URL", "UV_INDEX")):
        if os.environ.get(old) and new not in os.environ:
            env[new] = os.environ[old]
    return subprocess.run(
        [find_uv_bin(), *arguments],
        input=stdin,
        env=env,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
