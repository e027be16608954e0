"""`seqswe audit`: what the statements of a codebase give away of their fixes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from statistics import quantiles

import click

from harness.codebases.instances import instances_of
from harness.codebases.locate import clone_of
from harness.codebases.statements.issues import load_issues
from harness.codebases.statements.leak import Leak, leak
from seqswe.cli.echo import echo
from seqswe.cli.options import setting_options
from seqswe.instance import Instance
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import InstanceRecord
from seqswe.manifests.selection import Selection, StatementKind

SHOWN = 5
"""Names that are shown of a task."""
LONGEST = 60


@click.command()
@click.argument("codebase")
@setting_options("mirror", "issues", "statement")
@click.option("--worst", default=10, show_default=True, type=click.IntRange(0), help="How many.")
def audit(codebase: str, mirror: str, issues: str, statement: StatementKind, worst: int) -> None:
    """Measure what the statements of CODEBASE give away, and list the worst.

    A score is 0 if nothing of the fix stands in the text, and 1 if all its files, all identifiers
    of its changed lines, or all its added lines do. `--max-leak` of a run leaves tasks out by it.
    """
    manifest = Selection(statement=statement).of(manifests.load(codebase))
    records = [record for record in manifest.instances if not record.bug]
    if not records:
        echo(f"{manifest.name} has no fix of a person: nothing can be given away")
        return
    instances = instances_of(
        clone_of(manifest, mirror),
        replace(manifest, instances=tuple(records)),
        records,
        load_issues(issues),
        statement,
    )
    found = [leak(each.problem_statement, each.patch) for each in instances]
    echo(f"{'source':10} {'tasks':>5} {'25 %':>6} {'50 %':>6} {'75 %':>6} {'90 %':>6}  (score)")
    for line in _by_source(records, found):
        echo(line)
    for line in islice(_worst(instances, found), worst):
        echo(line)


def _by_source(records: Sequence[InstanceRecord], found: Sequence[Leak]) -> Iterator[str]:
    scores: dict[str, list[float]] = defaultdict(list)
    for record, each in zip(records, found, strict=True):
        scores[record.statement_source.partition(":")[0]].append(each.score)
        scores["all"].append(each.score)
    for source, values in sorted(scores.items(), key=lambda item: (item[0] == "all", item[0])):
        cuts = quantiles([*values, *values], n=20, method="inclusive")
        shown = " ".join(f"{cuts[index]:6.2f}" for index in (4, 9, 14, 17))
        yield f"{source:10} {len(values):5} {shown}"


def _worst(instances: Sequence[Instance], found: Sequence[Leak]) -> Iterator[str]:
    pairs = sorted(zip(instances, found, strict=True), key=lambda p: -p[1].score)
    for instance, each in pairs:
        names = ", ".join(name[:LONGEST] for name in each.found[:SHOWN])
        yield f"{each.score:5.2f} {instance.instance_id}: {names}"
