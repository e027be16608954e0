"""`seqswe report`: what finished runs say, as files and in words."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqswe.cli.echo import echo

if TYPE_CHECKING:
    from seqswe.analysis import Analysis

USUAL = ("json", "markdown", "html")


@click.command("report")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option(
    "formats",
    "--format",
    multiple=True,
    metavar="NAME",
    help="html, markdown, json, csv, junit, svg, png or a plug-in's; may be repeated. "
    "Default: json, markdown and html.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the reports. Default: the first run directory.",
)
@click.option(
    "--cutoff",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Last day that the model's training data may be of, as its maker states it.",
)
@click.option(
    "--difficulty",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="RUN",
    help="With --cutoff: a run over the same tasks by an agent that has read nothing. "
    "Default: the number of files of the fix.",
)
def report(
    runs: tuple[Path, ...],
    formats: tuple[str, ...],
    out: Path | None,
    cutoff: datetime | None,
    difficulty: Path | None,
) -> None:
    """Report on finished runs: the lift over the i.i.d. baseline, in words, numbers and charts.

    Several RUNs (memories, agents) are reported together, with p-values adjusted for their number.
    With --cutoff, the tasks before a model's stated cutoff are held against those after it.
    """
    from seqswe.analysis import analyse
    from seqswe.runs.store import RunDirectory

    analysis = analyse([RunDirectory.open(run) for run in runs])
    if cutoff:
        from seqswe.analysis.cutoff import with_cutoff

        control = RunDirectory.open(difficulty) if difficulty else None
        analysis = with_cutoff(analysis, cutoff.date(), control)
    written = write_reports(analysis, formats or USUAL, out or runs[0])
    for warning in analysis.warnings:
        echo(warning, err=True)
    for sentence in analysis.sentences:
        echo(sentence)
    for run in analysis.runs:
        echo(f"results {run.results_digest} ({run.label})")
    for path in written:
        echo(str(path))


def write_reports(analysis: Analysis, formats: tuple[str, ...], folder: Path) -> list[Path]:
    """Render and write one file per format, HTML last. Raises UsageError, UnknownName."""
    from seqswe.errors import UsageError
    from seqswe.plugins import build

    names = sorted(dict.fromkeys(formats), key=lambda name: name == "html")
    reports = [(build("report", name), name) for name in names]
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for maker, _ in reports:
            path = folder / f"report{maker.suffix}"
            path.write_bytes(maker.render(analysis))
            paths.append(path)
    except OSError as error:
        raise UsageError(
            f"cannot write the report to {folder}: {error.strerror}",
            "Choose another folder with --out.",
        ) from None
    return paths
