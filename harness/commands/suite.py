"""`seqswe suite`: release a suite."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from harness.codebases.instances import instances_of, sequence_digest, with_instructions
from harness.codebases.locate import clone_of
from harness.codebases.order import check_order
from harness.codebases.statements.issues import load_issues
from seqswe.cli.echo import echo
from seqswe.cli.options import setting_options
from seqswe.errors import UsageError
from seqswe.instance import digest_of
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import Manifest
from seqswe.manifests.selection import Selection
from seqswe.manifests.suites import VERSIONED, Member, Suite, places, save_suite
from seqswe.patterns import NAME


@click.group("suite")
def suite() -> None:
    """Suites: sequences of several codebases under a name and a version, which never change."""


@suite.command()
@click.argument("label", metavar="NAME@VERSION")
@click.argument("codebases", nargs=-1, required=True, metavar="CODEBASE...")
@setting_options("span", "mirror", "issues")
@click.option("--note", default="", help="What to know before quoting the suite.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of suites; those that ship are in repos_manifest/suites. Default: one's own.",
)
def freeze(
    label: str,
    codebases: tuple[str, ...],
    span: str,
    mirror: str,
    issues: str,
    note: str,
    out: Path | None,
) -> None:
    """Release the tasks that each CODEBASE has today, or a --span of them, for good.

    \b
    seqswe suite freeze seqswe-lite@2 attrs click jinja sqlglot sqlparse tinydb \\
        --span -60: --mirror DIR --out repos_manifest/suites

    Dates, ancestry and every text are proved from the clones first. The facts are copied, so that
    no later mining of a codebase changes what the name means. There is no command to change a
    suite.
    """
    name, version = _named(label)
    found = {codebase: _frozen(codebase, span, mirror, issues) for codebase in codebases}
    members = tuple(
        Member(
            codebase=manifest.name,
            tasks=len(manifest.instances),
            span=span,
            facts=digest_of(""),  # saving knows it
            sequence=sequence,
        )
        for manifest, sequence in found.values()
    )
    made = save_suite(
        Suite(name=name, version=version, members=members, note=note),
        {manifest.name: manifest for manifest, _ in found.values()},
        out or places()[-1],
    )
    for member in made.members:
        echo(f"{member.codebase:16} {member.tasks:5} tasks  sequence {member.sequence}")
    echo(f"{made.label} {made.digest}")
    echo(made.folder)


def _named(label: str) -> tuple[str, int]:
    match = VERSIONED.fullmatch(label)
    if match is None or not NAME.fits(match["name"]):
        raise UsageError(
            f"{label[:80]!r} is no name with a version",
            "For example seqswe-lite@1; it is for good.",
        )
    return match["name"], int(match["version"])


def _frozen(codebase: str, span: str, mirror: str, issues: str) -> tuple[Manifest, str]:
    """A codebase's chosen tasks with what they need and no more, and their sequence's digest."""
    manifest = Selection(span=span).of(manifests.load(codebase))
    in_history = all(record.is_in_history for record in manifest.instances)
    if not manifest.instances or not in_history or manifest.renamed:
        raise UsageError(
            f"{codebase} has no validated tasks that are as people left them",
            "Name codebases of `seqswe list` that were mined and validated.",
        )
    clone = clone_of(manifest, mirror)
    check_order(clone, manifest)
    records = tuple(with_instructions(clone, manifest.instances))
    used = {record.environment for record in records}
    whole = replace(
        manifest,
        instances=records,
        environments=tuple(e for e in manifest.environments if e.key in used),
    )
    return whole, sequence_digest(instances_of(clone, whole, records, load_issues(issues)))
