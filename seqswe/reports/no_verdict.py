"""Two sides that were not tested against each other, in the same formats as a comparison.

A pull request then shows why, instead of nothing.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from seqswe.comparison.crashes import CrashedTask, Crashes, NoVerdict
from seqswe.reports.comparison import LISTED, MOST_CASES, NAMED, difference_lines
from seqswe.reports.junit import Case, Outcome, junit_xml
from seqswe.reports.markdown import escape, table_markdown
from seqswe.reports.table import Column, Columns, Table

COLUMNS: Columns[CrashedTask] = (
    Column("Arm", lambda t: t.arm),
    Column("Task", lambda t: str(t.number)),
    Column("Instance", lambda t: t.instance_id),
    Column("Seeds that crashed", lambda t: f"{t.crashed} of {t.seeds}"),
)


def sentence(found: NoVerdict) -> str:
    """Why nothing was tested, and what to do."""
    note = "SYNTHETIC: " if found.synthetic else ""
    return f"{note}{found.finding.upper()}: {found.reason}. Nothing was tested. {found.advice}"


def remarks(found: NoVerdict) -> list[str]:
    """The tasks that crashed, by number and name, and the settings that differ."""
    lines = [_named(side, crashes) for side, crashes in found.crashes.items() if crashes.tasks]
    return [*lines, *difference_lines(found.differences)]


def markdown(found: NoVerdict) -> str:
    """The same as Markdown, with a table of the tasks that crashed."""
    mark = " (SYNTHETIC)" if found.synthetic else ""
    lines = [f"# SeqSWE comparison{mark}", "", f"**{escape(sentence(found))}**", ""]
    lines += [f"- {escape(text)}" for text in remarks(found)]
    tables = [_table(side, crashes) for side, crashes in found.crashes.items() if crashes.tasks]
    return "\n".join([*lines, "", *map(table_markdown, tables)])


def junit(found: NoVerdict, *, fails: bool) -> bytes:
    """A case for the finding and one for each task that crashed: they fail if the gate closes.

    Where a run is not finished the case is an error.
    """
    suite = "seqswe compare" + (" (synthetic)" if found.synthetic else "")
    closed: Outcome = "failure" if fails else "skipped"
    unfinished = found.finding == "incomplete"
    cases = [
        Case(
            suite=suite,
            name="every rollout has a verdict" if unfinished else "the agent did not crash",
            outcome="error" if unfinished else closed,
            message=sentence(found),
        )
    ]
    for side, crashes in found.crashes.items():
        messages = {
            f"task {task.number} {task.instance_id} of {task.arm}": _seeds(task)
            for task in crashes.tasks[:MOST_CASES]
        }
        if (more := len(crashes.tasks) - MOST_CASES) > 0:
            messages[f"{more} more tasks"] = f"{len(crashes.tasks)} crashed in all"
        cases += [
            Case(suite=f"{suite}: crashes in {side}", name=name, outcome=closed, message=message)
            for name, message in messages.items()
        ]
    return junit_xml(cases)


def as_json(found: NoVerdict) -> dict[str, Any]:
    """The same as plain data; docs/formats.md describes it."""
    return {
        "schema": "seqswe.comparison",
        "schema_version": 1,
        "finding": found.finding,
        "reason": found.reason,
        "advice": found.advice,
        "synthetic": found.synthetic,
        "identical": False,
        "look": None,
        "level": None,
        "changes": [],
        "differences": {name: list(pair) for name, pair in found.differences.items()},
        "crashes": {side: asdict(crashes) for side, crashes in found.crashes.items()},
    }


def _named(side: str, crashes: Crashes) -> str:
    tasks = crashes.tasks
    names = ", ".join(f"{t.number} {t.instance_id} ({t.arm}, {_seeds(t)})" for t in tasks[:NAMED])
    more = f" and {len(tasks) - NAMED} more" if len(tasks) > NAMED else ""
    return f"Crashed in {side}: {names}{more}."


def _seeds(task: CrashedTask) -> str:
    return f"{task.crashed} of {task.seeds} seed{'s' if task.seeds != 1 else ''}"


def _table(side: str, crashes: Crashes) -> Table:
    more = len(crashes.tasks) - LISTED
    note = f"{more} more are not listed." if more > 0 else ""
    caption = f"Tasks in which the agent crashed in {side}: {len(crashes.tasks)}"
    return Table.of(caption, COLUMNS, crashes.tasks[:LISTED], note)
