"""Interpreters of the local sandbox: this one, or virtual environments made when needed."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from seqswe.errors import MissingError
from seqswe.sandbox import Environment

INSPECT = """
import json, platform, sys
from importlib.metadata import PackageNotFoundError, version
packages = []
for name in sys.argv[1:]:
    try:
        packages.append(f"{name}=={version(name)}")
    except PackageNotFoundError:
        pass
print(json.dumps({"python": platform.python_version(), "packages": packages}))
"""
"""Prints what an interpreter is and has; run by that interpreter."""


def installed(requirement: str) -> bool:
    """Whether this interpreter has what is required."""
    wanted = Requirement(requirement)
    try:
        return wanted.specifier.contains(metadata.version(wanted.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


@cache
def inspect_python(python: Path, environment: Environment) -> dict[str, Any]:
    """The whole version of an interpreter, and those of the environment's packages in it."""
    names = [Requirement(text).name for text in environment.lock or environment.requirements]
    done = subprocess.run(
        [str(python), "-I", "-c", INSPECT, *names], capture_output=True, text=True
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise MissingError(
            f"{python} does not run: {last}"[:300], "Install it again, or use --sandbox docker."
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def create(folder: Path, environment: Environment, packages: Sequence[str]) -> None:
    """Make a virtual environment in its final place, because its scripts name their folder."""
    complete = folder / "complete"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder, environment, packages)
            complete.touch()


def _install(folder: Path, environment: Environment, packages: Sequence[str]) -> None:
    base = shutil.which(f"python{environment.python}")
    if base is None:
        raise MissingError(
            f"environment {environment.key} needs Python {environment.python}",
            "Install it, or use --sandbox docker.",
        )
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages]
    for command in ([base, "-m", "venv", str(folder)], pip):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise MissingError(
                f"environment {environment.key} could not be built: {last}",
                "Building needs a package index: see PIP_INDEX_URL.",
            )
