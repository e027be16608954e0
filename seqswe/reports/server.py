"""A read-only report on loopback, where every rollout is loaded when it is opened."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

from seqswe.analysis import Analysis, RunResult, analyse
from seqswe.errors import MissingError, SeqSWEError, UsageError
from seqswe.reports.html import charts_library, page
from seqswe.reports.json_report import strict
from seqswe.reports.rollout_view import detail, ordered
from seqswe.reports.runs_page import runs_page
from seqswe.runs.folders import run_folders
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory
from seqswe.visible import one_line, visible_data

LOOPBACK = "127.0.0.1"
ROLLOUT = re.compile(r"/rollout/([0-9]{1,9})")
NUMBER = re.compile(r"[0-9]{1,9}")
HTML = "text/html; charset=utf-8"
MOST_REPORTS = 8
"""Reports that are kept ready; the oldest is made again when it is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    stamp: tuple[tuple[int, int], ...]
    page: bytes
    rollouts: list[tuple[RunResult, Rollout]]


class LiveReport:
    """The report of some runs, made again when a journal has grown; safe to use from threads."""

    def __init__(self, roots: Sequence[Path], *, home: bool = False) -> None:
        """`home`: whether the page leads back to a list of runs."""
        self._roots = tuple(roots)
        self._home = home
        self._lock = Lock()
        self._state = self._make()

    def page(self) -> bytes:
        """The page as HTML. Raises SeqSWEError where the runs can no longer be read."""
        with self._lock:
            if _stamp(self._roots) != self._state.stamp:
                self._state = self._make()
            return self._state.page

    def rollout(self, number: int) -> dict[str, Any] | None:
        """Everything about the rollout of one table row; None for a row there is not."""
        rollouts = self._state.rollouts
        return detail(*rollouts[number]) if 0 <= number < len(rollouts) else None

    def _make(self) -> _State:
        stamp = _stamp(self._roots)
        analysis: Analysis = analyse([RunDirectory.open(root) for root in self._roots])
        made = page(analysis, live=True, home=self._home).encode("utf-8", "replace")
        return _State(stamp=stamp, page=made, rollouts=list(ordered(analysis)))


class Library:
    """Runs to look at: the report of those that were named, or of a folder's runs a list to choose
    from. Safe to use from threads; runs that come into the folder later join the list.

    Raises RunDirError where there is no run, and SeqSWEError where a named one cannot be read.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._runs = run_folders(self._paths)
        self.is_list = self._runs != list(dict.fromkeys(self._paths))
        self._lock = Lock()
        self._reports: dict[tuple[int, ...], LiveReport] = {}
        if not self.is_list:
            self.report(())

    def index(self) -> bytes:
        """The list of runs as HTML."""
        with self._lock:
            # A run keeps its number: addresses of reports hold it.
            self._runs += [run for run in run_folders(self._paths) if run not in self._runs]
            return runs_page(self._runs).encode("utf-8", "replace")

    def report(self, numbers: Sequence[int]) -> LiveReport:
        """The report of some runs by their numbers in the list; without any, of all."""
        key = tuple(dict.fromkeys(numbers)) or tuple(range(len(self._runs)))
        with self._lock:
            if not all(number < len(self._runs) for number in key):
                raise UsageError("there is no such run in the list", "Go back to the list of runs.")
            if key not in self._reports:
                roots = [self._runs[number] for number in key]
                self._reports[key] = LiveReport(roots, home=self.is_list)
                for old in list(self._reports)[:-MOST_REPORTS]:
                    del self._reports[old]
            return self._reports[key]


def server(library: Library, port: int = 0) -> ThreadingHTTPServer:
    """A server on loopback, to be run with `serve_forever`; port 0 takes a free one.

    Raises MissingError where the port is taken.
    """
    try:
        return ThreadingHTTPServer((LOOPBACK, port), partial(_Handler, library))
    except OSError as error:
        raise MissingError(
            f"cannot listen on {LOOPBACK}:{port}: {error.strerror}", "Choose another --port."
        ) from None


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD for four kinds of address and nothing else; no path is ever opened."""

    server_version = "SeqSWE"
    sys_version = ""
    protocol_version = "HTTP/1.1"

    def __init__(self, library: Library, *arguments: Any) -> None:
        self._library = library
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """The list of runs, a report, the charts' library, or one rollout as JSON."""
        if not self._is_local():
            # Another site's name that resolves to loopback must not read the report.
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"not this host\n")
            return
        path, _, query = self.path.partition("?")
        runs = [int(run) for run in parse_qs(query).get("run", []) if NUMBER.fullmatch(run)]
        try:
            if path == "/" and self._library.is_list:
                self._answer(HTTPStatus.OK, HTML, self._library.index())
            elif path in ("/", "/report"):
                self._answer(HTTPStatus.OK, HTML, self._library.report(runs).page())
            elif path == "/charts.js":
                library = charts_library().encode()
                self._answer(HTTPStatus.OK, "text/javascript; charset=utf-8", library)
            elif row := ROLLOUT.fullmatch(path):
                self._rollout(self._library.report(runs).rollout(int(row[1])))
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")
        except SeqSWEError as error:
            text = f"{one_line(error.message)}\n{one_line(error.hint)}\n".encode()
            self._answer(HTTPStatus.CONFLICT, "text/plain; charset=utf-8", text)

    do_HEAD = do_GET

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the terminal belongs to the command."""

    def _is_local(self) -> bool:
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        return host in (LOOPBACK, "localhost")

    def _rollout(self, rollout: dict[str, Any] | None) -> None:
        if rollout is None:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"no such rollout\n")
        else:
            data = strict(visible_data(rollout)).encode()
            self._answer(HTTPStatus.OK, "application/json", data)

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _stamp(roots: Sequence[Path]) -> tuple[tuple[int, int], ...]:
    stats = [(root / "rollouts.jsonl").stat() for root in roots]
    return tuple((stat.st_mtime_ns, stat.st_size) for stat in stats)
