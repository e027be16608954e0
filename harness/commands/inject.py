"""`seqswe inject`: put bugs into a codebase's functions, so that a sequence needs no model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

from harness.codebases.environment import environment_at
from harness.codebases.locate import clone_of, writable_folder
from harness.codebases.validation_room import ValidationRoom
from harness.history import Checkouts
from harness.history.git import Clone
from harness.history.objects import CommitFiles, Objects
from harness.injection.inject import Injector, Rules, recurrence, test_modules
from harness.injection.remake import remake, without_messages
from harness.injection.workbench import TRIES, Workbench
from harness.sandboxes.cleanup import scratch_folder
from seqswe.cli.echo import echo, note
from seqswe.cli.options import Number, setting_options
from seqswe.errors import RolloutError, UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import InstanceRecord, Manifest, Synthetic
from seqswe.patterns import NAME
from seqswe.runs.folders import cache_folder
from seqswe.sandbox import Environment, Limits, SandboxChoice, SandboxSpec

YOUNG = 10
"""The first tenth of a history has too little code to be wrong in many ways."""


@click.command()
@click.argument("codebase")
@setting_options("mirror", "sandbox", "sandbox_option", "base_image")
@click.option("--tasks", default=60, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True, help="Same seed, same sequence.")
@click.option("--zipf", default=1.5, show_default=True, type=Number(0, 100))
@click.option("--once-per-function", is_flag=True, help="Nothing recurs: a control.")
@click.option("--window", type=click.IntRange(1), help="Latest commits to draw bases from.")
@click.option("--tests", multiple=True, metavar="PATH", help="Only these tests; repeat it.")
@click.option(
    "--coverage-every",
    default=5,
    show_default=True,
    type=click.IntRange(1),
    help="Commits after which it is found out anew what the tests call.",
)
@click.option("--facts-only", is_flag=True, help="Leave out what failing tests said.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
def inject(
    codebase: str,
    mirror: str,
    window: int | None,
    sandbox: str,
    sandbox_option: tuple[str, ...],
    base_image: str,
    facts_only: bool,
    out: Path,
    **rules: Any,
) -> None:
    """Write a sequence of injected bugs on successive commits of CODEBASE.

    A bug is kept if a real run of pytest shows that at least two tests fail: one whole test
    becomes the issue's reproduction, the others grade. The bugs recur by a preference that is
    seeded and recorded. The sequence is synthetic, and every report says so. Where the whole
    suite is slow, --tests names the folders and modules that are quick.

    With --facts-only the manifest quotes nothing of the codebase, and can be handed on. Where
    CODEBASE is such a sequence, it is sequence again: the same bugs, and what their tests say.
    """
    choice = SandboxChoice(sandbox=sandbox, sandbox_option=sandbox_option, base_image=base_image)
    manifest = manifests.load(codebase)
    if not NAME.fits(out.absolute().name):
        raise UsageError(
            f"the folder's name is the sequence's name, and {out.name[:80]!r} is none",
            f"Give an --out of {NAME.meaning}.",
        )
    folder = writable_folder(manifest, out)
    clone = clone_of(manifest, mirror)
    if manifest.synthetic:
        _refuse_rules(["window", "facts_only", *rules])
        sequence = _again(manifest, clone, choice)
    else:
        manifest = replace(
            manifest, mining=replace(manifest.mining, window=window or manifest.mining.window)
        )
        sequence = _new(manifest, clone, Rules(**rules), choice)
    if facts_only:
        sequence = replace(sequence, instances=tuple(map(without_messages, sequence.instances)))
    manifests.save(replace(sequence, name=folder.absolute().name), folder)
    assert sequence.synthetic
    note(f"{len(sequence.instances):6} instances: {sequence.synthetic.note}")
    echo(folder / "instances.jsonl")


def _new(manifest: Manifest, clone: Clone, chosen: Rules, choice: SandboxChoice) -> Manifest:
    """A sequence by some rules."""
    bases, environments = _bases(clone, manifest, chosen.tests)
    if not bases:
        raise UsageError(
            f"no commit of {manifest.name} has such tests",
            "See --tests, and [layout] of the manifest.",
        )
    manifest = replace(manifest, environments=tuple({e.key: e for e in environments}.values()))
    keys = {base: e.key for base, e in zip(bases, environments, strict=True)}
    with _workshop(manifest, clone, keys, choice) as workshop:
        injector = Injector(
            manifest=manifest,
            clone=clone,
            rules=chosen,
            open_workbench=workshop.open_workbench,
            prove=workshop.prove,
            environment=keys.__getitem__,
        )
        records = _collect(injector, bases)
    if not records:
        raise UsageError(
            f"no bug could be put into {manifest.name}", "See what was rejected above."
        )
    synthetic = _synthetic(manifest, chosen, recurrence(records))
    return replace(manifest, synthetic=synthetic, instances=tuple(records))


def _again(manifest: Manifest, clone: Clone, choice: SandboxChoice) -> Manifest:
    """A sequence as its manifest describes it."""
    from seqswe.cli.progress import progress

    keys = {record.base_commit: record.environment for record in manifest.instances}
    records = []
    with (
        _workshop(manifest, clone, keys, choice) as workshop,
        progress("inject", len(manifest.instances)) as bar,
    ):
        for record in remake(manifest.instances, clone, workshop.open_workbench):
            records.append(record)
            bar.advance(record.instance_id)
    return replace(manifest, instances=tuple(records))


def _refuse_rules(names: Iterable[str]) -> None:
    for name in names:
        if click.get_current_context().get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise UsageError(
                f"--{name.replace('_', '-')} does not go with a sequence that is made again",
                "Leave it out, or name the codebase itself.",
            )


def _synthetic(manifest: Manifest, rules: Rules, share: float) -> Synthetic:
    return Synthetic(
        codebase=manifest.name,
        seed=rules.seed,
        zipf=rules.zipf,
        tests=rules.tests,
        coverage_every=rules.coverage_every,
        once_per_function=rules.once_per_function,
        recurrence=share,
        note=f"injected bugs; {share:.0%} of the tasks are in a function that had one before",
    )


def _bases(
    clone: Clone, manifest: Manifest, tests: tuple[str, ...]
) -> tuple[list[str], list[Environment]]:
    """Base commits with tests, oldest first and dated in order, and their environments."""
    rules = manifest.mining
    head = clone.commit_id(rules.head or "HEAD")
    history = clone.first_parents(head, rules.window)
    bases: list[str] = []
    clock: datetime | None = None
    for commit in history[len(history) // YOUNG :]:
        date = datetime.fromisoformat(clone.date(commit))
        if (clock is None or date >= clock) and test_modules(clone, commit, manifest.layout, tests):
            bases.append(commit)
            clock = date
    known = {e.key: e for e in manifest.environments}
    with Objects(clone) as objects:
        environments = []
        for base in bases:
            when = datetime.fromisoformat(clone.date(base))
            files = CommitFiles(objects, base)
            environments.append(environment_at(files, files, when, manifest.python))
    return bases, [known.get(e.key, e) for e in environments]


class Workshop(NamedTuple):
    """Where bugs are tried and proved, in sandboxes."""

    open_workbench: Callable[[str], Workbench]
    """A workbench at a base commit."""
    prove: Callable[[InstanceRecord], InstanceRecord | str]
    """The record with its test ids, or why it is none."""


@contextmanager
def _workshop(
    manifest: Manifest, clone: Clone, keys: Mapping[str, str], choice: SandboxChoice
) -> Iterator[Workshop]:
    """`keys`: base commits, oldest first, and their environments."""
    provider = choice.build()
    cache = cache_folder() / "history" / f"{manifest.name}-inject"
    with scratch_folder(cache) as scratch:
        provider.sweep()
        delivery = Checkouts(clone, list(keys), cache)
        room = ValidationRoom(
            manifest=manifest,
            clone=clone,
            checkouts=delivery,
            provider=provider,
            scratch=scratch,
            issues={},
        )
        numbers = count()

        def open_workbench(base: str) -> Workbench:
            checkout = delivery.history.checkout(base, scratch / f"workbench-{next(numbers)}")
            environment = manifest.environment(keys[base])
            # One sandbox tries many bugs, so its clock must not be a rollout's.
            limits = Limits(task_seconds=36_000.0, command_seconds=manifest.tests.wall_seconds)
            spec = SandboxSpec(environment=environment, checkout=checkout, limits=limits)
            return Workbench(provider.open(spec), manifest.tests)

        def prove(record: InstanceRecord) -> InstanceRecord | str:
            for _ in range(TRIES):
                validation = room.prove(record)
                if not validation.problem.startswith("sandbox_failed"):
                    return validation.problem or validation.record
            raise RolloutError("sandbox_failed", validation.problem, "See `seqswe doctor`.")

        try:
            yield Workshop(open_workbench, prove)
        finally:
            provider.close()
            room.close()


def _collect(injector: Injector, bases: list[str]) -> list[InstanceRecord]:
    from seqswe.cli.progress import progress

    records = []
    with progress("inject", injector.rules.tasks) as bar:
        for record in injector.run(bases):
            if record:
                records.append(record)
            bar.advance(f"{len(records)} kept, {injector.rejected.total()} bugs rejected")
    for reason, number in injector.rejected.most_common():
        note(f"{number:6} rejected: {reason}")
    return records
