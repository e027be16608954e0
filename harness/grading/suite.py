"""How a shell script starts a codebase's tests: arguments for pytest, and limits of time."""

from __future__ import annotations

import shlex
from math import ceil
from signal import SIGXCPU

from seqswe.manifests.manifest import TestSettings

TOO_LONG = 128 + SIGXCPU
"""Exit code of a process that SIGXCPU ended."""


def arguments(tests: TestSettings) -> str:
    """Return the codebase's own arguments for pytest, plug-ins included, quoted for a shell."""
    return " ".join(
        [*(f"-p {shlex.quote(p)}" for p in tests.plugins), *map(shlex.quote, tests.arguments)]
    )


def processor_time(tests: TestSettings, times: int = 1) -> str:
    """Return shell commands that limit every process to `times` the tests' processor time.

    A second after SIGXCPU, which a program may ignore, comes SIGKILL. Processes are counted one
    by one, so that only `TestSettings.wall_seconds` bounds tests that start others.
    """
    seconds = ceil(times * tests.seconds)
    return f"ulimit -c 0; ulimit -S -t {seconds}; ulimit -H -t {seconds + 1}"
