"""Runs of a whole suite: one codebase after the other, begun or gone on with, as one study."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from harness.codebases.locate import clone_of
from seqswe.cli.echo import echo
from seqswe.errors import IncompleteError
from seqswe.experiment import Experiment
from seqswe.manifests.suites import load_suite
from seqswe.runs.store import RunDirectory
from seqswe.runs.study import Study, check_chosen

Run = Callable[[Experiment, Path], None]
"""Begins a run in a new folder, or goes on with the one that is there."""


def new_study(suite: str, given: Collection[str], values: Mapping[str, Any], out: Path) -> Study:
    """A study in a new folder, with everything that its suite needs at hand.

    given: names of the settings that somebody chose; values: all settings. Raises UsageError,
    RunDirError, MissingError.
    """
    check_chosen(given)
    RunDirectory.check_new(out)
    study = Study.of(out, load_suite(suite), Experiment(**values))
    for manifest in study.manifests().values():
        clone_of(manifest, study.info.experiment.mirror)
    return study


def run_study(study: Study, begin: Run, go_on: Run) -> None:
    """Run every codebase that is not finished. Raises IncompleteError once all were tried.

    Whatever else a run raises ends the study, which can be gone on with.
    """
    study.save()
    unfinished = []
    members = study.suite.members
    for number, member in enumerate(members, 1):
        where = f"{study.suite.label}, {number} of {len(members)}: {member.codebase}"
        if study.is_finished(member):
            echo(f"{where} is finished", err=True)
            continue
        echo(where, err=True)
        folder = study.folder(member)
        study.suite.manifest(member)
        run = go_on if folder in study.runs() else begin
        try:
            run(study.experiment(member), folder)
        except IncompleteError as error:
            echo(error.message, err=True)
            unfinished.append(member.codebase)
    echo(study.root)
    if unfinished:
        raise IncompleteError(
            f"{', '.join(unfinished)}: rollouts have no verdict",
            f"Go on with `seqswe resume {study.root}`.",
        )
    echo(f"next: seqswe report {study.root}", err=True)
