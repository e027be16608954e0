"""`seqswe export harbor`: tasks as folders that Harbor runs, or a whole stream as one folder.

A task's folder brings its history up to the base and nothing later. The tests and the solution are
in folders that Harbor shows to a verifier's container, or to the oracle, only. The texts come from
the clone on this machine and are written for the user alone: SeqSWE publishes none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from harness.codebases.instances import sequence_digest
from harness.codebases.metadata import Metadata
from harness.codebases.sequence import SETTINGS, Sequence
from harness.commands.harbor_folders import ImageNames, Writer, write_images
from harness.grading import Grader
from harness.history import Checkouts
from harness.sandboxes.docker import DockerProvider
from seqswe.cli.echo import echo
from seqswe.cli.options import setting_options
from seqswe.cli.progress import progress
from seqswe.errors import UsageError
from seqswe.experiment import Experiment
from seqswe.instance import Instance
from seqswe.runs.folders import cache_folder


@click.command()
@setting_options(*SETTINGS, "base_image", "cpus", "memory_mb", "task_seconds")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write; it must not be there yet.",
)
@click.option(
    "--stream",
    is_flag=True,
    help="One folder with a step per task, in one container, in place of a folder per task.",
)
@click.option(
    "--images",
    default="seqswe",
    show_default=True,
    metavar="PREFIX",
    help="Beginning of the images' names, such as a registry's address.",
)
@click.option(
    "--network",
    type=click.Choice(["no-network", "public"]),
    default="no-network",
    show_default=True,
    help="What containers reach; `harbor run --allow-agent-host` lets an agent reach its model.",
)
def harbor(out: Path, stream: bool, images: str, network: str, **settings: Any) -> None:
    """Write the tasks of a codebase as folders of Harbor, and the images that they need.

    \b
    seqswe export harbor --codebase ledgerlite --limit 5 --out ledgerlite-harbor
    sh ledgerlite-harbor/build-images.sh
    harbor run --path ledgerlite-harbor/tasks --agent oracle
    """
    experiment = Experiment(**settings)
    sequence = Sequence.of(experiment)
    manifest, instances = sequence.manifest, sequence.instances
    if stream:
        check_one_python(sequence)
    if out.exists():
        raise UsageError(f"{out} is there already", "Remove it, or choose another --out.")
    cache = cache_folder() / "history" / manifest.name
    checkouts = Checkouts(sequence.clone, [i.base_commit for i in instances], cache)
    grader = Grader(
        layout=manifest.layout,
        tests=manifest.tests,
        environments={e.key: e for e in manifest.environments},
    )
    with (
        closing(DockerProvider(experiment.base_image)) as provider,
        closing(Metadata(sequence.clone)) as metadata,
    ):
        names = ImageNames(provider, images, manifest)
        writer = Writer(
            sequence=sequence,
            checkouts=checkouts,
            metadata=metadata,
            grader=grader,
            names=names,
            limits=experiment.limits,
            network=network,
        )
        steps = writer.stream(out / "stream" / manifest.name) if stream else tasks(writer, out)
        try:
            out.mkdir(parents=True)
            write_images(out, names, used(sequence))
            with progress("export", len(instances)) as bar:
                for _ in steps:
                    bar.advance()
        except OSError as error:
            raise UsageError(
                f"cannot write {out}: {error.strerror}", "Choose another --out."
            ) from None
    echo(f"{len(instances)} tasks, sequence {sequence_digest(instances)}", err=True)
    echo(f"Next: sh {out}/build-images.sh", err=True)
    echo(out / ("stream" if stream else "tasks"))


def tasks(writer: Writer, out: Path) -> Iterator[Instance]:
    """Write a folder for each task."""
    for position, instance in enumerate(writer.sequence.instances):
        writer.task(out / "tasks" / instance.instance_id, position, instance)
        yield instance


def used(sequence: Sequence) -> list[str]:
    """Keys of the environments that the tasks need, in their order."""
    return list(dict.fromkeys(instance.environment for instance in sequence.instances))


def check_one_python(sequence: Sequence) -> None:
    """Raise UsageError for a stream in which Python changes: a container has one."""
    manifest = sequence.manifest
    pythons = [manifest.environment(i.environment).python for i in sequence.instances]
    at = next((n for n, python in enumerate(pythons) if python != pythons[0]), 0)
    if at:
        raise UsageError(
            f"task {at + 1} needs Python {pythons[at]}, and the first one {pythons[0]}",
            f"A stream is one container: choose tasks with --span, or the first {at} with --limit.",
        )
