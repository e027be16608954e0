"""The list of runs that `seqswe view` opens a folder with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from seqswe import __version__
from seqswe.errors import SeqSWEError
from seqswe.experiment import make_plan
from seqswe.memory import row_name
from seqswe.reports.html import asset, content_policy, rendered
from seqswe.runs.journal import JOURNAL, Tally, tally
from seqswe.runs.store import RunDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One run of the list: its number, its name, and what its settings say; or what is wrong."""

    number: int
    name: str
    cells: tuple[str, ...] = ()
    synthetic: bool = False
    problem: str = ""


HEADER = ("Agent", "Memory", "Resolved", "Codebase", "Tasks × seeds", "Rollouts", "Last changed")
NUMBERS = ("Tasks × seeds", "Rollouts")
"""Columns of numbers, which stand to the right."""


def runs_page(roots: Sequence[Path]) -> str:
    """The list as HTML text. Journals are counted, not parsed, so that large runs list at once."""
    scripts = [asset("runs.js")]
    return rendered(
        "runs.html.j2",
        runs=[_listed(number, root) for number, root in enumerate(roots)],
        header=HEADER,
        numbers=NUMBERS,
        style=asset("report.css"),
        scripts=scripts,
        policy=content_policy(scripts, live=True, form=True),
        version=__version__,
    )


def _listed(number: int, root: Path) -> Listed:
    name = "/".join(root.resolve().parts[-2:])
    try:
        info = RunDirectory.open(root).info
        journal = root / JOURNAL
        found = tally(journal)
        changed = datetime.fromtimestamp(journal.stat().st_mtime).astimezone()
    except (SeqSWEError, OSError) as error:
        return Listed(number=number, name=name, problem=str(error))
    experiment = info.experiment
    planned = make_plan(experiment, info.instance_ids)
    return Listed(
        number=number,
        name=name,
        synthetic=info.synthetic,
        cells=(
            experiment.agent,
            row_name(experiment.memory),
            _resolved(found),
            experiment.codebase,
            f"{len(planned.instance_ids):,} × {experiment.seeds}",
            _of(found.lines, planned.rollouts),
            changed.strftime("%Y-%m-%d %H:%M"),
        ),
    )


def _of(done: int, planned: int) -> str:
    return f"{done:,}" if done == planned else f"{done:,} of {planned:,}"


def _resolved(found: Tally) -> str:
    """Shares by arm, of what is graded so far; the intervals stand in the report."""
    if not any(found.resolved.values()):
        return "none"
    return ", ".join(
        f"{arm} {100 * found.resolved[arm] / n:.0f} %" for arm, n in found.graded.items()
    )
