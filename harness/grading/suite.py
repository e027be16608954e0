"""How a shell script starts a codebase's tests: arguments for pytest, and limits of time."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from importlib import resources
from math import ceil
from signal import SIGKILL, SIGXCPU

from seqswe.manifests.manifest import TestSettings

TIME = re.compile(rb"(?<!\d)(\d{1,9})m(\d{1,9}(?:\.\d{1,9})?)s")
"""What the shell's `times` prints: of itself and of its children, user and system."""
PLACEHOLDER = re.compile(r"\{([a-z]+)\}")
OPTIONS = (
    '--rootdir="$PWD" -o junit_family=xunit1 -o addopts= -p no:cacheprovider --color=no'
    " --tb=short -q"
)
"""Options of pytest that every codebase's tests are run with, for a shell."""


def arguments(tests: TestSettings) -> str:
    """Return the codebase's own arguments for pytest, plug-ins included, quoted for a shell."""
    return " ".join(
        [*(f"-p {shlex.quote(p)}" for p in tests.plugins), *map(shlex.quote, tests.arguments)]
    )


def once(tests: TestSettings, files: Iterable[str]) -> str:
    """A shell script that runs test modules, or tests by their ids, and prints the report."""
    names = " ".join(shlex.quote(f) for f in files)
    return _filled_in(
        "run_tests.sh", "run_once.py.txt", tests, f"{OPTIONS} {arguments(tests)} {names}"
    )


def often(tests: TestSettings) -> str:
    """A shell script that runs tests several times in forks of one interpreter.

    Its standard input says how, see `harness.grading.series`.
    """
    return _filled_in("run_series.sh", "run_series.py.txt", tests, f"{OPTIONS} {arguments(tests)}")


def _filled_in(template: str, run: str, tests: TestSettings, given: str) -> str:
    values = {
        "limits": processor_time(tests),
        "arguments": given,
        "run": f"{_inside('run_pytest.py.txt')}{_inside(run)}".strip(),
    }
    text = _inside(template).replace("\\\n", "")  # as a shell joins continued lines
    return PLACEHOLDER.sub(lambda name: values[name[1]], text)


def _inside(name: str) -> str:
    """Read a file of `inside/`."""
    return (resources.files("harness.grading") / "inside" / name).read_text(encoding="utf-8")


def processor_time(tests: TestSettings, times: int = 1) -> str:
    """Return shell commands that limit every process to `times` the tests' processor time.

    A second after SIGXCPU, which a program may ignore, comes SIGKILL. Processes are counted one
    by one, so that only `TestSettings.wall_seconds` bounds tests that start others.
    """
    seconds = ceil(times * tests.seconds)
    return f"ulimit -c 0; ulimit -S -t {seconds}; ulimit -H -t {seconds + 1}"


def used_up(exit_code: int, times: bytes, tests: TestSettings) -> bool:
    """Whether the limit of `processor_time` ended the tests.

    SIGXCPU says so. SIGKILL may have come from the limit, for a program that ignores SIGXCPU, or
    for want of memory; what `times` printed for the shell's children tells which.
    """
    if exit_code == 128 + SIGXCPU:
        return True
    spent = [60 * int(minutes) + float(seconds) for minutes, seconds in TIME.findall(times)]
    return exit_code == 128 + SIGKILL and sum(spent[2:]) >= ceil(tests.seconds)
