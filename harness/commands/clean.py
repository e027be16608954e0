"""`seqswe clean`: remove what dead runs left behind and, if asked, images and caches."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from harness.sandboxes.cleanup import SCRATCH, sweep
from seqswe.errors import MissingError
from seqswe.runs.folders import cache_folder, total_bytes


@click.command()
@click.option(
    "--images",
    is_flag=True,
    allow_from_autoenv=False,
    help="Also remove the environment images.",
)
@click.option(
    "--cache",
    is_flag=True,
    allow_from_autoenv=False,  # SEQSWE_CACHE says where the cache is
    help="Also remove clones, packs and virtual environments.",
)
def clean(images: bool, cache: bool) -> None:
    """Remove containers and folders of dead processes. Run directories are never touched."""
    from harness.sandboxes.docker import DockerProvider
    from harness.sandboxes.local import LocalProvider

    click.echo(f"removed {LocalProvider().sweep()} local sandboxes")
    try:
        provider = DockerProvider()
    except MissingError as error:
        click.echo(f"no containers removed: {error.message}")
    else:
        click.echo(f"removed {provider.sweep()} containers")
        if images:
            click.echo(f"removed {provider.images.remove_all()} environment images")
    folder = cache_folder()
    for history in folder.glob("history/*"):
        sweep(history, SCRATCH)
    if cache:
        click.echo(f"removed {_remove(folder) / 1e9:.2f} GB of caches in {folder}")


def _remove(folder: Path) -> int:
    parts = [folder / name for name in ("clones", "history", "venvs")]
    size = total_bytes(parts)
    for part in parts:
        shutil.rmtree(part, ignore_errors=True)
    return size
