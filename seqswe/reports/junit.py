"""report.xml: findings as JUnit test cases, for a CI system that shows those."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, tostring

from seqswe.analysis import Analysis
from seqswe.analysis.words import finding
from seqswe.statistics import Word
from seqswe.visible import visible

Outcome = Literal["passed", "failure", "error", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test case: what was asked, how it came out, and the words for it."""

    suite: str
    name: str
    outcome: Outcome
    message: str = ""


class JUnitReport:
    """Per run: is it complete (an error if not), did the memory do harm (a failure if so)."""

    suffix = ".xml"

    def render(self, analysis: Analysis) -> bytes:
        """JUnit XML, UTF-8."""
        mark = " (synthetic)" if analysis.synthetic else ""
        cases = [
            Case(
                suite=run.label + mark,
                name="every rollout has a verdict",
                outcome="passed" if run.complete else "error",
                message="" if run.complete else f"{run.graded} of {run.planned} have one",
            )
            for run in analysis.runs
        ]
        for contrast in analysis.headlines():
            word = contrast.verdict.word if contrast.verdict else Word.INCONCLUSIVE
            outcome: Outcome = "failure" if word is Word.HARM else "passed"
            cases.append(
                Case(
                    suite=contrast.run + mark,
                    name=f"{contrast.name} does no harm to {contrast.outcome.name}",
                    outcome="skipped" if word is Word.INCONCLUSIVE else outcome,
                    message=finding(contrast),
                )
            )
        return junit_xml(cases)


def junit_xml(cases: Sequence[Case]) -> bytes:
    """JUnit XML of some cases, grouped into suites in the order they come."""
    root = Element("testsuites", name="seqswe")
    for suite in dict.fromkeys(case.suite for case in cases):
        mine = [case for case in cases if case.suite == suite]
        element = SubElement(root, "testsuite", name=legal(suite), tests=str(len(mine)))
        for plural, one in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            element.set(plural, str(sum(case.outcome == one for case in mine)))
        for case in mine:
            _add(element, case)
    xml: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def legal(text: str) -> str:
    """The text with control characters escaped, without the rest that XML 1.0 forbids."""
    return re.sub("[\ufffe\uffff]", "�", visible(text))


def _add(suite: Element, case: Case) -> None:
    element = SubElement(suite, "testcase", classname=legal(case.suite), name=legal(case.name))
    if case.outcome == "passed":
        if case.message:
            SubElement(element, "system-out").text = legal(case.message)
    else:
        SubElement(element, case.outcome, message=legal(case.message))
