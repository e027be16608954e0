"""`seqswe demo`: a learning curve in minutes, from what ships with the package."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import click

from harness.commands.beginning import free_folder, given_on_command_line, with_demo
from harness.commands.run import begin
from seqswe.cli.echo import echo, note
from seqswe.cli.options import ExperimentCommand, experiment_options
from seqswe.cli.report import USUAL, say
from seqswe.errors import SeqSWEError
from seqswe.experiment import Experiment
from seqswe.sandbox import SandboxChoice


@click.command(cls=ExperimentCommand)
@experiment_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="New folder for run and report; by default runs/demo, or the next that is free; with an "
    "agent or a memory of yours runs/CODEBASE-AGENT-MEMORY-1.",
)
@click.pass_context
def demo(ctx: click.Context, /, out: Path | None, **values: Any) -> None:
    """Run the standard candle and report on it: an agent that edits, without a model or a key.

    `repair` works on 60 bugs that were injected into a small library which ships with SeqSWE, once
    with its memory wiped before every task and once with it carried along, 3 seeds each. Every
    setting can be another one, so that a memory or an agent of your own takes the place:

    \b
    seqswe demo
    seqswe demo --memory ./mine.py:Mine
    seqswe demo --limit 20 --seeds 1 --out runs/short

    It runs in containers; where no Docker engine answers, in plain processes, and says so.
    """
    values, _ = with_demo(ctx, values, always=True)
    if not given_on_command_line(ctx, "sandbox"):
        values["sandbox"] = _sandbox(str(values["base_image"]))
    mine = any(given_on_command_line(ctx, name) for name in ("agent", "memory", "codebase"))
    experiment = Experiment(**values)
    out = out or (free_folder(experiment) if mine else _free_folder())
    store = begin(experiment, out, following="")
    from seqswe.analysis import analyse

    note("reporting: intervals and charts")
    say(analyse([store]), USUAL, store.root)


def _sandbox(base_image: str) -> str:
    """Docker, if an engine answers; else processes of this machine."""
    choice = SandboxChoice(base_image=base_image)
    try:
        choice.build().close()
    except SeqSWEError as error:
        echo(f"warning: {error.message}: using the local sandbox instead", err=True)
        return "local"
    return choice.sandbox


def _free_folder() -> Path:
    """runs/demo, or the first of runs/demo-2, runs/demo-3, ... that is not there."""
    places = (Path("runs", f"demo-{n}" if n > 1 else "demo") for n in count(1))
    return next(place for place in places if not place.exists())
