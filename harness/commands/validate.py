"""`seqswe validate`: prove candidates in the sandbox and write the instances."""

from __future__ import annotations

import json
import os
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from threading import Event, Lock
from typing import Any, TextIO

import click

from harness.codebases.instances import instance_of
from harness.codebases.locate import clone_of, writable_folder
from harness.codebases.statement import Issue, load_issues
from harness.codebases.validate import Validation
from harness.codebases.validate import validate as prove
from harness.commands.mine import CANDIDATES
from harness.grading import Grader
from harness.history import Checkouts
from harness.history.git import Clone
from harness.sandboxes.cleanup import scratch_folder
from seqswe.cli.options import setting_options
from seqswe.errors import RolloutError, UsageError
from seqswe.instance import Instance
from seqswe.manifests import files as manifests
from seqswe.manifests.manifest import InstanceRecord, Manifest, record_json
from seqswe.manifests.parse import parse
from seqswe.runs.folders import cache_folder
from seqswe.runs.rollout import CAUSES
from seqswe.sandbox import Limits, Sandbox, SandboxChoice, SandboxProvider, SandboxSpec

JOURNAL = "validation.jsonl"
AHEAD = 16
"""Candidates begun beyond the first unfinished one, for each job."""
PASSING = tuple(f"{name}:" for name, cause in CAUSES.items() if cause.retry)
"""Problems of the machine, not of the candidate: they are tried again at the next call."""
PINNED = re.compile(r"[A-Za-z0-9._-]+==\S+$")


@click.command()
@click.argument("codebase")
@setting_options("mirror", "issues", "sandbox", "sandbox_option", "base_image", "jobs")
@click.option(
    "--limit", default=0, type=click.IntRange(0), help="Stop at so many instances; 0: all."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write; default: the manifest's."
)
def validate(
    codebase: str,
    mirror: str,
    issues: str,
    jobs: int,
    limit: int,
    out: Path | None,
    **choice: Any,
) -> None:
    """Prove each candidate of CODEBASE and write instances.jsonl, in chronological order.

    FAIL_TO_PASS must fail without the gold patch and pass with it, three times; tests that
    disagree with themselves are quarantined by name. An interrupted validation goes on where
    it stopped.
    """
    manifest = manifests.load(codebase)
    folder = writable_folder(manifest, out)
    candidates = manifests.load_instances(folder / CANDIDATES)
    if not candidates:
        raise UsageError(f"{folder} has no {CANDIDATES}", f"Run `seqswe mine {codebase}` first.")
    clone = clone_of(manifest, mirror)
    provider = SandboxChoice(**choice).build()
    provider.sweep()
    cache = cache_folder() / "history" / manifest.name
    with scratch_folder(cache) as scratch:
        history = Checkouts(clone, [c.base_commit for c in candidates], cache)
        manifest = _locked(manifest, history, provider, scratch, candidates)
        room = Room(
            manifest=manifest,
            clone=clone,
            history=history,
            provider=provider,
            scratch=scratch,
            issues=load_issues(issues),
        )
        instances, problems = _validate_all(room, candidates, folder / JOURNAL, (jobs, limit))
    manifests.save(replace(manifest, instances=tuple(instances)), folder)
    for problem, count in problems.most_common():
        click.echo(f"{count:6} rejected: {problem}", err=True)
    flaky = sum(bool(i.flaky) for i in instances)
    click.echo(f"{len(instances):6} instances, {flaky} with quarantined tests", err=True)
    click.echo(folder / "instances.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What proving one candidate needs."""

    manifest: Manifest
    clone: Clone
    history: Checkouts
    provider: SandboxProvider
    scratch: Path
    issues: Mapping[int, Issue]

    def prove(self, record: InstanceRecord) -> Validation:
        """Prove one candidate; trouble of the sandbox is a problem too."""
        instance = instance_of(self.clone, self.manifest, record, self.issues)
        grader = Grader(layout=self.manifest.layout, tests=self.manifest.tests)
        try:
            return prove(record, instance, grader, lambda: self.open(instance))
        except RolloutError as error:
            return Validation(record=record, problem=f"{error.cause}: {error.message}"[:120])

    def open(self, instance: Instance) -> Sandbox:
        """A fresh sandbox as the instance's agent would be given."""
        folder = self.scratch / instance.instance_id
        number = sum(1 for _ in self.scratch.glob(f"{instance.instance_id}*"))
        checkout = self.history.checkout(instance, folder.with_suffix(f".{number}"))
        spec = SandboxSpec(
            environment=self.manifest.environment(instance.environment),
            checkout=checkout,
            limits=Limits(),
            labels={"run": "validate", "task": instance.instance_id},
        )
        return self.provider.open(spec)


def _locked(
    manifest: Manifest,
    history: Checkouts,
    provider: SandboxProvider,
    scratch: Path,
    candidates: Iterable[InstanceRecord],
) -> Manifest:
    """The manifest with the exact versions each environment was resolved to."""
    first = {c.environment: c.base_commit for c in reversed(list(candidates))}
    locked = []
    for environment in manifest.environments:
        if provider.isolates and not environment.lock and environment.key in first:
            checkout = history.history.checkout(
                first[environment.key], scratch / f"lock-{environment.key}"
            )
            box = provider.open(SandboxSpec(environment=environment, checkout=checkout))
            frozen = box.run("python -m pip freeze").text.split("\n")
            box.close()
            environment = replace(
                environment, lock=tuple(sorted(f for f in frozen if PINNED.match(f)))
            )
        locked.append(environment)
    return replace(manifest, environments=tuple(locked))


def _known(path: Path) -> dict[str, Validation]:
    """Validations of an earlier, interrupted call; a half-written last line is cut off."""
    known = {}
    data = path.read_bytes() if path.exists() else b""
    whole = data[: data.rfind(b"\n") + 1]
    if whole != data:
        os.truncate(path, len(whole))  # or the next line would be written behind it
    for number, line in enumerate(whole.decode("utf-8").split("\n")[:-1], 1):
        entry = json.loads(line)
        record = parse(InstanceRecord, entry["record"], f"{path}, line {number}")
        known[record.instance_id] = Validation(record=record, problem=entry["problem"])
    return known


def _validate_all(
    room: Room,
    candidates: Sequence[InstanceRecord],
    journal: Path,
    limits: tuple[int, int],
) -> tuple[list[InstanceRecord], Counter[str]]:
    """The good records, in chronological order, and how often each problem was met."""
    from seqswe.cli.progress import progress

    jobs, limit = limits
    done = _known(journal)
    problems: Counter[str] = Counter()
    good: list[InstanceRecord] = []
    with progress("validate", len(candidates)) as bar, journal.open("a", encoding="utf-8") as out:
        for result in _in_order(room, candidates, (done, out), jobs):
            if result.problem:
                problems[result.problem] += 1
            else:
                good.append(result.record)
            bar.advance(f"{len(good)} good, {sum(problems.values())} rejected")
            if limit and len(good) >= limit:
                break
    return good, problems


def _in_order(
    room: Room,
    candidates: Sequence[InstanceRecord],
    journal: tuple[Mapping[str, Validation], TextIO],
    jobs: int,
) -> Iterator[Validation]:
    """Results in chronological order; each is written to the journal as soon as it is there."""
    done, out = journal
    lock, stopping = Lock(), Event()

    def prove(record: InstanceRecord) -> Validation:
        known = done.get(record.instance_id)
        if known and known.record.digests == record.digests:  # else it was mined by other rules
            return known
        result = room.prove(record)
        with lock:
            if not stopping.is_set() and not result.problem.startswith(PASSING):
                _append(out, result)
        return result

    with ThreadPoolExecutor(jobs) as pool:
        rest = iter(candidates)
        try:
            # So far ahead of the order that one slow suite does not leave the others idle.
            ahead = deque(pool.submit(prove, r) for r in islice(rest, jobs * AHEAD))
            while ahead:
                yield ahead.popleft().result()
                ahead.extend(pool.submit(prove, r) for r in islice(rest, 1))
        finally:
            stopping.set()
            pool.shutdown(wait=False, cancel_futures=True)
            room.provider.close()  # ends what still runs, so that the pool can end


def _append(out: TextIO, result: Validation) -> None:
    line = {"record": record_json(result.record), "problem": result.problem}
    out.write(json.dumps(line, sort_keys=True) + "\n")
    out.flush()
    os.fsync(out.fileno())
