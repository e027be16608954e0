"""`seqswe env`: take environments to machines that have no package index."""

from __future__ import annotations

from pathlib import Path

import click

from harness.commands.plan import counted
from harness.environments.contents import Contents
from harness.sandboxes.docker import DockerProvider
from harness.sandboxes.env_archive import load as load_archive
from harness.sandboxes.env_archive import read_manifest
from harness.sandboxes.env_archive import save as save_archive
from harness.sandboxes.provider import open_provider
from seqswe.cli.echo import echo, note, tell
from seqswe.cli.options import setting_options
from seqswe.errors import UsageError
from seqswe.instance import digest_of
from seqswe.manifests import manifest_files as manifests
from seqswe.sandbox import SandboxChoice, SandboxProvider


@click.group("env")
def env() -> None:
    """Environments in a file: images and packages for machines without a package index."""


@env.command()
@click.argument("codebase")
@setting_options("limit", "sandbox", "base_image")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; default: CODEBASE-env.tar.",
)
def save(codebase: str, limit: int, sandbox: str, base_image: str, out: Path | None) -> None:
    """Write the environments of CODEBASE's tasks into one file.

    \b
    seqswe env save tinydb --limit 10 --out tinydb.tar
    scp tinydb.tar elsewhere: && ssh elsewhere seqswe env load tinydb.tar

    It holds the images of their Pythons, the installed packages and their exact versions; what is
    not made yet is made first. With --limit, those of the first N tasks. The clone does not travel
    in it, nor what an agent installs. It is not compressed.
    """
    if sandbox != "docker":
        raise UsageError(
            f"environments of --sandbox {sandbox:.80} cannot travel in a file",
            "Use --sandbox docker. Those of `local` name this machine's folders and its Python.",
        )
    manifest = manifests.load(codebase)
    out = out or Path(f"{manifest.name}-env.tar")
    if out.exists():
        raise UsageError(f"{out} is there already", "Remove it, or choose another --out.")
    if not out.parent.is_dir():
        raise UsageError(f"there is no folder {out.parent}", "Make it, or choose another --out.")
    records = manifest.instances[: limit or None]
    keys = dict.fromkeys(record.environment for record in records)
    if not keys:
        raise UsageError(
            f"{codebase} has no validated tasks", f"Run `seqswe validate {codebase}` first."
        )
    note(f"preparing: {counted(len(keys), 'environment')} in docker")
    with open_provider(SandboxChoice(base_image=base_image)) as provider:
        environments = [manifest.environment(key) for key in keys]
        saved = save_archive(_docker(provider), manifest.name, environments, out)
    tell(digest=saved.digest, bytes=saved.bytes, tasks=len(records))
    echo(
        f"{counted(len(records), 'task')}: {counted(saved.environments, 'environment')} with "
        f"{saved.files:,} files, {counted(saved.images, 'image')}, {saved.bytes / 1e6:,.0f} MB"
    )
    echo(f"digest {saved.digest}")
    echo(out)


@env.command()
@click.argument("file", type=click.Path(path_type=Path))
@setting_options("base_image")
def load(file: Path, base_image: str) -> None:
    """Put the environments of FILE where runs look for them.

    \b
    seqswe env load tinydb.tar

    All of it is checked first, and what is there already is kept as it is. Whoever wrote FILE
    decides what grades here: trust them as you trust a base image, and compare the digest with
    the one that they were told.
    """
    with Contents.open(file) as contents:
        manifest, digest = read_manifest(contents), digest_of(contents.manifest)
        note(f"checking: environments of {manifest.codebase} from SeqSWE {manifest.seqswe}")
        with open_provider(SandboxChoice(base_image=base_image)) as provider:
            for line in load_archive(_docker(provider), contents):
                echo(line)
    tell(codebase=manifest.codebase, digest=digest)
    echo(f"digest {digest}")
    note(f"next: seqswe run --codebase {manifest.codebase}")


def _docker(provider: SandboxProvider) -> DockerProvider:
    assert isinstance(provider, DockerProvider)  # the kind of sandbox that was chosen
    return provider
