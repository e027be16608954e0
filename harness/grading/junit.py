"""Test outcomes from pytest's JUnit XML, cross-checked with the exit code and printed counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from junitparser import Error, Failure, JUnitXml, JUnitXmlError, Skipped, TestCase

from harness.grading.controls import Control

Outcome = Literal["passed", "xfailed", "skipped", "failed"]
"""From best to worst."""
COUNT = re.compile(rb"(?<!\S)(\d{1,9}) (passed|failed|error|skipped|xfailed|xpassed)s?\b")
WORDS: Mapping[bytes, Outcome] = {
    b"passed": "passed",
    b"xpassed": "passed",
    b"failed": "failed",
    b"error": "failed",
    b"skipped": "skipped",
    b"xfailed": "xfailed",
}
"""What the report makes of the words that pytest prints."""
SUMMARY = re.compile(rb"^(?:=+ )?(\d+ \w++.*) in [\d.]+s\b", re.MULTILINE)
"""pytest's closing line. It need not be the last one: programs may print more when they end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRun:
    """Outcomes by node id, and `problem`: why they cannot be trusted, empty if they can."""

    __test__ = False

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    problem: str = ""
    controls: Mapping[str, int] = field(default_factory=dict)
    """How often pytest's closing line counts a control, by the line's word."""
    cut_off: bool = False
    """Whether the tests took longer than they may."""
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


def read(
    xml: bytes,
    log: bytes,
    exit_code: int,
    modules: Sequence[str] = (),
    controls: Sequence[Control] = (),
) -> TestRun:
    """Read one run of pytest.

    `xml` is the report written with `junit_family=xunit1`, `log` the terminal output. A test
    that occurs twice (a failed call and a failed teardown) has its worst outcome. `modules` are
    the files that were run. `controls` are no outcomes: if other tests of their file and class
    passed and one did not fail, none is believed.
    """
    if exit_code not in (0, 1, 2):
        return TestRun(problem=f"pytest ended with exit code {exit_code}")
    try:
        suites = JUnitXml.fromstring(xml)
        cases = [case for suite in suites for case in suite]
    except (JUnitXmlError, ValueError, SyntaxError, TypeError, LookupError) as error:
        return TestRun(problem=f"no readable test report: {error!s:.200}")
    places = {_dotted(module): module for module in modules}
    controlled: dict[str, list[TestCase]] = {control.name: [] for control in controls}
    printed: Counter[str] = Counter()
    outcomes: dict[str, Outcome] = {}
    for case in cases:
        test, outcome = node_id(case, places), _outcome(case)
        function = test.partition("::")[2].partition("[")[0].rpartition("::")[2]
        if function in controlled:
            controlled[function].append(case)
            printed["error" if any(isinstance(r, Error) for r in case.result) else outcome] += 1
        else:
            outcomes[test] = _worst(outcomes.get(test), outcome)
    problem = _problem(Counter(map(_outcome, cases)), outcomes, log, exit_code)
    if not all(_as_planned(control, controlled[control.name], outcomes) for control in controls):
        problem = "a test that must fail did not: the tests were tampered with, or cut short"
    return TestRun(outcomes=outcomes, problem=problem, controls=printed)


def _as_planned(
    control: Control, cases: Sequence[TestCase], outcomes: Mapping[str, Outcome]
) -> bool:
    """Whether a control failed as it must, or nothing passed that it stands for."""
    start = "::".join([control.file, *filter(None, control.scope.split(".")), ""])
    if not any(o == "passed" and test.startswith(start) for test, o in outcomes.items()):
        return True
    return bool(cases) and all(_failed_by_itself(case, control.proof) for case in cases)


def _failed_by_itself(case: TestCase, proof: str) -> bool:
    """Whether a control's body failed, or its fixtures did before it.

    A mark of its module or class may make it an expected failure, as it does with every test.
    """
    if any(isinstance(result, Error) for result in case.result):
        return True
    shown = any(proof in f"{result.message} {result.text}" for result in case.result)
    return shown if _outcome(case) == "failed" else _outcome(case) == "xfailed"


def node_id(case: TestCase, places: Mapping[str, str]) -> str:
    """Return pytest's own id, from the file, the class path and the name in xunit1.

    The file is where a test's function stands, which for an inherited one is not the module that
    ran; the class path begins with that module. `places` maps such beginnings to files.
    """
    attributes = case._elem.attrib
    file, classname = attributes.get("file", ""), attributes.get("classname", "")
    if not file:
        return classname or str(case.name)
    module = _dotted(file)
    if not _begins(classname, module):
        module = max((m for m in places if _begins(classname, m)), key=len, default=module)
        file = places.get(module, file)
    classes = classname.removeprefix(module).strip(".")
    return "::".join([file, *(c for c in classes.split(".") if c), str(case.name)])


def _dotted(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")


def _begins(classname: str, module: str) -> bool:
    return f"{classname}.".startswith(f"{module}.")


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


def _problem(
    cases: Counter[Outcome], outcomes: Mapping[str, Outcome], log: bytes, exit_code: int
) -> str:
    """Where report, exit code and printed counts contradict each other; empty if they agree."""
    if not outcomes:
        return "no test ran"
    if (cases["failed"] == 0) != (exit_code == 0):
        return f"exit code {exit_code} with {cases['failed']} failed tests in the report"
    return _miscounted(cases, log)


def _miscounted(cases: Counter[Outcome], log: bytes) -> str:
    """Compare the report with the counts that pytest printed, one by one.

    A test that ended well and whose teardown raised is printed as both, and reported as failed.
    """
    words: Counter[bytes] = Counter()
    for line in SUMMARY.findall(log)[-1:]:
        words.update({word: int(number) for number, word in COUNT.findall(line)})
    printed: Counter[Outcome] = Counter()
    for word, number in words.items():
        printed[WORDS[word]] += number
    more = {o: printed[o] - cases[o] for o in get_args(Outcome)}
    twice = sum(more[o] for o in more if o != "failed")
    if not more["failed"] and min(more.values()) >= 0 and twice <= words[b"error"]:
        return ""
    both = (", ".join(f"{c[o]} {o}" for o in get_args(Outcome)) for c in (printed, cases))
    return "printed are {}; reported are {}".format(*both)
