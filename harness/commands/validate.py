"""`seqswe validate`: prove candidates in the sandbox and write the instances."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import click

from harness.codebases.instances import check_rules
from harness.codebases.locate import alone_in, clone_of, writable_folder
from harness.codebases.statements.issues import load_issues
from harness.codebases.validate import Validation, without_flaky
from harness.codebases.validation_journal import ValidationJournal, same_patches
from harness.codebases.validation_room import ValidationRoom
from harness.commands.mine import CANDIDATES
from harness.history import Checkouts
from harness.history.git import Clone
from harness.sandboxes.cleanup import scratch_folder
from seqswe.cli.echo import echo
from seqswe.cli.options import setting_options
from seqswe.cli.progress import progress
from seqswe.errors import ManifestError, MissingError, UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import InstanceRecord, Manifest
from seqswe.runs.folders import cache_folder
from seqswe.sandbox import SandboxChoice

JOURNAL = "validation.jsonl"
AHEAD = 16
"""Candidates begun beyond the first unfinished one, for each job, where order matters."""


@click.command()
@click.argument("codebase")
@setting_options("mirror", "issues", "sandbox", "sandbox_option", "base_image", "jobs")
@click.option("--limit", default=0, type=click.IntRange(0), help="Stop at N instances; 0: all.")
@click.option(
    "--sample", default=0, type=click.IntRange(0), help="Prove only N candidates, over the years."
)
@click.option("--seed", default=0, show_default=True, help="Which candidates --sample draws.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only candidates from then on.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write; default: the manifest's."
)
def validate(
    codebase: str,
    mirror: str,
    issues: str,
    jobs: int,
    limit: int,
    sample: int,
    seed: int,
    since: datetime | None,
    out: Path | None,
    **choice: Any,
) -> None:
    """Prove the candidates of CODEBASE and write instances.jsonl, in chronological order.

    FAIL_TO_PASS must fail without the gold patch and pass with it, three times; PASS_TO_PASS
    must pass on both sides. Tests that disagree with themselves are quarantined by name. An
    interrupted validation goes on where it stopped; instances that are there already stay.
    """
    folder = writable_folder(manifests.load(codebase), out)
    click.get_current_context().with_resource(alone_in(folder))
    manifest = manifests.load(codebase)  # as the last process that held it left it
    candidates = manifests.load_instances(folder / CANDIDATES)
    if not candidates:
        raise UsageError(f"{folder} has no {CANDIDATES}", f"Run `seqswe mine {codebase}` first.")
    chosen = chosen_of(candidates, since, sample, seed)
    if not chosen:
        raise UsageError(
            f"no candidate of {codebase} is as late as that",
            f"The last is of {candidates[-1].created_at.date()}.",
        )
    check_rules(manifest, chosen)
    clone = clone_of(manifest, mirror)
    _check_environments(manifest, chosen, folder / CANDIDATES, codebase)
    provider = SandboxChoice(**choice).build()
    provider.sweep()
    cache = cache_folder() / "history" / manifest.name
    with (
        scratch_folder(cache) as scratch,
        ValidationJournal(folder / JOURNAL) as journal,
    ):
        room = ValidationRoom(
            manifest=manifest,
            clone=clone,
            checkouts=_checkouts(clone, chosen, cache, folder / CANDIDATES),
            provider=provider,
            scratch=scratch,
            issues=load_issues(issues),
            keep=lambda environments: manifests.save_manifest(
                replace(manifest, environments=environments), folder
            ),
        )
        try:
            results = _validate_all(room, journal, chosen, jobs, limit)
        finally:
            provider.close()  # ends what still runs
            room.close()
            kept = _kept(candidates, manifest.instances, journal)
            locked = tuple(room.environments.values())
            manifests.save(replace(manifest, environments=locked, instances=kept), folder)
    _report(results, journal, len(kept))
    echo(folder / "instances.jsonl")


def _check_environments(
    manifest: Manifest, chosen: Sequence[InstanceRecord], path: Path, codebase: str
) -> None:
    """Raise ManifestError for a candidate whose environment the manifest does not describe."""
    described = {environment.key for environment in manifest.environments}
    if lost := next((c for c in chosen if c.environment not in described), None):
        raise ManifestError(
            f"{path}: {lost.instance_id}: field 'environment': "
            f"{lost.environment!r} is not in manifest.toml",
            f"Run `seqswe mine {codebase}` again, or restore the file.",
        )


def _checkouts(
    clone: Clone, chosen: Sequence[InstanceRecord], cache: Path, path: Path
) -> Checkouts:
    """Checkouts of what is to be proved. Raises MissingError that names the entry of a file."""
    try:
        return Checkouts(clone, [c.base_commit for c in chosen], cache)
    except MissingError as error:
        lost = next((c for c in chosen if not clone.has(c.base_commit)), None)
        if lost is None:
            raise
        entry = f"{path}: {lost.instance_id}: field 'base_commit'"
        raise MissingError(f"{entry}: the clone lacks {lost.base_commit}", error.hint) from None


def chosen_of(
    candidates: Sequence[InstanceRecord], since: datetime | None, sample: int, seed: int
) -> list[InstanceRecord]:
    """The candidates to prove, in order; of a sample, as many of each year as there are turns."""
    start = since.replace(tzinfo=UTC) if since else None
    chosen = [c for c in candidates if start is None or c.created_at >= start]
    if not sample or sample >= len(chosen):
        return chosen
    draw = Random(seed)
    years: dict[int, list[InstanceRecord]] = {}
    for candidate in chosen:
        years.setdefault(candidate.created_at.year, []).append(candidate)
    decks = [draw.sample(deck, len(deck)) for _, deck in sorted(years.items())]
    drawn: list[str] = []
    while len(drawn) < sample:
        draw.shuffle(decks)  # or the earliest years would be drawn more often
        drawn += [deck.pop().instance_id for deck in decks if deck]
    wanted = set(drawn[:sample])
    return [c for c in chosen if c.instance_id in wanted]


def _validate_all(
    room: ValidationRoom,
    journal: ValidationJournal,
    candidates: Sequence[InstanceRecord],
    jobs: int,
    limit: int,
) -> list[Validation]:
    """Prove candidates until there are enough; again, if their environment was changed since."""
    results: dict[str, Validation] = {}
    with progress("validate", len(candidates)) as bar:
        for result in _proved(room, journal, candidates, jobs, in_order=limit > 0):
            results[result.record.instance_id] = result
            good = sum(not r.problem for r in results.values())
            bar.advance(f"{good} good, {len(results) - good} rejected")
            if limit and good >= limit:
                break
    proved = [c for c in candidates if c.instance_id in results]
    stale = [c for c in proved if journal.known(c, room.state(c.environment)) is None]
    for result in _proved(room, journal, stale, jobs):
        results[result.record.instance_id] = result
    return [results[c.instance_id] for c in candidates if c.instance_id in results]


def _proved(
    room: ValidationRoom,
    journal: ValidationJournal,
    candidates: Sequence[InstanceRecord],
    jobs: int,
    *,
    in_order: bool = False,
) -> Iterator[Validation]:
    """Results as they come, so that one that hangs keeps no other waiting; each is in the journal
    by then. In chronological order if only the first are wanted.
    """
    stopping = Event()

    def prove(record: InstanceRecord) -> Validation:
        known = journal.known(record, room.state(record.environment))
        if known:
            return known
        result = room.prove(record)
        if not stopping.is_set():
            journal.append(result)
        return result

    with ThreadPoolExecutor(jobs) as pool:
        rest = iter(candidates)
        try:
            if not in_order:
                yield from (d.result() for d in as_completed([pool.submit(prove, r) for r in rest]))
            begun = deque(pool.submit(prove, r) for r in islice(rest, jobs * AHEAD))
            while begun:
                yield begun.popleft().result()
                begun.extend(pool.submit(prove, r) for r in islice(rest, 1))
        except GeneratorExit:  # enough: what still runs may end, for sandboxes may be needed again
            stopping.set()
            raise
        except BaseException:
            stopping.set()
            room.provider.close()  # ends what still runs, so that the pool can end
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _kept(
    candidates: Sequence[InstanceRecord],
    before: Sequence[InstanceRecord],
    journal: ValidationJournal,
) -> tuple[InstanceRecord, ...]:
    """Every instance that was ever proved, in chronological order, as the candidates are."""
    known = journal.all()
    records = {record.instance_id: record for record in before}
    for candidate in candidates:
        result = known.get(candidate.instance_id)
        if result and result.problem:
            records.pop(candidate.instance_id, None)
        elif result and same_patches(result.record, candidate):
            records[candidate.instance_id] = with_statement_of(candidate, result.record)
    order = {candidate.instance_id: n for n, candidate in enumerate(candidates)}
    return without_flaky(
        sorted(records.values(), key=lambda r: (r.created_at, order.get(r.instance_id, -1)))
    )


def with_statement_of(candidate: InstanceRecord, proved: InstanceRecord) -> InstanceRecord:
    """A proved record with the statement of its candidate, which may be made by newer rules."""
    return replace(
        proved,
        statement_source=candidate.statement_source,
        digests={**proved.digests, **candidate.digests},
        leaks=candidate.leaks,
    )


def _report(results: Sequence[Validation], journal: ValidationJournal, count: int) -> None:
    problems = Counter(r.problem for r in results if r.problem)
    for problem, number in problems.most_common():
        example = next(r.record for r in results if r.problem == problem)
        log = journal.log_of(example)
        where = f"  ({log})" if log.is_file() else ""
        echo(f"{number:6} rejected: {problem}{where}", err=True)
    good = [r for r in results if not r.problem]
    flaky = sum(bool(r.record.flaky) for r in good)
    echo(
        f"{len(good):6} of {len(results)} are instances, {flaky} with quarantined tests; "
        f"{count} instances in all",
        err=True,
    )
