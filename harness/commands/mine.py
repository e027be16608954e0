"""`seqswe mine`: candidates from a clone's history. Nothing is executed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from harness.codebases.candidates import mine as find_candidates
from harness.codebases.locate import clone_of, writable_folder
from harness.codebases.statement import load_issues
from seqswe.cli.options import setting_options
from seqswe.manifests import files as manifests

CANDIDATES = "candidates.jsonl"


@click.command()
@click.argument("codebase")
@setting_options("mirror", "issues")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write; default: the manifest's."
)
def mine(codebase: str, mirror: str, issues: str, out: Path | None) -> None:
    """Walk the first-parent history of CODEBASE and write candidates.jsonl.

    CODEBASE is the name of a manifest, or a folder with a manifest.toml. A candidate changes
    source and tests; the rules are in the manifest's [mining] table. Next: `seqswe validate`.
    """
    manifest = manifests.load(codebase)
    folder = writable_folder(manifest, out)
    mined = find_candidates(clone_of(manifest, mirror), manifest, load_issues(issues))
    known = {e.key: e for e in manifest.environments}
    environments = tuple(known.get(e.key, e) for e in mined.environments)
    rules = replace(manifest.mining, head=mined.head)
    manifests.save_instances(mined.records, folder / CANDIDATES)
    manifests.save_manifest(replace(manifest, environments=environments, mining=rules), folder)
    for reason, count in sorted(mined.skipped.items(), key=lambda item: -item[1]):
        click.echo(f"{count:6} left out: {reason}", err=True)
    click.echo(
        f"{len(mined.records):6} candidates in {len(environments)} environments, of "
        f"{mined.walked} commits up to {mined.head[:12]}",
        err=True,
    )
    click.echo(folder / CANDIDATES)
