"""`seqswe export`: what a run holds, in the formats of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqswe.cli.echo import echo
from seqswe.errors import IncompleteError, UsageError

if TYPE_CHECKING:
    from seqswe.runs.predictions import Prediction
    from seqswe.runs.store import RunDirectory

PATCH = "patch.diff"
OF_HARNESS = {
    "harbor": "harness.commands.export_harbor:harbor",
    "swebench": "harness.commands.export_swebench:swebench",
}
"""Format → `module:attribute` of the command that writes it."""


class Formats(click.Group):
    """Formats; what needs more than the core is only imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, those of the core first."""
        return [*super().list_commands(ctx), *OF_HARNESS]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command, imported now; None for a name there is not."""
        if name not in OF_HARNESS:
            return super().get_command(ctx, name)
        module, _, attribute = OF_HARNESS[name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        command.context_settings = {**command.context_settings, "auto_envvar_prefix": "SEQSWE"}
        return command


@click.group(cls=Formats)
def export() -> None:
    """Write what a run or a codebase holds in the formats of other tools."""


@export.command()
@click.argument("run_directory", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--arm", default="", help="Of which arm. Default: the only one there is.")
@click.option("--seed", default=0, show_default=True, help="Of which seed.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File: JSON lines, or a table by instance id if it ends in .json. Default: standard "
    "output, in JSON lines.",
)
@click.option(
    "--logs",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for logs of the verdicts as well, in the form that SWE-bench reads.",
)
def predictions(
    run_directory: Path, arm: str, seed: int, out: Path | None, logs: Path | None
) -> None:
    """Write the patches of RUN as SWE-bench's predictions, which `swebench` grades again.

    \b
    seqswe export predictions runs/x --arm sequential --out preds.jsonl
    """
    from seqswe.runs.predictions import write_jsonl, write_preds
    from seqswe.runs.store import RunDirectory

    store = RunDirectory.open(run_directory)
    found = of_run(store, arm, seed)
    if logs is not None:
        write_logs(store, arm or next(iter(store.info.planned()))[0], seed, found, logs)
    text = write_preds(found) if out and out.suffix == ".json" else write_jsonl(found)
    if out is None:
        echo(text.removesuffix("\n"))
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}", "Choose another --out.") from None
    echo(str(out))


def write_logs(
    store: RunDirectory, arm: str, seed: int, found: Sequence[Prediction], logs: Path
) -> None:
    """Write `MODEL/INSTANCE/test_output.txt` for each prediction. Raises UsageError."""
    from seqswe.manifests.read import read_json
    from seqswe.runs.predictions import write_log

    places = {r.instance_id: r.position for r in store.journal().rollouts}
    for prediction in found:
        name = prediction.instance_id
        place = store.folder(arm, seed, places[name], name) / "report.json"
        report = read_json(place, "Restore it from a copy.")[name]
        folder = logs / prediction.model_name_or_path.replace("/", "__") / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "test_output.txt").write_text(write_log(report), "utf-8", "replace")
        except OSError as error:
            raise UsageError(
                f"cannot write {folder}: {error.strerror}", "Choose another --logs."
            ) from None


def of_run(store: RunDirectory, arm: str, seed: int) -> list[Prediction]:
    """The patches of one arm and seed, in the order of tasks.

    Rollouts without a verdict are told and left out: they have no patch, not an empty one.
    """
    from seqswe.manifests.read import read_bytes
    from seqswe.runs.files import check_files
    from seqswe.runs.predictions import Prediction

    journal, experiment = store.journal(), store.info.experiment
    check_files(store, journal)
    cells = store.info.planned()
    arms = tuple(dict.fromkeys(arm for arm, _ in cells))
    chosen = arm or (arms[0] if len(arms) == 1 else "")
    planned = cells.get((chosen, seed))
    if planned is None:
        raise UsageError(
            f"{store.root} has no arm {chosen!r:.80} with seed {seed}"
            if chosen
            else f"{store.root} has more than one arm, and predictions are of one",
            f"Choose --arm from {', '.join(arms)}, and --seed up to {max(k for _, k in cells)}.",
        )
    graded = [r for r in journal.rollouts if (r.arm, r.seed) == (chosen, seed) and r.graded]
    if not graded:
        raise IncompleteError(f"{store.root} has no graded rollouts", "Run or resume it first.")
    if len(graded) < len(planned):
        left = len(planned) - len(graded)
        echo(f"{left} of {len(planned)} rollouts have no verdict and are left out", err=True)
    name = "+".join(filter(None, ("seqswe", experiment.agent, experiment.model, chosen)))
    return [
        Prediction(
            instance_id=r.instance_id,
            model_patch=read_bytes(
                store.folder(r.arm, r.seed, r.position, r.instance_id) / PATCH
            ).decode("utf-8", "surrogateescape"),
            model_name_or_path=name,
        )
        for r in graded
    ]
