"""Test outcomes from pytest's JUnit XML, cross-checked with the exit code and printed counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from junitparser import Error, Failure, JUnitXml, JUnitXmlError, Skipped, TestCase

Outcome = Literal["passed", "xfailed", "skipped", "failed"]
"""From best to worst."""
COUNT = re.compile(rb"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)\b")
SUMMARY = re.compile(rb"^(?:=+ )?(\d+ \w+.*) in [\d.]+s\b", re.MULTILINE)
"""pytest's closing line. It need not be the last one: programs may print more when they end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRun:
    """Outcomes by node id, and `problem`: why they cannot be trusted, empty if they can."""

    __test__ = False

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    problem: str = ""
    seconds: float = 0.0
    """Wall clock of the test command."""

    def passed(self, test: str) -> bool:
        """Whether a test passed, or failed as expected, in a run that can be trusted."""
        return not self.problem and self.outcomes.get(test) in ("passed", "xfailed")

    def fixed(self, test: str) -> bool:
        """Whether a test that used to fail passed.

        An expected failure does not count: any code may call `pytest.xfail`.
        """
        return not self.problem and self.outcomes.get(test) == "passed"


def read(xml: bytes, log: bytes, exit_code: int, control: str = "") -> TestRun:
    """Read one run of pytest.

    `xml` is the report written with `junit_family=xunit1`, `log` the terminal output. A test
    that occurs twice (a failed call and a failed teardown) has its worst outcome. `control`
    names a test that was added to fail: if others passed and it did not fail, none is believed.
    """
    if exit_code not in (0, 1, 2):
        return TestRun(problem=f"pytest ended with exit code {exit_code}")
    try:
        suites = JUnitXml.fromstring(xml)
    except (JUnitXmlError, ValueError, SyntaxError, LookupError) as error:
        return TestRun(problem=f"no readable test report: {error!s:.200}")
    outcomes: dict[str, Outcome] = {}
    controlled: Outcome | None = None
    for suite in suites:
        for case in suite:
            if control and case.name == control:
                controlled = _outcome(case)
                continue
            test = node_id(case)
            outcomes[test] = _worst(outcomes.get(test), _outcome(case))
    failed = sum(o == "failed" for o in (*outcomes.values(), controlled))
    problem = _problem(outcomes, failed, log, exit_code)
    if control and controlled != "failed" and "passed" in outcomes.values():
        problem = "the test that must fail did not: the tests were tampered with, or cut short"
    return TestRun(outcomes=outcomes, problem=problem)


def node_id(case: TestCase) -> str:
    """Return pytest's own id, from the file, the class path and the name in xunit1."""
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
    skipped = [r.type for r in results if isinstance(r, Skipped)]
    if any(kind != "pytest.xfail" for kind in skipped):
        return "skipped"
    return "xfailed" if skipped else "passed"


def _worst(before: Outcome | None, now: Outcome) -> Outcome:
    return max(before or now, now, key=get_args(Outcome).index)


def _problem(outcomes: Mapping[str, Outcome], failed: int, log: bytes, exit_code: int) -> str:
    if not outcomes:
        return "no test ran"
    if (failed == 0) != (exit_code == 0):
        return f"exit code {exit_code} with {failed} failed tests in the report"
    summaries = SUMMARY.findall(log)
    printed = sum(int(n) for n, _ in COUNT.findall(summaries[-1])) if summaries else 0
    if printed < len(outcomes):
        return f"{printed} tests printed, {len(outcomes)} reported"
    return ""
