"""Writes files below HOME before an agent works, and counts afterwards which were opened.

Reads one JSON object from standard input and writes one to standard output.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

LONG_AGO = 1_000_000_000
"""A time of last access that every reader changes, if the file system keeps such times."""


def write_files(job: dict[str, Any]) -> dict[str, Any]:
    """Write `files` and `programs`, each a path below HOME to its text.

    In programs {HOME} is filled in, and those that begin with #! become executable.
    """
    home = os.environ["HOME"]
    for name, text in job["files"].items():
        _write(os.path.join(home, name), text)
    for name, text in job["programs"].items():
        path = os.path.join(home, name)
        _write(path, text.replace("{HOME}", home))
        if text.startswith("#!"):
            os.chmod(path, 0o755)
    return {"home": home, "path": os.environ.get("PATH", os.defpath)}


def opened(job: dict[str, Any]) -> dict[str, Any]:
    """Count which of `files` were opened since; None if the file system keeps no such times."""
    home = os.environ["HOME"]
    probe = os.path.join(home, ".seqswe-probe")
    _write(probe, "x")
    with open(probe) as file:
        file.read()
    tells = os.stat(probe).st_atime > LONG_AGO
    os.remove(probe)
    count = 0
    for name in job["files"]:
        path = os.path.join(home, name)
        count += os.path.exists(path) and os.stat(path).st_atime > LONG_AGO
    return {"opened": count if tells else None}


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(text.encode("utf-8", "replace"))
    os.utime(path, (LONG_AGO, LONG_AGO))


if __name__ == "__main__":
    work = {"write": write_files, "opened": opened}[sys.argv[1]]
    json.dump(work(json.load(sys.stdin)), sys.stdout)
