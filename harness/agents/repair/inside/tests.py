"""pytest inside a forked child: outcomes of a few test files, with or without a trace."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest

QUIET = (
    *("-qq", "-o", "addopts=", "-o", "norecursedirs=", "-p", "no:cacheprovider"),
    *("--tb=no", "--no-summary"),
)
UNUSED = (
    *("doctest", "faulthandler", "junitxml", "nose", "pastebin", "setuponly", "setupplan"),
    *("stepwise", "threadexception", "unraisableexception"),
)
SPARED = tuple(part for name in UNUSED for part in ("-p", f"no:{name}"))
"""Plug-ins that no verdict depends on; collecting their garbage costs more than a small test."""
EVENTS = 1_000_000
"""Lines of one test that are traced. They are counted, not timed: a fault that never ends would
otherwise leave another trace each time, and the agent would not be deterministic."""
Trace = Callable[[FrameType, str, object], Any]


class Outcomes:
    """A pytest plug-in: the worst outcome of each test, and its trace if `root` is set."""

    def __init__(self, spared: tuple[str, ...] = ()) -> None:
        self.outcomes: dict[str, bool] = {}
        self.lines: dict[str, dict[str, int]] = {}
        """By test: `path:line:function` → number of the event at which it was last run."""
        self.root, self._spared = "", spared

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome."""
        self.outcomes[report.nodeid] = self.outcomes.get(report.nodeid, True) and not report.failed

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Skip the text that says why a test failed: it is not read, and costs a tenth."""
        item.repr_failure = lambda *_, **__: ""  # type: ignore[method-assign]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a file that cannot be collected as failed."""
        if report.failed:
            self.outcomes[report.nodeid] = False

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Trace the call of a test."""
        if not self.root:
            yield
            return
        last: dict[tuple[str, str, int], int] = {}
        sys.settrace(self._tracer(last))
        yield
        sys.settrace(None)
        self.lines[item.nodeid] = {
            f"{file.removeprefix(self.root)}:{line}:{name.split('.<locals>')[0]}": at
            for (file, name, line), at in last.items()
        }

    def _tracer(self, last: dict[tuple[str, str, int], int]) -> Trace:
        root, spared, counted = self.root, self._spared, iter(range(sys.maxsize))
        inside: dict[str, bool] = {}

        def local(frame: FrameType, event: str, argument: object) -> Any:
            if event == "line":
                code = frame.f_code
                at = last[code.co_filename, code.co_qualname, frame.f_lineno] = next(counted)
                if at >= EVENTS:
                    raise TimeoutError("it does not end")
            return local

        def enter(frame: FrameType, event: str, argument: object) -> Any:
            file = frame.f_code.co_filename
            if file not in inside:
                path = file.removeprefix(root)
                inside[file] = path != file and not path.startswith(spared)
            return local if inside[file] else None

        return enter


class TestSession:
    """A run of pytest over a few files, prepared once and run in forked children.

    Its plug-ins are set up, its session is started and its modules are found before forking, which
    costs more than a small test. No code of the project may be in the process that the children
    are forked from: if that would import a conftest.py, or imported any other module of the
    project, nothing is prepared.
    """

    def __init__(
        self, files: list[str], arguments: list[str], spared: tuple[str, ...] = ()
    ) -> None:
        self._seen = Outcomes(spared)
        self._arguments = [*QUIET, *SPARED, *arguments, *files]
        folders = {os.path.dirname(file) for file in files}
        parents = {folder[:at] for folder in folders for at in _ends(folder)}
        alone = not any(os.path.exists(os.path.join(p, "conftest.py")) for p in parents)
        self._modules: list[Any] = []
        self._session = self._started(len(files)) if alone else None
        if theirs := _imported(os.getcwd() + os.sep):
            self._session = None
            for name in theirs:
                del sys.modules[name]

    @property
    def prepared(self) -> bool:
        """Whether the session was prepared."""
        return self._session is not None

    def run(self) -> dict[str, bool]:
        """Return outcomes by test id; none if the run gives no evidence."""
        if self._session is None:
            pytest.main(self._arguments, plugins=[self._seen])
        else:
            session, hook = self._session, self._session.config.hook
            with suppress(session.Interrupted, session.Failed, pytest.UsageError):
                items = [item for module in self._modules for item in session.genitems(module)]
                session.items = items
                hook.pytest_collection_modifyitems(
                    session=session, config=session.config, items=items
                )
                hook.pytest_collection_finish(session=session)
                session.testscollected = len(items)
                hook.pytest_runtestloop(session=session)
        return self._seen.outcomes

    def trace(self, seconds: float) -> dict[str, Any]:
        """Return outcomes, and for each test the lines of the checkout in order of last use.

        The result also has the modules that the tests `needed` from elsewhere, and the names of
        the checkout's `own` top-level modules.

        A test fails after `EVENTS` lines, or after `seconds` of processor time if it spends them
        elsewhere, so that a fault that never ends leaves a trace too.
        """
        signal.signal(signal.SIGVTALRM, _interrupt)
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        self._seen.root = os.getcwd() + os.sep
        before = set(sys.modules)
        outcomes = self.run()
        theirs = _imported(self._seen.root)
        excluded = before.union(theirs)
        return {
            "outcomes": outcomes,
            "lines": self._seen.lines,
            "needed": [name for name in sys.modules if name not in excluded],
            "own": sorted({name.partition(".")[0] for name in theirs}),
        }

    def _started(self, files: int) -> Any:
        try:
            from _pytest.config import _prepareconfig
            from _pytest.main import Session as PytestSession

            config = _prepareconfig(self._arguments, [self._seen])
            config._do_configure()
            session = PytestSession.from_config(config)
            config.hook.pytest_sessionstart(session=session)
            # Finds the modules and does not import them.
            self._modules = list(session.perform_collect(genitems=False))
        except Exception:  # noqa: BLE001  (none of this is promised by pytest)
            return None
        # Fewer if the arguments choose by name or by mark, which only items have.
        return session if len(self._modules) == files else None


def warm_up() -> None:
    """Import all that pytest needs, once and before forking, without the project's own files."""
    checkout = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            with open("test_nothing.py", "w", encoding="utf-8") as file:
                file.write("def test_nothing():\n    assert True\n")
            pytest.main([*QUIET, *SPARED, "test_nothing.py"], plugins=[Outcomes()])
        finally:
            os.chdir(checkout)
    sys.modules.pop("test_nothing", None)


def keep_bytecode(folder: str) -> None:
    """Keep the bytecode of the checkout in a folder; other modules use their installed bytecode."""
    machinery: Any = sys.modules["_frozen_importlib_external"]
    usual, root = machinery.cache_from_source, os.getcwd() + os.sep

    def cache_from_source(path: Any, *rest: Any, **options: Any) -> Any:
        sys.pycache_prefix = folder if os.fspath(path).startswith(root) else None
        try:
            return usual(path, *rest, **options)
        finally:
            sys.pycache_prefix = folder

    machinery.cache_from_source = cache_from_source
    sys.dont_write_bytecode, sys.pycache_prefix = False, folder


class _Own(BaseException):
    """A module from elsewhere imports one of the checkout.

    It is not an ImportError, which that module may catch.
    """


class _Barrier:
    """A finder that lets no module of the checkout be imported."""

    def __init__(self, own: list[str]) -> None:
        self._own = set(own)

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Find nothing. Raises _Own."""
        if name.partition(".")[0] in self._own:
            raise _Own(name)


def preload(needed: list[str], own: list[str]) -> None:
    """Import once, before forking, what every child would import from outside the checkout.

    These modules do not change with a candidate's edit. The checkout's own modules are left to
    the children.
    """
    barrier = _Barrier(own)
    sys.meta_path.insert(0, barrier)
    try:
        for name in needed:
            with suppress(Exception, _Own):
                importlib.import_module(name)
    finally:
        sys.meta_path.remove(barrier)


def _imported(root: str) -> list[str]:
    """Return modules of the checkout in this process; an ini file's warnings may import some."""
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    return [name for name, file in files.items() if file and file.startswith(root)]


def _ends(folder: str) -> list[int]:
    return [0, *(at for at, letter in enumerate(folder) if letter == "/"), len(folder)]


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise TimeoutError("it does not end")
