"""Tables of the codebases that ship, from their manifests: no clone is needed.

`python -m benchmarks.results tables` writes them into the pages, and a test fails where one is
stale. Sequences that were injected or imported are left out: their texts are not of people, or ship
with others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from statistics import quantiles

from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import InstanceRecord, Manifest

SOURCES = ("issue", "changelog", "pull", "merge", "commit")
KINDS = ("full", "title", "symptom")


@cache
def shipped() -> tuple[Manifest, ...]:
    """Every codebase with fixes of people that ships, the largest first."""
    root = manifests.shipped()
    found = [manifests.load(str(root / name)) for name in manifests.names(root)]
    with_fixes = [m for m in found if any(r.is_in_history for r in m.instances)]
    return tuple(sorted(with_fixes, key=lambda m: (-len(m.instances), m.name)))


def total() -> str:
    """How many codebases ship, and tasks of them."""
    return f"{len(shipped())} codebases with {sum(len(m.instances) for m in shipped()):,} tasks"


def totals() -> list[str]:
    """Tasks, dates and environments of each codebase, and of all together."""
    lines = [
        "| codebase | tasks | from | to | Pythons | environments |",
        "|---|---|---|---|---|---|",
    ]
    for manifest in shipped():
        records = manifest.instances
        used = {record.environment for record in records}
        pythons = {e.python for e in manifest.environments if e.key in used}
        ordered = sorted(pythons, key=lambda text: [int(part) for part in text.split(".")])
        span = ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"
        dates = (records[0].created_at.date(), records[-1].created_at.date())
        cells = (manifest.repo, len(records), *dates, span, len(used))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    tasks = sum(len(manifest.instances) for manifest in shipped())
    return [*lines, f"| **{len(shipped())} codebases** | **{tasks:,}** | | | | |"]


def statements() -> list[str]:
    """Tasks by source of their statement, and what each kind of statement gives away."""
    lines = [
        f"| codebase | tasks | {' | '.join(SOURCES[1:])} | with a symptom | {' | '.join(KINDS)} |",
        f"|---|---|{'---|' * (len(SOURCES) + len(KINDS))}",
    ]
    for manifest in shipped():
        records = manifest.instances
        by_source = _by(records, _source)
        counts = [len(by_source.get(source, ())) or "–" for source in SOURCES[1:]]
        told = sum("symptom" in record.digests for record in records)
        leaks = [_cuts([r.leaks[kind] for r in records if kind in r.leaks]) for kind in KINDS]
        cells = (manifest.name, len(records), *counts, told or "not made", *leaks)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def sources() -> list[str]:
    """The leak score of full statements by their source, over all codebases."""
    records = [record for manifest in shipped() for record in manifest.instances]
    lines = ["| source | tasks | 25 % | 50 % | 75 % | 90 % |", "|---|---|---|---|---|---|"]
    groups = {**_by(records, _source), "all": records}
    for source in (*SOURCES, "all"):
        scores = [r.leaks["full"] for r in groups.get(source, ()) if "full" in r.leaks]
        if len(scores) > 1:
            cuts = quantiles(scores, n=20, method="inclusive")
            shown = " | ".join(f"{cuts[index]:.2f}" for index in (4, 9, 14, 17))
            lines.append(f"| {source} | {len(scores):,} | {shown} |")
    return lines


TABLES: Mapping[str, Callable[[], list[str]]] = {
    "totals": totals,
    "statements": statements,
    "sources": sources,
}


def _source(record: InstanceRecord) -> str:
    return record.statement_source.partition(":")[0]


def _by(
    records: Sequence[InstanceRecord], key: Callable[[InstanceRecord], str]
) -> dict[str, list[InstanceRecord]]:
    groups: dict[str, list[InstanceRecord]] = defaultdict(list)
    for record in records:
        groups[key(record)].append(record)
    return groups


def _cuts(scores: Sequence[float]) -> str:
    """Median and 90 % quantile."""
    if len(scores) < 2:
        return ""
    cuts = quantiles(scores, n=20, method="inclusive")
    return f"{cuts[9]:.2f}, {cuts[17]:.2f}"


PHRASES = {"total": total}
