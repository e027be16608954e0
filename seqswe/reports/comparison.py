"""A comparison in words, as Markdown for a step summary, and as JUnit XML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from seqswe.analysis.words import difference, p_number, p_value, value
from seqswe.comparison.compare import DROP, OF, Change, Comparison, Finding
from seqswe.comparison.flips import Flip
from seqswe.reports.junit import Case, Outcome, junit_xml
from seqswe.reports.markdown import escape, table_markdown
from seqswe.reports.table import Column, Columns, Table

NAMED = 10
"""Tasks that a line of text names in each direction."""
LISTED = 50
"""Rows of the table of tasks in each direction."""
MOST_CASES = 100
"""JUnit cases of tasks that were lost; a last one says how many more there are."""


def sentence(comparison: Comparison) -> str:
    """The finding with its effect and interval."""
    main = comparison.main
    note = "SYNTHETIC: " if comparison.synthetic else ""
    note += "SINGLE-RUN " if main.verdict.single_run else ""
    change = _told(main, comparison.level)
    return f"{note}{main.finding.value.upper()}: {change}. {_meaning(comparison)}"


def remarks(comparison: Comparison) -> list[str]:
    """What stands beside the finding: the other arms, the looks, what differs."""
    lines = flip_sentences(comparison.main) + [
        f"{c.finding.value.upper()} in {c.arm}: {_told(c, comparison.level)}."
        for c in comparison.others
    ]
    if (power := comparison.main.power) is not None:
        effect = difference(comparison.main.outcome, DROP).lstrip("+")
        most = difference(comparison.main.outcome, comparison.main.verdict.detectable).lstrip("+")
        lines.append(
            f"Power: a true change of {effect} is found by a comparison like this in "
            f"{100 * power:.0f} % of cases, one of {most} in 80 %."
        )
    if comparison.look > 1:
        lines.append(
            f"This is look {comparison.look} at this question (runs added to, or begun anew), "
            f"tested at {100 * comparison.level:.4g} %, so that all looks together keep 95 %."
        )
    lines += [
        f"Taken as graded (--allow-crashes): {crashes.sentence(side)}."
        for side, crashes in comparison.crashes.items()
    ]
    return lines + difference_lines(comparison.differences)


def difference_lines(differences: Mapping[str, tuple[Any, Any]]) -> list[str]:
    """The settings and files that differ, a line each."""
    return [_difference_line(name, old, new) for name, (old, new) in differences.items()]


def _difference_line(name: str, old: Any, new: Any) -> str:
    if OF not in name:
        return f"{name}: {old!r} → {new!r}"
    if old is None or new is None:
        return f"{name} {'is new' if old is None else 'is gone'}"
    return f"{name} changed ({old} → {new})"


def flip_sentences(change: Change) -> list[str]:
    """The tasks that flipped, by number and name: a line for those lost, one for those won."""
    found = change.flips
    verbs = ("Lost", "Won") if found.by_majority else ("Worse", "Better")
    pairs = [(verb, flips) for verb, flips in zip(verbs, (found.lost, found.won), strict=True)]
    lines = []
    for verb, flips in pairs:
        if flips:
            names = ", ".join(_flip(change, flip) for flip in flips[:NAMED])
            more = f" and {len(flips) - NAMED} more" if len(flips) > NAMED else ""
            lines.append(f"{verb} in {change.arm}, {_tasks(len(flips))}: {names}{more}.")
    if lines:
        lines.append("A single task flips by luck too: the finding is about all of them together.")
    return lines


def comparison_markdown(comparison: Comparison) -> str:
    """The comparison as Markdown."""
    mark = " (SYNTHETIC)" if comparison.synthetic else ""
    note = f"Intervals at {100 * comparison.level:.4g} % (look {comparison.look})."
    table = Table.of(
        "Change by arm, head − base, paired by instance",
        COLUMNS,
        (comparison.main, *comparison.others),
        f"{note} The first row is gated.",
    )
    said = escape(sentence(comparison))
    # One seed is nothing to lean on, so nothing of it stands in bold.
    said = said if comparison.main.verdict.single_run else f"**{said}**"
    lines = [f"# SeqSWE comparison{mark}", "", said, ""]
    lines += [f"- {escape(text)}" for text in remarks(comparison)]
    tables = [table, *flip_tables(comparison.main)]
    return "\n".join([*lines, "", *(table_markdown(each) for each in tables)])


def flip_tables(change: Change, sides: tuple[str, str] = ("Base", "Head")) -> list[Table]:
    """The tasks that flipped in the gated arm: those lost and those won, each up to a bound."""
    found = change.flips
    how = (
        "More than half of a task's seeds solve it on one side and not on the other."
        if found.by_majority
        else "The mean of the task's seeds, largest change first."
    )
    titles = ("lost", "won") if found.by_majority else ("that got worse", "that got better")
    columns: Columns[Flip] = (
        Column("Task", lambda f: str(f.number)),
        Column("Instance", lambda f: f.instance_id),
        Column(sides[0], lambda f: value(change.outcome, f.base)),
        Column(sides[1], lambda f: value(change.outcome, f.head)),
    )
    tables = []
    for title, flips in zip(titles, (found.lost, found.won), strict=True):
        if flips:
            more = len(flips) - LISTED
            note = f"{how} {more} more are not listed." if more > 0 else how
            caption = f"Tasks {title} in {change.arm}: {len(flips)}"
            tables.append(Table.of(caption, columns, flips[:LISTED], note))
    return tables


def comparison_junit(comparison: Comparison, *, fails: bool) -> bytes:
    """One test case per arm and per task that was lost in the gated arm.

    The gated arm and its lost tasks fail where the gate closes; other arms never do, and a lost
    task is skipped where it stays open.
    """
    suite = "seqswe compare" + (" (synthetic)" if comparison.synthetic else "")
    cases = []
    for change in (comparison.main, *comparison.others):
        outcome: Outcome = "failure" if change is comparison.main and fails else "passed"
        if outcome == "passed" and change.finding is Finding.NO_EVIDENCE and not change.equivalent:
            outcome = "skipped"
        message = (
            sentence(comparison) if change is comparison.main else _told(change, comparison.level)
        )
        name = f"{change.outcome.name} of {change.arm} did not get worse"
        cases.append(Case(suite=suite, name=name, outcome=outcome, message=message))
    return junit_xml([*cases, *_lost_cases(comparison, fails=fails)])


def _lost_cases(comparison: Comparison, *, fails: bool) -> list[Case]:
    main, lost = comparison.main, comparison.main.flips.lost
    suite = f"seqswe compare: tasks of {main.arm}" + (" (synthetic)" * comparison.synthetic)
    outcome: Outcome = "failure" if fails else "skipped"
    messages = {
        f"task {flip.number} {flip.instance_id}": f"{main.outcome.title} went from "
        f"{value(main.outcome, flip.base)} to {value(main.outcome, flip.head)}"
        for flip in lost[:MOST_CASES]
    }
    if len(lost) > MOST_CASES:
        messages[f"{len(lost) - MOST_CASES} more tasks"] = f"{len(lost)} tasks were lost in all"
    return [
        Case(suite=suite, name=name, outcome=outcome, message=message)
        for name, message in messages.items()
    ]


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain data; docs/formats.md describes it."""
    return {
        "schema": "seqswe.comparison",
        "schema_version": 1,
        "finding": comparison.main.finding.value,
        "synthetic": comparison.synthetic,
        "identical": comparison.identical,
        "look": comparison.look,
        "level": comparison.level,
        "changes": [change_json(change) for change in (comparison.main, *comparison.others)],
        "differences": {name: list(pair) for name, pair in comparison.differences.items()},
        "crashes": {side: asdict(crashes) for side, crashes in comparison.crashes.items()},
    }


def _told(change: Change, level: float) -> str:
    estimate = change.estimate
    return (
        f"{change.outcome.title} of {change.arm} went from {value(change.outcome, change.base)} to "
        f"{value(change.outcome, change.head)}, {difference(change.outcome, estimate.estimate)} "
        f"({100 * level:.4g} % interval {_interval(change)}; {p_value(estimate.p)}; "
        f"{estimate.n} tasks, {estimate.k0} and {estimate.k1} seeds"
        f"{', paired' if change.coupled and estimate.k1 > 1 else ''})"
    )


def _interval(change: Change) -> str:
    low, high = change.estimate.low, change.estimate.high
    return f"{difference(change.outcome, low)} to {difference(change.outcome, high)}"


def _meaning(comparison: Comparison) -> str:
    main = comparison.main
    if comparison.identical:
        return "Both sides hold the very same outcomes."
    if main.estimate.p is None:
        return (
            "Under three seeds no test is made. Choose three or more before a run begins: "
            "seeds that are added later count as another look."
        )
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


def _p(change: Change) -> str:
    return "none" if change.estimate.p is None else p_number(change.estimate.p)


def _finding(change: Change) -> str:
    mark = "SINGLE-RUN " if change.verdict.single_run else ""
    return mark + change.finding.value.upper() + (" (equal)" if change.equivalent else "")


COLUMNS: Columns[Change] = (
    Column("Arm", lambda c: c.arm),
    Column("Outcome", lambda c: c.outcome.title),
    Column("Base", lambda c: value(c.outcome, c.base)),
    Column("Head", lambda c: value(c.outcome, c.head)),
    Column("Change", lambda c: difference(c.outcome, c.estimate.estimate)),
    Column("Interval", _interval),
    Column("p", _p),
    Column("Finding", _finding),
)


def change_json(change: Change) -> dict[str, Any]:
    """One arm's change as plain data, with every task that flipped."""
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
        "power": change.power,
        "paired_by_seed": change.coupled,
        "flips_by_majority": change.flips.by_majority,
        "lost": [_flip_json(flip) for flip in change.flips.lost],
        "won": [_flip_json(flip) for flip in change.flips.won],
    }


def _flip_json(flip: Flip) -> dict[str, Any]:
    return {
        "task": flip.number,
        "instance_id": flip.instance_id,
        "base": flip.base,
        "head": flip.head,
    }


def _flip(change: Change, flip: Flip) -> str:
    before, after = (value(change.outcome, number) for number in (flip.base, flip.head))
    return f"{flip.number} {flip.instance_id} ({before} → {after})"


def _tasks(count: int) -> str:
    return f"{count} task{'s' if count != 1 else ''}"
