"""A comparison in words, as Markdown for a step summary, and as JUnit XML."""

from __future__ import annotations

from typing import Any

from seqswe.analysis.words import difference, p_value, value
from seqswe.comparison.compare import Change, Comparison, Finding
from seqswe.reports.junit import Case, Outcome, junit_xml
from seqswe.reports.markdown import escape, table_markdown
from seqswe.reports.table import Table


def sentence(found: Comparison) -> str:
    """The finding with its effect and interval."""
    main = found.main
    note = "SYNTHETIC: " if found.synthetic else ""
    note += "SINGLE-RUN " if main.verdict.single_run else ""
    return f"{note}{main.finding.value.upper()}: {_told(main, found.level)}. {_meaning(found)}"


def remarks(found: Comparison) -> list[str]:
    """What stands beside the finding: the other arms, the looks, what differs."""
    lines = [f"{c.finding.value} in {c.arm}: {_told(c, found.level)}." for c in found.others]
    if found.look > 1:
        lines.append(
            f"Seeds were added after the start: this is look {found.look}, tested at "
            f"{100 * found.level:.2f} %, so that all looks together keep 95 %."
        )
    lines += [f"{name}: {old!r} → {new!r}" for name, (old, new) in found.differences.items()]
    return lines


def comparison_markdown(found: Comparison) -> str:
    """The comparison as Markdown."""
    mark = " (SYNTHETIC)" if found.synthetic else ""
    table = Table(
        caption="Change by arm, head − base, paired by instance",
        header=("Arm", "Outcome", "Base", "Head", "Change", "Interval", "p", "Finding"),
        rows=tuple(_row(change) for change in (found.main, *found.others)),
        note=f"Intervals at {100 * found.level:.2f} % (look {found.look}). The first row is gated.",
    )
    lines = [f"# SeqSWE comparison{mark}", "", f"**{escape(sentence(found))}**", ""]
    lines += [f"- {escape(text)}" for text in remarks(found)]
    return "\n".join([*lines, "", table_markdown(table, mark)])


def comparison_junit(found: Comparison, *, fails: bool) -> bytes:
    """One test case per arm; the gated one fails where the gate closes, others never do."""
    cases = []
    for change in (found.main, *found.others):
        outcome: Outcome = "failure" if change is found.main and fails else "passed"
        if outcome == "passed" and change.finding is Finding.NO_EVIDENCE and not change.equivalent:
            outcome = "skipped"
        message = sentence(found) if change is found.main else _told(change, found.level)
        name = f"{change.outcome.name} of {change.arm} did not get worse"
        suite = "seqswe compare" + (" (synthetic)" if found.synthetic else "")
        cases.append(Case(suite=suite, name=name, outcome=outcome, message=message))
    return junit_xml(cases)


def comparison_json(found: Comparison) -> dict[str, Any]:
    """The comparison as plain data; docs/formats.md describes it."""
    return {
        "schema": "seqswe.comparison",
        "schema_version": 1,
        "finding": found.main.finding.value,
        "synthetic": found.synthetic,
        "identical": found.identical,
        "look": found.look,
        "level": found.level,
        "changes": [_change_json(change) for change in (found.main, *found.others)],
        "differences": {name: list(pair) for name, pair in found.differences.items()},
    }


def _told(change: Change, level: float) -> str:
    estimate = change.estimate
    return (
        f"{change.outcome.title} of {change.arm} went from {value(change.outcome, change.base)} to "
        f"{value(change.outcome, change.head)}, {difference(change.outcome, estimate.estimate)} "
        f"({100 * level:g} % interval {_interval(change)}; {p_value(estimate.p)}; "
        f"{estimate.n} tasks, {estimate.k0} and {estimate.k1} seeds)"
    )


def _interval(change: Change) -> str:
    low, high = change.estimate.low, change.estimate.high
    return f"{difference(change.outcome, low)} to {difference(change.outcome, high)}"


def _meaning(found: Comparison) -> str:
    main = found.main
    if found.identical:
        return "Both sides hold the very same outcomes."
    if main.estimate.p is None:
        return "Under three seeds no test is made: add seeds to both sides."
    if main.finding is not Finding.NO_EVIDENCE:
        return "The sign is sure on this sequence."
    if main.equivalent:
        margin = difference(main.outcome, main.verdict.margin).lstrip("+")
        return f"The two are equal within ±{margin}."
    detectable = difference(main.outcome, main.verdict.detectable).lstrip("+")
    return (
        "That is not evidence of no change: the smallest change this comparison would have shown "
        f"with 80 % power is {detectable}."
    )


def _row(change: Change) -> tuple[str, ...]:
    estimate = change.estimate
    return (
        change.arm,
        change.outcome.title,
        value(change.outcome, change.base),
        value(change.outcome, change.head),
        difference(change.outcome, estimate.estimate),
        _interval(change),
        "none" if estimate.p is None else f"{estimate.p:.3f}",
        ("SINGLE-RUN " if change.verdict.single_run else "")
        + change.finding.value
        + (" (equal)" if change.equivalent else ""),
    )


def _change_json(change: Change) -> dict[str, Any]:
    estimate = change.estimate
    return {
        "arm": change.arm,
        "outcome": change.outcome.name,
        "finding": change.finding.value,
        "equivalent": change.equivalent,
        "base": change.base,
        "head": change.head,
        "estimate": estimate.estimate,
        "interval": [estimate.low, estimate.high],
        "p": estimate.p,
        "single_run": change.verdict.single_run,
        "n": estimate.n,
        "k_base": estimate.k0,
        "k_head": estimate.k1,
        "missing": change.missing,
        "detectable": change.verdict.detectable,
    }
