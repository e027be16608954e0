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
from seqswe.runs.store import RunDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One run of the list: its number, its name, and what its settings say; or what is wrong."""

    number: int
    name: str
    cells: tuple[str, ...] = ()
    synthetic: bool = False
    problem: str = ""


HEADER = ("Codebase", "Agent", "Memory", "Arms", "Tasks", "Seeds", "Rollouts", "Last changed")
NUMBERS = ("Tasks", "Seeds", "Rollouts")
"""Columns of numbers, which stand to the right."""


def runs_page(roots: Sequence[Path]) -> str:
    """The list as HTML text. Journals are counted and not read, so that large runs list at once."""
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
        rollouts, changed = _journal(root / "rollouts.jsonl")
    except (SeqSWEError, OSError) as error:
        return Listed(number=number, name=name, problem=str(error))
    experiment = info.experiment
    planned = make_plan(experiment, info.instance_ids)
    return Listed(
        number=number,
        name=name,
        synthetic=info.synthetic,
        cells=(
            experiment.codebase,
            experiment.agent,
            row_name(experiment.memory),
            " ".join(dict.fromkeys(cell.arm for cell in planned.cells)),
            f"{len(planned.instance_ids):,}",
            str(experiment.seeds),
            f"{rollouts:,} / {planned.rollouts:,}",
            changed,
        ),
    )


def _journal(path: Path) -> tuple[int, str]:
    """Lines of a journal, and when the last one came."""
    lines = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            lines += chunk.count(b"\n")
    changed = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    return lines, changed.strftime("%Y-%m-%d %H:%M")
