"""A pytest plug-in that is sent into a sandbox: notes which tests failed, where, why, and calls.

It imports nothing of SeqSWE, which the sandbox lacks. `SEQSWE_PROBE` names its JSON file, and
`SEQSWE_PROBE_CALLS=1` also lists the functions that each test calls, by file and first line.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

HANG_SECONDS = 10.0
"""Processor time of one test after which the run ends; it does not depend on the machine's load."""
SLOWER = 10
"""Factor of that limit, and of a whole run's, while calls are noted."""
MEMORY_BYTES = 4 << 30
HUNG = 70
"""Exit code of a run that ended by that limit."""

tests: dict[str, list[Any]] = {}
errors: list[str] = []
calls: dict[str, list[tuple[str, int]]] = {}


def pytest_configure() -> None:
    """Bound the resources of a mutant."""
    signal.signal(signal.SIGVTALRM, lambda *_: os._exit(HUNG))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Give every test the same processor time."""
    calling = bool(os.environ.get("SEQSWE_PROBE_CALLS"))
    signal.setitimer(signal.ITIMER_VIRTUAL, HANG_SECONDS * (SLOWER if calling else 1))
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Note which functions of the checkout a test calls."""
    if not os.environ.get("SEQSWE_PROBE_CALLS"):
        yield
        return
    root, seen = os.getcwd() + os.sep, set()

    def profile(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            seen.add(frame.f_code)

    sys.setprofile(profile)
    yield
    sys.setprofile(None)
    files = ((code.co_filename, code.co_firstlineno) for code in seen)
    inside = ((f.removeprefix(root), line) for f, line in files if f.startswith(root))
    calls[item.nodeid] = sorted(inside)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Keep the worst outcome of a test with its message and the test's own failing line."""
    outcome: Any = yield
    report = outcome.get_result()
    before = tests.get(item.nodeid)
    if report.failed and call.excinfo is not None:
        inside = [e.lineno + 1 for e in call.excinfo.traceback if e.path == item.path]
        tests[item.nodeid] = ["failed", call.excinfo.exconly(), inside[-1] if inside else 0]
    elif report.skipped and before is None:
        tests[item.nodeid] = ["skipped", "", 0]
    elif report.when == "call" and before is None:
        tests[item.nodeid] = ["passed", "", 0]


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note modules that could not be collected."""
    if report.failed:
        errors.append(report.nodeid)


def pytest_sessionfinish() -> None:
    """Write the notes."""
    with open(os.environ["SEQSWE_PROBE"], "w", encoding="utf-8") as out:
        json.dump({"tests": tests, "errors": errors, "calls": calls}, out)
