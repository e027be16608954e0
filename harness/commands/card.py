"""`seqswe card`: a data card of a codebase, as Markdown, and its tasks' qualities as JSON lines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np

from harness.codebases.locate import clone_of
from harness.codebases.mining import count_sources
from harness.codebases.quality import Quality, measure
from harness.codebases.statements.issues import load_issues
from harness.commands.mine import listed
from seqswe.cli.echo import echo
from seqswe.cli.options import setting_options
from seqswe.errors import UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import Manifest

SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)


@click.command()
@click.argument("codebase")
@setting_options("mirror", "issues")
@click.option(
    "--fields", type=click.Path(path_type=Path), help="Write the fields of every task to this file."
)
def card(codebase: str, mirror: str, issues: str, fields: Path | None) -> None:
    """Print a data card of CODEBASE: what its tasks are like, all of it computed.

    Size of the fixes, age of the code that they touch, whether an earlier task fixed the same file,
    near-duplicates, sources of statements and what these give away.
    """
    manifest = manifests.load(codebase)
    records = [record for record in manifest.instances if record.is_in_history]
    if not records:
        raise UsageError(
            f"{manifest.name} has no fix that is a commit",
            "Name a codebase that was mined and validated.",
        )
    found = measure(clone_of(manifest, mirror), manifest, records, load_issues(issues))
    if fields:
        lines = (json.dumps(asdict(each), sort_keys=True) for each in found)
        fields.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    for line in _card(manifest, found):
        echo(line)


def _card(manifest: Manifest, found: Sequence[Quality]) -> Iterator[str]:
    records = manifest.instances
    years = Counter(record.created_at.year for record in records)
    novel = sum(each.novel for each in found)
    links = Counter(kind for each in found for kind in each.links)
    symptoms = sum("symptom" in record.digests for record in records)
    yield f"# {manifest.name}"
    yield ""
    span = f"{records[0].created_at.date()} to {records[-1].created_at.date()}"
    environments = len({record.environment for record in records})
    yield (
        f"{manifest.repo}, {manifest.licence}. {len(records)} tasks, {span}, "
        f"{environments} environments."
    )
    yield ""
    yield f"* Tasks by year: {', '.join(f'{year} {n}' for year, n in sorted(years.items()))}."
    yield f"* Statements: {listed(count_sources(records))}; {symptoms} with a symptom."
    yield f"* {novel} tasks fix no file that an earlier task fixed, {len(found) - novel} do."
    shown = ", ".join(f"{n} {kind}" for kind, n in links.most_common()) or "none"
    yield f"* Links to earlier tasks: {shown}."
    yield ""
    yield "| | 10 % | 25 % | 50 % | 75 % | 90 % |"
    yield "|---|---|---|---|---|---|"
    yield _row("source files of the fix", [each.files for each in found])
    yield _row("changed lines", [each.lines for each in found])
    ages = [each.age_days for each in found if each.age_days is not None]
    yield _row("days since the code was changed", ages)
    yield _row("tests that grade it", [each.tests for each in found])
    yield _row("words shared with the nearest earlier task", [each.similarity for each in found])
    for kind in ("full", "title", "symptom"):
        scores = [record.leaks[kind] for record in records if kind in record.leaks]
        yield _row(f"given away by its {kind} statement", scores)


def _row(name: str, values: Sequence[float]) -> str:
    if not values:
        return f"| {name} | – | – | – | – | – |"
    cells = " | ".join(f"{value:.3g}" for value in np.quantile(values, SHARES))
    return f"| {name} | {cells} |"
