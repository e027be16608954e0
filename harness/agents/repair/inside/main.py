"""The driver: trace the reproduction, order the edits, try each in a child, keep one.

It reads one JSON object from standard input and writes one to standard output. Every candidate is
written to disk and run by pytest in a forked child. So effects of its import count too, and a
candidate that loops or forks without end, or deletes its checkout, costs one candidate.
"""

from __future__ import annotations

import ast
import gc
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Any

from . import tests
from .backup import Backup
from .children import adopt_orphans, run_in_child
from .edits import Edit, edits, functions
from .ranking import JobKnowledge, Place, full_name, function_order, places, ranked

FUNCTIONS = 60
"""Functions of a trace that are edited and remembered, counted from its end."""
UNTRIED = 1_000_000
"""Failures of an edit that could not be tried on earlier reproductions: more than any other has."""


@dataclass
class Job:
    """The agent's order; see `harness.agents.repair.agent`."""

    path: str
    reproduction: str
    budget: int
    seconds: float
    seed: str
    arguments: list[str]
    spared: list[str]
    known: dict[str, dict[str, float]] = field(default_factory=dict)
    regressions: list[dict[str, Any]] = field(default_factory=list)
    """Earlier reproductions: `path`, `code`, `functions` (of their traces)."""
    gold: list[list[str]] = field(default_factory=list)
    """Path and lines of merged fixes; each counts as a fix of the function that holds it."""
    only: list[str] = field(default_factory=list)
    """Files that edits may be in; empty for any."""
    skip: int = 0
    """The first edits of the ranking that were tried before."""


@dataclass
class Tried:
    """The executions and results so far."""

    executions: int = 0
    plausible: int = 0
    vetoed: int = 0
    best: Edit | None = None
    best_failures: int = sys.maxsize
    seconds: float = 0.0


class Repairer:
    """One task's work in the checkout, which is the current folder."""

    def __init__(self, job: Job, folder: str) -> None:
        """`folder`: an empty one, for the checkout's bytecode and a copy of it."""
        self.job, self.folder, self.tried = job, folder, Tried()
        self._clock = 0
        self._candidate: Callable[[], dict[str, bool]] = dict

    def work(self) -> dict[str, Any]:
        """Repair, and report how."""
        job = self.job
        write(job.path, job.reproduction.encode())
        self._backup = Backup(os.path.join(self.folder, "checkout"))
        tests.keep_bytecode(os.path.join(self.folder, "bytecode"))
        try:
            session = tests.TestSession([job.path], job.arguments, tuple(job.spared))
            if not session.prepared:
                tests.warm_up()
            self._candidate = session.run
            seen = self._child(lambda: session.trace(job.seconds / 2))
            if seen:
                tests.preload(seen["needed"], seen["own"])
            sys.dont_write_bytecode = True  # a candidate's bytecode is not used again
            gc.freeze()
            trace = _places(seen)
            order = function_order(trace)[:FUNCTIONS]
            self._search(trace, order)
        finally:
            os.unlink(job.path)
        if self.tried.best:
            write(self.tried.best.path, self.tried.best.apply(read(self.tried.best.path)))
        return {
            "functions": order,
            "accepted": asdict(self.tried.best) if self.tried.best else None,
            "executions": self.tried.executions,
            "plausible": self.tried.plausible,
            "vetoed": self.tried.vetoed,
            "seconds": round(self.tried.seconds, 4),
        }

    def _search(self, trace: list[Place], order: list[str]) -> None:
        knowledge = JobKnowledge(**self.job.known)
        started = time.monotonic()
        chosen = ranked(self._edits(order), trace, self._with_gold(knowledge), self.job.seed)
        for edit in islice(chosen, self.job.skip, None):
            if self.job.only and edit.path not in self.job.only:
                continue
            if self.tried.executions >= self.job.budget:
                break
            self._try(edit, order)
            if self.tried.best and not self.tried.best_failures:
                break
        self.tried.seconds = time.monotonic() - started

    def _edits(self, order: list[str]) -> list[Edit]:
        wanted: dict[str, set[str]] = {}
        for name in order:
            path, _, function = name.partition("::")
            wanted.setdefault(path, set()).add(function)
        return [e for path in wanted for e in edits(path, read(path), wanted[path])]

    def _with_gold(self, knowledge: JobKnowledge) -> JobKnowledge:
        """Count the merged fixes for the functions that hold their lines now."""
        fixes = Counter(knowledge.fixes)
        for path, *lines in self.job.gold:
            if os.path.exists(path):
                fixes.update(holding(path, read(path), set(lines)))
        return replace(knowledge, fixes=fixes)

    def _try(self, edit: Edit, order: list[str]) -> None:
        before = read(edit.path)
        stat = os.stat(edit.path)
        self._clock += 1
        write(edit.path, edit.apply(before))
        # Bytecode is told apart by a file's time in whole seconds and its size.
        os.utime(edit.path, (stat.st_atime, stat.st_mtime + 10 * self._clock))
        try:
            outcomes = self._run(self._candidate)
            if outcomes and all(outcomes.values()):
                self.tried.plausible += 1
                failures = self._vetoes(edit)
                self.tried.vetoed += bool(failures)
                if failures < self.tried.best_failures:
                    self.tried.best, self.tried.best_failures = edit, failures
        finally:
            write(edit.path, before)
            os.utime(edit.path, (stat.st_atime, stat.st_mtime))

    def _vetoes(self, edit: Edit) -> int:
        """Count the earlier reproductions that fail with an edit."""
        name = full_name(edit.path, edit.function)
        chosen = [r for r in self.job.regressions if name in r["functions"]]
        if not chosen:
            return 0
        if self.tried.executions >= self.job.budget:
            return UNTRIED
        folder = os.path.dirname(self.job.path)
        files = []
        for number, regression in enumerate(chosen):
            files.append(os.path.join(folder, f"test_earlier_{number}.py"))
            write(files[-1], regression["code"].encode())
        self._backup.renew(*files)
        try:
            outcomes = self._run(lambda: tests.TestSession(files, self.job.arguments).run())
        finally:
            for file in files:
                os.unlink(file)
            self._backup.renew(*files)
        # A file that cannot be collected any more speaks of code that has moved since.
        failed = {test for test, passed in outcomes.items() if not passed and "::" in test}
        return len(failed) if outcomes else len(files)

    def _run(self, work: Callable[[], dict[str, bool]]) -> dict[str, bool]:
        self.tried.executions += 1
        return self._child(work) or {}

    def _child(self, work: Any) -> Any:
        try:
            return run_in_child(work, self.job.seconds)
        finally:
            self._backup.put_back()


def _places(seen: Any) -> list[Place]:
    if not seen:
        return []
    outcomes, lines = seen["outcomes"], seen["lines"]
    failing = [last_events for test, last_events in lines.items() if not outcomes.get(test)]
    return places(
        failing, [last_events for test, last_events in lines.items() if outcomes.get(test)]
    )


def holding(path: str, source: bytes, lines: set[str]) -> list[str]:
    """Return the functions of a file that hold one of some lines."""
    texts = source.decode("utf-8", "replace").splitlines()
    try:
        nodes = list(functions(ast.parse(source).body, ""))
    except (SyntaxError, ValueError):
        return []
    return [
        full_name(path, name)
        for name, node in nodes
        if lines & {t.strip() for t in texts[node.lineno : node.end_lineno]}
    ]


def read(path: str) -> bytes:
    """Read a file's bytes."""
    with open(path, "rb") as file:
        return file.read()


def write(path: str, data: bytes) -> None:
    """Replace a file."""
    with open(path, "wb") as file:
        file.write(data)


def main() -> None:
    """Read the job, do it, write the result."""
    job = Job(**json.load(sys.stdin))
    # The output of tests must not mix with the result.
    out, err = os.dup(1), os.dup(2)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    adopt_orphans()
    try:
        with tempfile.TemporaryDirectory() as folder:
            result = Repairer(job, folder).work()
    except BaseException:
        os.dup2(err, 2)  # the traceback of this program must reach the agent
        raise
    with open(out, "w", encoding="utf-8") as answer:
        json.dump(result, answer)
    os._exit(0)  # taking pytest apart again would cost as much as an execution


if __name__ == "__main__":
    main()
