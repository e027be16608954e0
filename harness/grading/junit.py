"""Test outcomes from pytest's JUnit XML, cross-checked with the exit code and printed counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from junitparser import Error, Failure, JUnitXml, JUnitXmlError, Skipped, TestCase

Outcome = Literal["passed", "failed", "skipped"]
COUNT = re.compile(rb"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)\b")
SUMMARY = re.compile(rb"^(?:=+ )?(\d+ \w+.*) in [\d.]+s\b", re.MULTILINE)
"""pytest's closing line. Programs may print more when they end, so it need not be the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRun:
    """Outcomes by node id; `problem` says why they cannot be trusted, and is empty if they can."""

    __test__ = False

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    problem: str = ""
    seconds: float = 0.0
    """Wall clock of the test command."""

    def passed(self, test: str) -> bool:
        """Whether a test ran and passed in a run that can be trusted."""
        return not self.problem and self.outcomes.get(test) == "passed"


def read(xml: bytes, log: bytes, exit_code: int) -> TestRun:
    """Read one run of pytest.

    `xml` is the report written with `junit_family=xunit1`, `log` the terminal output. A test
    that occurs twice (a failed call and a failed teardown) has its worst outcome.
    """
    if exit_code not in (0, 1, 2):
        return TestRun(problem=f"pytest ended with exit code {exit_code}")
    try:
        suites = JUnitXml.fromstring(xml)
    except (JUnitXmlError, ValueError, SyntaxError) as error:
        return TestRun(problem=f"no readable test report: {error}")
    outcomes: dict[str, Outcome] = {}
    cases = 0
    for suite in suites:
        for case in suite:
            cases += 1
            test = node_id(case)
            outcomes[test] = _worst(outcomes.get(test), _outcome(case))
    return TestRun(outcomes=outcomes, problem=_problem(outcomes, cases, log, exit_code))


def node_id(case: TestCase) -> str:
    """pytest's own id, from the file, the class path and the name of xunit1."""
    attributes = case._elem.attrib
    file, classname = attributes.get("file", ""), attributes.get("classname", "")
    if not file:
        return classname or str(case.name)
    module = file.removesuffix(".py").replace("/", ".")
    classes = classname.removeprefix(module).strip(".")
    return "::".join([file, *(c for c in classes.split(".") if c), str(case.name)])


def _outcome(case: TestCase) -> Outcome:
    results = list(case.result)
    if any(isinstance(r, Failure | Error) for r in results):
        return "failed"
    # An expected failure that failed counts as passed, as SWE-bench counts it.
    if any(isinstance(r, Skipped) and r.type != "pytest.xfail" for r in results):
        return "skipped"
    return "passed"


def _worst(before: Outcome | None, now: Outcome) -> Outcome:
    order: list[Outcome | None] = ["failed", "skipped", "passed", None]
    return min(before, now, key=order.index) or now


def _problem(outcomes: Mapping[str, Outcome], cases: int, log: bytes, exit_code: int) -> str:
    if not cases:
        return "no test ran"
    failed = sum(o == "failed" for o in outcomes.values())
    if (failed == 0) != (exit_code == 0):
        return f"exit code {exit_code} with {failed} failed tests in the report"
    summaries = SUMMARY.findall(log)
    printed = sum(int(n) for n, _ in COUNT.findall(summaries[-1])) if summaries else 0
    if printed < len(outcomes):
        return f"{printed} tests printed, {len(outcomes)} reported"
    return ""
