"""pytest inside a forked child: outcomes of a few test files, with or without a trace."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest

QUIET = ("-qq", "-o", "addopts=", "-p", "no:cacheprovider", "--tb=no", "--no-summary")
UNUSED = (
    *("doctest", "faulthandler", "junitxml", "nose", "pastebin", "setuponly", "setupplan"),
    *("stepwise", "threadexception", "unraisableexception"),
)
SPARED = tuple(part for name in UNUSED for part in ("-p", f"no:{name}"))
"""What no verdict depends on; collecting garbage for it costs more than a small test."""
Trace = Callable[[FrameType, str, object], Any]


class Outcomes:
    """A pytest plug-in: the worst outcome of each test, and a trace of each if wanted."""

    def __init__(self, root: str = "", spared: tuple[str, ...] = ()) -> None:
        self.outcomes: dict[str, bool] = {}
        self.lines: dict[str, dict[str, int]] = {}
        """By test: `path:line:function` → number of the event at which it was last run."""
        self._root, self._spared = root, spared

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome."""
        self.outcomes[report.nodeid] = self.outcomes.get(report.nodeid, True) and not report.failed

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be collected has failed."""
        if report.failed:
            self.outcomes[report.nodeid] = False

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Trace the call of a test."""
        if not self._root:
            yield
            return
        last: dict[tuple[str, str, int], int] = {}
        sys.settrace(self._tracer(last))
        yield
        sys.settrace(None)
        self.lines[item.nodeid] = {
            f"{file.removeprefix(self._root)}:{line}:{name.split('.<locals>')[0]}": at
            for (file, name, line), at in last.items()
        }

    def _tracer(self, last: dict[tuple[str, str, int], int]) -> Trace:
        root, spared, counted = self._root, self._spared, iter(range(sys.maxsize))
        inside: dict[str, bool] = {}

        def local(frame: FrameType, event: str, argument: object) -> Any:
            if event == "line":
                code = frame.f_code
                last[code.co_filename, code.co_qualname, frame.f_lineno] = next(counted)
            return local

        def enter(frame: FrameType, event: str, argument: object) -> Any:
            file = frame.f_code.co_filename
            if file not in inside:
                path = file.removeprefix(root)
                inside[file] = path != file and not path.startswith(spared)
            return local if inside[file] else None

        return enter


def run(files: list[str], arguments: list[str]) -> dict[str, bool]:
    """Outcomes by test id; a run that says nothing is an empty mapping."""
    seen = Outcomes()
    pytest.main([*QUIET, *SPARED, *arguments, *files], plugins=[seen])
    return seen.outcomes


def prepared(files: list[str], arguments: list[str]) -> Callable[[], dict[str, bool]]:
    """A `run` to be called in forked children, with pytest's own preparation done here.

    Its plug-ins are set up and its session is started once, which costs more than a small test.
    Where a conftest.py would be imported by that, nothing is done ahead: no code of the project
    may be in the process that the children are forked from.
    """
    folders = {os.path.dirname(file) for file in files}
    parents = {folder[:at] for folder in folders for at in _ends(folder)}
    if any(os.path.exists(os.path.join(folder, "conftest.py")) for folder in parents):
        return lambda: run(files, arguments)
    try:
        from _pytest.config import _prepareconfig
        from _pytest.main import Session

        seen = Outcomes()
        config = _prepareconfig([*QUIET, *SPARED, *arguments, *files], [seen])
        config._do_configure()
        session = Session.from_config(config)
        config.hook.pytest_sessionstart(session=session)
    except (ImportError, AttributeError):  # none of this is promised by pytest
        return lambda: run(files, arguments)

    def work() -> dict[str, bool]:
        with suppress(session.Interrupted, session.Failed, pytest.UsageError):
            config.hook.pytest_collection(session=session)
            config.hook.pytest_runtestloop(session=session)
        return seen.outcomes

    return work


def _ends(folder: str) -> list[int]:
    return [0, *(at for at, letter in enumerate(folder) if letter == "/"), len(folder)]


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise TimeoutError("it does not end")


def trace(
    file: str, arguments: list[str], spared: tuple[str, ...], seconds: float
) -> dict[str, Any]:
    """Outcomes of one file, and for each test the lines of the checkout in order of last use.

    A test that is still running after `seconds` of processor time fails there, so that a fault
    that never ends leaves a trace too.
    """
    signal.signal(signal.SIGVTALRM, _interrupt)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    seen = Outcomes(os.getcwd() + os.sep, spared)
    pytest.main([*QUIET, *SPARED, *arguments, file], plugins=[seen])
    return {"outcomes": seen.outcomes, "lines": seen.lines}


def warm_up() -> None:
    """Import all that pytest needs, once and before forking, without the project's own files."""
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            with open("test_nothing.py", "w", encoding="utf-8") as file:
                file.write("def test_nothing():\n    assert True\n")
            pytest.main([*QUIET, *SPARED, "test_nothing.py"], plugins=[Outcomes()])
        finally:
            os.chdir(here)
    sys.modules.pop("test_nothing", None)
