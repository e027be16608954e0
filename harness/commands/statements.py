"""`seqswe statements`: symptoms from failing tests, and statements anew by today's rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from harness.codebases.instances import check_rules
from harness.codebases.locate import alone_in, clone_of, writable_folder
from harness.codebases.mining import count_sources
from harness.codebases.renewal import renew as renew_records
from harness.codebases.statements import symptom_store
from harness.codebases.statements.issues import load_issues
from harness.codebases.statements.rules import LATEST
from harness.codebases.statements.symptom import SYMPTOM
from harness.codebases.symptoms import Symptom, find_symptom
from harness.codebases.validation_room import ValidationRoom
from harness.commands.mine import CANDIDATES, listed
from harness.history import Checkouts
from harness.sandboxes.cleanup import scratch_folder
from seqswe.cli.echo import echo, note
from seqswe.cli.options import setting_options
from seqswe.cli.progress import progress
from seqswe.errors import UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import InstanceRecord, Manifest
from seqswe.runs.folders import cache_folder
from seqswe.sandbox import SandboxChoice

SAVED = 20
"""Symptoms after which their digests are written, so that an interrupted call loses few."""


@click.command()
@click.argument("codebase")
@setting_options("mirror", "issues", "sandbox", "sandbox_option", "base_image", "jobs")
@click.option("--renew", is_flag=True, help="Make the statements anew by today's rules instead.")
@click.option("--limit", default=0, type=click.IntRange(0), help="Only the first N tasks; 0: all.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write; default: the manifest's."
)
def statements(
    codebase: str,
    mirror: str,
    issues: str,
    jobs: int,
    renew: bool,
    limit: int,
    out: Path | None,
    **choice: Any,
) -> None:
    """Make the symptoms of CODEBASE's tasks, for `--statement symptom`.

    Each task's first failing test is run once, in the sandbox, without the fix. The texts are kept
    in the cache, their digests in instances.jsonl; a test that is run for the first time is run
    twice, and what does not come out twice alike is left out. An interrupted call goes on.

    With --renew no test is run: the statements are made anew by today's rules, from the clone and
    the issues given, in instances.jsonl and candidates.jsonl. Nothing is validated again, since
    no proof depends on a statement; a task that no source says anything about is dropped.
    """
    folder = writable_folder(manifests.load(codebase), out)
    click.get_current_context().with_resource(alone_in(folder))
    manifest = manifests.load(codebase)
    if not manifest.instances and not renew:
        raise UsageError(f"{manifest.name} has no tasks", f"Run `seqswe validate {codebase}`.")
    if renew:
        manifest = _renew(manifest, mirror, issues, folder)
    else:
        manifest = _symptoms(manifest, mirror, issues, folder, jobs, limit, choice)
    sources = listed(count_sources(manifest.instances))
    symptoms = sum(SYMPTOM in record.digests for record in manifest.instances)
    echo(
        f"{manifest.name}: {len(manifest.instances)} tasks, {symptoms} with a symptom; "
        f"statements: {sources or 'none'}"
    )


def _renew(manifest: Manifest, mirror: str, issues: str, folder: Path) -> Manifest:
    clone, texts = clone_of(manifest, mirror), load_issues(issues)
    candidates = manifests.load_instances(manifest.folder / CANDIDATES)
    found = renew_records(clone, manifest, manifest.instances, texts)
    also = renew_records(clone, manifest, candidates, texts)
    rules = replace(manifest.mining, statements=LATEST.version)
    if candidates:
        manifests.save_instances(also.records, folder / CANDIDATES)
    renewed = replace(manifest, mining=rules, instances=found.records)
    manifests.save(renewed, folder)
    was = {r.instance_id: r.digests.get("statement") for r in manifest.instances}
    changed = sum(was[r.instance_id] != r.digests.get("statement") for r in found.records)
    for record in found.dropped:
        note(f"dropped, since nothing says what it does: {record.instance_id}")
    note(f"{changed:6} of {len(found.records)} statements are other ones")
    return renewed


def _symptoms(
    manifest: Manifest,
    mirror: str,
    issues: str,
    folder: Path,
    jobs: int,
    limit: int,
    choice: Mapping[str, Any],
) -> Manifest:
    check_rules(manifest, manifest.instances)
    chosen = manifest.instances[: limit or None]
    wanted = [record for record in chosen if not symptom_store.is_kept(record)]
    records = {record.instance_id: record for record in manifest.instances}
    problems: Counter[str] = Counter()
    if wanted:
        with _room(manifest, mirror, issues, wanted, choice) as room:
            for number, found in enumerate(_found(room, wanted, jobs), 1):
                if found.problem:
                    problems[found.problem] += 1
                else:
                    symptom_store.keep(found.text)
                    records[found.record.instance_id] = found.record
                if number % SAVED == 0:
                    _save(manifest, records, folder)
    for problem, count in problems.most_common():
        note(f"{count:6} left out: {problem}")
    return _save(manifest, records, folder)


def _save(manifest: Manifest, records: Mapping[str, InstanceRecord], folder: Path) -> Manifest:
    made = replace(manifest, instances=tuple(records.values()))
    if made != manifest or folder != manifest.folder:
        manifests.save(made, folder)
    return made


@contextmanager
def _room(
    manifest: Manifest,
    mirror: str,
    issues: str,
    records: Sequence[InstanceRecord],
    choice: Mapping[str, Any],
) -> Iterator[ValidationRoom]:
    """Where the tests of some tasks can be run."""
    clone = clone_of(manifest, mirror)
    provider = SandboxChoice(**choice).build()
    provider.sweep()
    cache = cache_folder() / "history" / manifest.name
    with scratch_folder(cache) as scratch:
        room = ValidationRoom(
            manifest=manifest,
            clone=clone,
            checkouts=Checkouts(clone, [record.base_commit for record in records], cache),
            provider=provider,
            scratch=scratch,
            issues=load_issues(issues),
        )
        try:
            yield room
        finally:
            provider.close()
            room.close()


def _found(room: ValidationRoom, records: Sequence[InstanceRecord], jobs: int) -> Iterator[Symptom]:
    """Symptoms as they come."""
    with ThreadPoolExecutor(jobs) as pool, progress("symptoms", len(records)) as bar:
        work = [pool.submit(find_symptom, room, record) for record in records]
        try:
            for done in as_completed(work):
                yield done.result()
                bar.advance()
        except BaseException:
            room.provider.close()  # ends what still runs, so that the pool can end
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
