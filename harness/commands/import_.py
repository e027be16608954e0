"""`seqswe import`: SWE-bench's tasks, and their like, as sequences here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from harness.codebases.imported import candidates_of, save_rows
from harness.codebases.infer import infer
from harness.codebases.locate import alone_in, in_mirror, writable_folder
from harness.codebases.target import Origin, find_origin
from harness.commands.mine import CANDIDATES
from harness.history.walk import walk
from seqswe.cli.echo import echo
from seqswe.cli.options import setting_options
from seqswe.errors import MissingError, SeqSWEError, UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.foreign_rows import ForeignRow, read_rows
from seqswe.manifests.manifest import IMPORTED
from seqswe.patterns import NAME, REPO


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@setting_options("mirror")
@click.option("--repo", default="", metavar="OWNER/NAME", help="Only the tasks of this repository.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of codebases to write to; default: SEQSWE_CODEBASES.",
)
def import_(file: Path, mirror: str, repo: str, out: Path | None) -> None:
    """Make codebases of the tasks in FILE, a data set of SWE-bench's family.

    FILE is a JSON list, JSON lines, Parquet, or SWE-Bench-CL's sequences. Each repository becomes
    the codebase NAME-imported, its tasks ordered by the ancestry of their bases, whatever the
    order of the file; rows are kept as they are, with fields that are unknown here. No image is
    taken over: environments follow from what each base declares. Next: `seqswe validate`.
    """
    if repo and not REPO.fits(repo):
        raise UsageError(f"{repo[:80]!r} is no repository", "Give OWNER/NAME.")
    rows = [row for row in read_rows(file) if repo in ("", row.repo)]
    if not rows:
        raise UsageError(f"{file} has no task{f' of {repo}' if repo else ''}", "Give another file.")
    place = out or manifests.codebases_folder()
    made = []
    for name in sorted({row.repo for row in rows}):
        own = [row for row in rows if row.repo == name]
        try:
            made.append(_codebase(name, own, mirror, place))
        except SeqSWEError as error:
            if repo:
                raise
            echo(f"{name}: {len(own)} left out: {error.message}", err=True)
    if not made:
        raise MissingError(
            "no repository of these tasks can be used",
            "Give clones with --mirror, or one --repo to see what is wrong.",
        )
    for folder in made:
        echo(folder)
    echo(f"Next: seqswe validate {made[0]}", err=True)


def _codebase(repo: str, rows: Sequence[ForeignRow], mirror: str, place: Path) -> Path:
    """Write one codebase; its folder. Raises MissingError, UsageError."""
    origin = _origin(repo, mirror)
    history = walk(origin.clone, origin.clone.commit_id("HEAD"))
    inferred = infer(origin, history).manifest
    name = f"{repo.partition('/')[2].lower().lstrip('._-')}-{IMPORTED}"
    if not NAME.fits(name):
        raise UsageError(f"no codebase can be named {name!r}", f"A name has {NAME.meaning}.")
    folder = place / name
    if (folder / "manifest.toml").exists():
        raise UsageError(f"{folder} is there already", "Remove it, or give another --out.")
    rules = replace(inferred.mining, head=history[-1].commit)
    manifest = replace(inferred, name=name, mining=rules, folder=folder)
    found = candidates_of(origin.clone, manifest, rows)
    for reason, count in sorted(found.left_out.items()):
        echo(f"{repo}: {count} left out: {reason}", err=True)
    if not found.records:
        raise UsageError("none of its tasks can be used", "See the reasons above.")
    with alone_in(writable_folder(manifest, folder)):
        save_rows(found.rows, folder)
        manifests.save_instances(found.records, folder / CANDIDATES)
        manifests.save_manifest(replace(manifest, environments=found.environments), folder)
    first, last = found.records[0].created_at.date(), found.records[-1].created_at.date()
    echo(
        f"{repo}: {len(found.records)} of {len(rows)} tasks are candidates, bases of {first} to "
        f"{last}, in {len(found.environments)} environments",
        err=True,
    )
    return folder


def _origin(repo: str, mirror: str) -> Origin:
    """The clone of a repository: with a mirror the mirror's, else one made from GitHub."""
    if mirror and not in_mirror(repo, mirror):
        raise MissingError(f"the mirror {mirror} has no clone of it", "Give another --mirror.")
    return find_origin(repo, mirror)
