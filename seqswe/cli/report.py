"""`seqswe report`: what finished runs say, as files and in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqswe.arms import BASELINE
from seqswe.cli.echo import echo

if TYPE_CHECKING:
    from seqswe.analysis import Analysis
    from seqswe.analysis.leaderboard import Leaderboard
    from seqswe.reports.tracking import Tracker

USUAL = ("json", "markdown", "html")


@click.command("report")
@click.argument("runs", nargs=-1, metavar="[RUN...]", type=click.Path(path_type=Path))
@click.option(
    "--outcomes",
    "tables",
    multiple=True,
    metavar="TABLE",
    type=click.Path(path_type=Path),
    help="In place of RUNs: a table of anybody's outcomes (CSV, JSON lines, Parquet) with the "
    "columns task, position, arm, seed, outcome; cost and tokens may follow. May be repeated.",
)
@click.option(
    "--baseline-arm",
    "baseline",
    default=BASELINE,
    show_default=True,
    metavar="ARM",
    help="Of a table: the arm that keeps nothing from task to task.",
)
@click.option(
    "lender",
    "--baseline",
    metavar="RUN",
    type=click.Path(path_type=Path, file_okay=False),
    help="A run whose iid arm is the baseline of all RUNs: only where their memories were seen to "
    "recall the same when empty, and all else is the same.",
)
@click.option(
    "formats",
    "--format",
    multiple=True,
    metavar="NAME",
    help="html, markdown, json, csv, junit, svg, svg-dark, png or a plug-in's; may be repeated. "
    "Default: json, markdown and html.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the reports. Default: the run directory; of several RUNs, the folder that "
    "they lie in, or else the first one.",
)
@click.option(
    "--reference",
    default="",
    metavar="MEMORY",
    help="Over many codebases: the memory that others are held against. Default: git_history.",
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
@click.option(
    "trackers",
    "--track",
    multiple=True,
    metavar="NAME",
    help="Keep each RUN's curves and the report there as well: mlflow, wandb or a plug-in's; may "
    "be repeated.",
)
def report(
    runs: tuple[Path, ...],
    tables: tuple[Path, ...],
    baseline: str,
    lender: Path | None,
    formats: tuple[str, ...],
    out: Path | None,
    reference: str,
    cutoff: datetime | None,
    difficulty: Path | None,
    trackers: tuple[str, ...],
) -> None:
    """Report on finished runs: the lift over the i.i.d. baseline, in words, numbers and charts.

    Several RUNs (memories, agents) are reported together, with p-values adjusted for their number.
    RUNs over several codebases become a leaderboard (html, markdown, json, csv, svg, svg-dark, png
    or text): memories pooled over codebases, with intervals for their ranks. A study's folder
    stands for its runs.
    With --cutoff, the tasks before a model's stated cutoff are held against those after it.
    """
    from seqswe.errors import UsageError

    if not runs and not tables:
        raise UsageError("there is nothing to report on", "Give RUNs, or --outcomes TABLE.")
    if runs and tables:
        raise UsageError(
            "RUNs and outcome tables cannot be reported together",
            "Report on each kind by itself.",
        )
    if runs and baseline != BASELINE:
        raise UsageError(
            "--baseline-arm is for outcome tables", "The baseline of a run is its iid arm."
        )
    if lender and not runs:
        raise UsageError("--baseline is for RUNs", "A table has its own --baseline-arm.")
    if trackers and not runs:
        raise UsageError("--track is for RUNs", "A table has no settings to keep.")
    kept_in = [_tracker(name) for name in trackers]
    folder = out or _folder_of(runs or tables)
    if runs:
        result: Analysis | Leaderboard = _of_runs(_runs_of(runs), reference, lender)
    else:
        result = _of_tables(tables, baseline, reference)
    if cutoff:
        result = _with_cutoff(result, cutoff, difficulty)
    written = say(result, formats or USUAL, folder)
    if kept_in:
        _track(kept_in, _runs_of(runs), written)


def _tracker(name: str) -> Tracker:
    """Build a tracker. Raises UnknownName, and MissingError if its library is not installed."""
    from seqswe.plugins import build

    tracker: Tracker = build("tracker", name)
    return tracker


def _track(trackers: Sequence[Tracker], runs: Sequence[Path], written: Sequence[Path]) -> None:
    """Keep runs in trackers, with the report, and say where. Raises MissingError."""
    from seqswe.reports.tracking import tracked
    from seqswe.runs.store import RunDirectory

    for run in runs:
        kept = tracked(RunDirectory.open(run))
        for tracker in trackers:
            echo(tracker.track(kept, written))


def _folder_of(given: Sequence[Path]) -> Path:
    """A run's own folder; of several, the one that they lie in, or else that of the first."""
    first, *others = given
    if first.is_file():
        return first.parent
    parents = {path.resolve().parent for path in given}
    return parents.pop() if others and len(parents) == 1 else first


def say(result: Analysis | Leaderboard, formats: tuple[str, ...], folder: Path) -> Sequence[Path]:
    """Write the files of a report and print its findings; returns the files.

    Raises UsageError, UnknownName.
    """
    from seqswe.analysis import Analysis
    from seqswe.cli.leaderboard import say_leaderboard

    if not isinstance(result, Analysis):
        return say_leaderboard(result, formats, folder)
    written = write_reports(result, formats, folder)
    for warning in result.warnings:
        echo(warning, err=True)
    for sentence in result.sentences:
        echo(sentence)
    for run in result.runs:
        echo(f"results {run.results_digest} ({run.label})")
    for path in written:
        echo(str(path))
    return written


def _with_cutoff(
    result: Analysis | Leaderboard, cutoff: datetime, difficulty: Path | None
) -> Analysis:
    """With the tasks before a date held against those after it. Raises UsageError."""
    from seqswe.analysis import Analysis
    from seqswe.analysis.cutoff import with_cutoff
    from seqswe.errors import UsageError
    from seqswe.runs.store import RunDirectory

    if not isinstance(result, Analysis):
        raise UsageError(
            "--cutoff is for runs over one codebase", "Give the runs of one codebase alone."
        )
    control = RunDirectory.open(difficulty) if difficulty else None
    return with_cutoff(result, cutoff.date(), control)


def _runs_of(folders: tuple[Path, ...]) -> list[Path]:
    """The run directories that folders are, or hold if they are of suites. Raises UsageError."""
    from seqswe.errors import IncompleteError
    from seqswe.runs.study import Study

    runs: list[Path] = []
    for folder in folders:
        found = Study.open(folder).runs() if Study.is_one(folder) else [folder]
        if not found:
            raise IncompleteError(
                f"no run of {folder} is begun", f"Go on with `seqswe resume {folder}`."
            )
        runs += found
    return runs


def _of_runs(runs: Sequence[Path], reference: str, lender: Path | None) -> Analysis | Leaderboard:
    from seqswe.analysis import analyse
    from seqswe.analysis.leaderboard import leaderboard
    from seqswe.analysis.streams import codebase_of, streams_of_runs
    from seqswe.errors import UsageError
    from seqswe.runs.store import RunDirectory

    opened = [RunDirectory.open(run) for run in runs]
    if len(set(map(codebase_of, opened))) == 1:
        _check_no_reference(reference)
        return analyse(opened, RunDirectory.open(lender) if lender else None)
    if lender:
        raise UsageError(
            "--baseline is for runs over one codebase",
            "A leaderboard lends the iid arm of a codebase by itself, where nothing was recalled.",
        )
    return leaderboard(streams_of_runs(opened), reference)


def _of_tables(paths: tuple[Path, ...], baseline: str, reference: str) -> Analysis | Leaderboard:
    from seqswe.analysis.leaderboard import leaderboard
    from seqswe.analysis.tables import analyse_table, streams_of_tables
    from seqswe.manifests.outcome_tables import read_outcome_table

    tables = [read_outcome_table(path) for path in paths]
    if len(tables) == 1:
        _check_no_reference(reference)
        return analyse_table(tables[0], baseline)
    return leaderboard(streams_of_tables(tables, baseline), reference)


def _check_no_reference(reference: str) -> None:
    from seqswe.errors import UsageError

    if reference:
        raise UsageError(
            "--reference is for a leaderboard, and this is one codebase",
            "Give runs or tables of several codebases, or leave it out.",
        )


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
