"""`seqswe card`: a data card of a codebase, as Markdown, and its tasks' qualities as JSON lines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

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
from seqswe.manifests.manifest import InstanceRecord, Manifest
from seqswe.reports.card_chart import Measure, card_svg
from seqswe.runs.store import RunDirectory

SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)


@click.command()
@click.argument("codebase")
@setting_options("mirror", "issues")
@click.option(
    "--fields", type=click.Path(path_type=Path), help="Write the fields of every task to this file."
)
@click.option(
    "--run",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="RUN",
    help="A run over these tasks, such as one of the agent gold, to read how long tests take.",
)
@click.option(
    "--chart",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Draw the distributions to this SVG file, and show it in the card.",
)
def card(
    codebase: str,
    mirror: str,
    issues: str,
    fields: Path | None,
    run: Path | None,
    chart: Path | None,
) -> None:
    """Print a data card of CODEBASE: what its tasks are like, all of it computed.

    Size of the fixes, age of the code that they touch, whether an earlier task fixed the same file,
    near-duplicates, sources of statements and what these give away. How long the tests of a task
    take is measured, so it is read from a RUN.
    """
    manifest = manifests.load(codebase)
    records = [record for record in manifest.instances if record.is_in_history]
    if not records:
        raise UsageError(
            f"{manifest.name} has no fix that is a commit",
            "Name a codebase that was mined and validated.",
        )
    seconds = test_seconds(RunDirectory.open(run)) if run else {}
    found = [
        replace(each, test_seconds=seconds.get(each.instance_id))
        for each in measure(clone_of(manifest, mirror), manifest, records, load_issues(issues))
    ]
    if run and not any(each.instance_id in seconds for each in found):
        raise UsageError(
            f"{run} ran the tests of no task of {manifest.name}", "Give another --run."
        )
    if fields:
        lines = (json.dumps(asdict(each), sort_keys=True) for each in found)
        fields.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    if chart:
        years = Counter(record.created_at.year for record in records)
        chart.write_bytes(card_svg(manifest.name, years, list(_measures(records, found))))
    for line in _card(manifest, found, chart):
        echo(line)


def test_seconds(store: RunDirectory) -> dict[str, float]:
    """By instance id, the median of the seconds that its tests took in a run, by the clock."""
    taken: dict[str, list[float]] = {}
    for rollout in store.journal().rollouts:
        if rollout.graded and rollout.timing.get("tests"):
            taken.setdefault(rollout.instance_id, []).append(rollout.timing["tests"])
    return {name: round(median(seconds), 2) for name, seconds in taken.items()}


def _measures(records: Sequence[InstanceRecord], found: Sequence[Quality]) -> Iterator[Measure]:
    """Every number of a task, as rows of the card and as charts."""
    yield Measure(title="source files of the fix", values=[each.files for each in found])
    yield Measure(title="changed lines", values=[each.lines for each in found], logarithmic=True)
    ages = [each.age_days for each in found if each.age_days is not None]
    yield Measure(title="days since the code was changed", values=ages, logarithmic=True)
    yield Measure(
        title="tests that grade it", values=[each.tests for each in found], logarithmic=True
    )
    seconds = [each.test_seconds for each in found if each.test_seconds is not None]
    yield Measure(title="seconds that its tests take", values=seconds, logarithmic=True)
    yield Measure(
        title="words shared with the nearest earlier task",
        values=[each.similarity for each in found],
    )
    for kind in ("full", "title", "symptom"):
        scores = [record.leaks[kind] for record in records if kind in record.leaks]
        yield Measure(title=f"given away by its {kind} statement", values=scores)


def _card(manifest: Manifest, found: Sequence[Quality], chart: Path | None) -> Iterator[str]:
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
    named = ", ".join(f"{n} {kind}" for kind, n in links.most_common()) or "none"
    yield f"* Links to earlier tasks: {named}."
    yield ""
    yield "| | 10 % | 25 % | 50 % | 75 % | 90 % |"
    yield "|---|---|---|---|---|---|"
    for shown in _measures(records, found):
        yield _row(shown.title, shown.values)
    if chart:
        yield ""
        yield f"![{manifest.name}: tasks by year, and how many tasks have at most so much]({chart})"


def _row(name: str, values: Sequence[float]) -> str:
    if not values:
        return f"| {name} | – | – | – | – | – |"
    cells = " | ".join(f"{value:.3g}" for value in np.quantile(values, SHARES))
    return f"| {name} | {cells} |"
