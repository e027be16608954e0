"""What a test run with gold says of its environment: what is missing, and why nothing passed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from harness.codebases.older_python import gone_names_in
from harness.grading.junit import TestRun

NO_MODULE = re.compile(
    r"(?:ModuleNotFoundError|ImportError)[^\n]*No module named '?([\w.]+)'?|"
    r"Error importing plugin \"[\w.]+\": No module named '([\w.]+)'"
)
NO_FIXTURE = re.compile(r"fixture '(\w+)' not found")
NOT_COLLECTED = re.compile(r"^_+ ERROR collecting (\S+) _+$|^ERROR (\S+?\.py)(?: |$)", re.MULTILINE)
NO_CONFTEST = re.compile(r"ImportError while loading conftest '/testbed/([^']+)'")
ERROR_LINE = re.compile(r"^E\s+(\w*(?:Error|Exception|Warning)\b.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a run cannot prove anything; `problem` is empty if it can."""

    problem: str = ""
    missing: tuple[str, ...] = ()
    """`module x`, `fixture x`, or `name x` for one of an older Python's standard library."""


def reason_of(run: TestRun, log: str, modules: Sequence[str]) -> Reason:
    """Read one run of the tests with gold. A run with any test that passed proves something."""
    missing = missing_in(log)
    passed = sum(outcome in ("passed", "xfailed") for outcome in run.outcomes.values())
    if passed and not run.problem:
        return Reason(missing=missing)
    broken = {a or b for a, b in NOT_COLLECTED.findall(log)}
    if broken and not passed:
        errors = ERROR_LINE.findall(log)
        said = errors[0] if errors else "no reason is printed"
        modules_missing = [m.split()[1] for m in missing if m.startswith("module ")]
        named = f"ModuleNotFoundError: {modules_missing[0]}" if modules_missing else said
        count = f"{len(broken)} of {max(len(modules), len(broken))}"
        return Reason(problem=f"{count} test modules do not import: {named[:120]}", missing=missing)
    if run.problem:
        conftest, errors = NO_CONFTEST.search(log), ERROR_LINE.findall(log)
        if conftest and errors:
            problem = f"{conftest[1]} does not import: {errors[-1][:120]}"
            return Reason(problem=problem, missing=missing)
        return Reason(problem=run.problem, missing=missing)
    if missing:
        return Reason(problem=f"no test passes, and {missing[0]} is missing", missing=missing)
    return Reason(problem="no test passes")


def nothing_told(gold: TestRun, log: str) -> str:
    """Why a run with gold proves no fix, although tests passed in it.

    Where most tests fail with gold too, the environment is not the one that they were written for.
    """
    failed = sum(outcome == "failed" for outcome in gold.outcomes.values())
    why = "no test fails without gold and passes with it"
    if not failed:
        return why
    errors = Counter(ERROR_LINE.findall(log)).most_common(1)
    said = f": {errors[0][0][:120]}" if errors else ""
    count = f"{failed} of {len(gold.outcomes)} tests fail with gold, too"
    if 2 * failed > len(gold.outcomes):
        why = "the environment does not fit"
    return f"{why}; {count}{said}"


def missing_in(log: str) -> tuple[str, ...]:
    """Modules, fixtures and names of the standard library that a log says are not there, once."""
    modules = [f"module {a or b}" for a, b in NO_MODULE.findall(log)]
    fixtures = [f"fixture {name}" for name in NO_FIXTURE.findall(log)]
    names = [f"name {name}" for name in gone_names_in(log)]
    return tuple(dict.fromkeys([*modules, *fixtures, *names]))
