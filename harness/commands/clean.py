"""`seqswe clean`: remove what dead runs left behind and, if asked, images and caches."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from harness.sandboxes.cleanup import SCRATCH, sweep
from seqswe.cli.echo import echo
from seqswe.errors import SeqSWEError
from seqswe.plugins import installed
from seqswe.runs.folders import cache_folder, total_bytes
from seqswe.sandbox import SandboxChoice


@click.command()
@click.option(
    "--images",
    is_flag=True,
    allow_from_autoenv=False,
    help="Also remove environment images and the like.",
)
@click.option(
    "--cache",
    is_flag=True,
    allow_from_autoenv=False,  # SEQSWE_CACHE says where the cache is
    help="Also remove clones, packs and virtual environments.",
)
def clean(images: bool, cache: bool) -> None:
    """Remove what dead processes left, in every installed sandbox. Runs are never touched."""
    for name in sorted(installed("sandbox")):
        try:
            provider = SandboxChoice(sandbox=name).build()
        except SeqSWEError as error:
            echo(f"{name}: nothing removed: {error.message}")
            continue
        echo(f"{name}: removed {provider.sweep()} sandboxes of dead processes")
        purge = getattr(provider, "purge", None)
        if images and callable(purge):
            echo(f"{name}: removed {purge()}")
    folder = cache_folder()
    for history in folder.glob("history/*"):
        sweep(history, SCRATCH)
    if cache:
        echo(f"removed {_remove(folder) / 1e9:.2f} GB of caches in {folder}")


def _remove(folder: Path) -> int:
    parts = [folder / name for name in ("clones", "history", "venvs")]
    size = total_bytes(parts)
    for part in parts:
        shutil.rmtree(part, ignore_errors=True)
    return size
