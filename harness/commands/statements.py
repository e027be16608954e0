"""`seqswe statements`: what the texts of a codebase's tasks are made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from harness.codebases.locate import alone_in, clone_of, writable_folder
from harness.codebases.mining import count_sources
from harness.codebases.renewal import renew as renew_records
from harness.codebases.statements.issues import load_issues
from harness.codebases.statements.sources import RULES
from harness.commands.mine import CANDIDATES, listed
from seqswe.cli.echo import echo
from seqswe.cli.options import setting_options
from seqswe.manifests import manifest_files as manifests


@click.command()
@click.argument("codebase")
@setting_options("mirror", "issues")
@click.option("--renew", is_flag=True, help="Make the statements anew by today's rules.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write; default: the manifest's."
)
def statements(codebase: str, mirror: str, issues: str, renew: bool, out: Path | None) -> None:
    """Count the statements of CODEBASE by source, or make them anew.

    With --renew every statement is made by today's rules, from the clone and the issues given, in
    instances.jsonl and candidates.jsonl. Nothing is validated again, since no proof depends on a
    statement; a task that no source says anything about is dropped.
    """
    if renew:
        _renew(codebase, mirror, issues, out)
    manifest = manifests.load(str(out) if out and renew else codebase)
    sources = listed(count_sources(manifest.instances))
    echo(f"{manifest.name}: {len(manifest.instances)} tasks; statements: {sources or 'none'}")


def _renew(codebase: str, mirror: str, issues: str, out: Path | None) -> None:
    folder = writable_folder(manifests.load(codebase), out)
    click.get_current_context().with_resource(alone_in(folder))
    manifest = manifests.load(codebase)
    clone, texts = clone_of(manifest, mirror), load_issues(issues)
    candidates = manifests.load_instances(manifest.folder / CANDIDATES)
    found = renew_records(clone, manifest, manifest.instances, texts)
    also = renew_records(clone, manifest, candidates, texts)
    rules = replace(manifest.mining, statements=RULES)
    if candidates:
        manifests.save_instances(also.records, folder / CANDIDATES)
    manifests.save(replace(manifest, mining=rules, instances=found.records), folder)
    was = {r.instance_id: r.digests.get("statement") for r in manifest.instances}
    changed = sum(was[r.instance_id] != r.digests.get("statement") for r in found.records)
    for record in found.dropped:
        echo(f"dropped, since nothing says what it does: {record.instance_id}", err=True)
    echo(f"{changed:6} of {len(found.records)} statements are other ones", err=True)
