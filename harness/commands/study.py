"""Runs of a suite or a matrix: one after the other, begun or gone on with, as one study."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

from harness.codebases.locate import clone_of
from seqswe.cli.echo import echo, note, output
from seqswe.cli.study_progress import StudyProgress
from seqswe.errors import CannotLendError, IncompleteError, UsageError
from seqswe.experiment import Experiment
from seqswe.manifests.suites import load_suite
from seqswe.runs.matrix import Matrix, Part
from seqswe.runs.store import RunDirectory
from seqswe.runs.study import Study, check_chosen, check_not_in


class Begin(Protocol):
    """Begins a run in a new folder; it may borrow the iid arm of another run."""

    def __call__(self, experiment: Experiment, out: Path, baseline: Path | None = None) -> object:
        """Raises CannotLendError, before anything is written, where it may not borrow."""
        ...


class GoOn(Protocol):
    """Goes on with the run in a folder."""

    def __call__(self, experiment: Experiment, run_directory: Path) -> object:
        """Raises IncompleteError for rollouts without a verdict."""
        ...


def new_study(
    suite: str, matrix: Matrix, given: Collection[str], values: Mapping[str, Any], out: Path
) -> Study:
    """A study in a new folder, with everything that it needs at hand.

    suite, matrix: one of them; given: names of the settings that somebody chose; values: all
    settings. Raises UsageError, RunDirError, MissingError.
    """
    RunDirectory.check_new(out)
    study = study_of(suite, matrix, given, Experiment(**values), out)
    for manifest in study.manifests().values():
        clone_of(manifest, study.info.experiment.mirror)
    return study


def study_of(
    suite: str, matrix: Matrix, given: Collection[str], experiment: Experiment, out: Path
) -> Study:
    """The study of a suite or of a matrix, checked; nothing is written. Raises UsageError."""
    if suite and matrix:
        raise UsageError("a suite and a matrix both say what is run", "Leave one of them out.")
    if suite:
        check_chosen(given)
        return Study.of_suite(out, load_suite(suite), experiment)
    check_not_in(matrix, given)
    return Study.of_matrix(out, matrix, experiment)


def run_study(study: Study, begin: Begin, go_on: GoOn) -> None:
    """Run every part that is not finished. Raises IncompleteError once all were tried.

    Whatever else a run raises ends the study, which can be gone on with.
    """
    plans = study.plans(study.manifests())
    lacking = [study.rollouts_left(part, plans[part.name]) for part in study.parts]
    study.save()
    progress = output().study = StudyProgress(study.root, lacking)
    output().keeps(study.root)
    unfinished = []
    for number, part in enumerate(study.parts, 1):
        where = f"{study.label}, {number} of {len(study.parts)}: {part.name}"
        if study.is_finished(part):
            echo(f"{where} is finished", err=True)
            continue
        echo(where, err=True)
        progress.begin(number)
        try:
            if study.is_begun(part):
                go_on(study.experiment(part), study.folder(part))
            else:
                _begin(study, part, begin)
        except IncompleteError as error:
            echo(error.message, err=True)
            unfinished.append(part.name)
    echo(study.root)
    if unfinished:
        raise IncompleteError(
            f"{', '.join(unfinished)}: rollouts have no verdict",
            f"Go on with `seqswe resume {study.root}`.",
        )
    echo(f"next: seqswe report {study.root}", err=True)


def _begin(study: Study, part: Part, begin: Begin) -> None:
    """Begin a run, with the iid arm of an earlier one if their memories recall the same."""
    experiment, folder, lender = study.experiment(part), study.folder(part), study.lender(part)
    if lender:
        try:
            begin(experiment, folder, baseline=lender)
            return
        except CannotLendError as error:
            note(f"its own iid arm is run: {error.message}")
    begin(experiment, folder)
