"""What proving a task costs beside one warm run of its tests.

    python -m benchmarks.validation NAME --mirror DIR --tasks 10

Takes validated tasks of a codebase, drawn by a seed. Of each, the tests run once to warm up and
once measured, with the fix, in an open sandbox: that is the floor. Then it is proved from the
start: a fresh sandbox, gold, no gold, the repeats. Both in turn, so that a loaded machine slows
both; processor time is that of the sandbox and of this process, wall time is beside it.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, cast

import click

from harness.codebases.instances import instance_of
from harness.codebases.locate import clone_of
from harness.codebases.validate import validate
from harness.codebases.validation_room import ValidationRoom
from harness.grading import Grader
from harness.grading.apply import APPLY
from harness.history import Checkouts
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import InstanceRecord
from seqswe.runs.folders import cache_folder
from seqswe.sandbox import Sandbox, SandboxChoice

USAGE = (
    "sed -n 's/^usage_usec \\(.*\\)/\\1000/p' /sys/fs/cgroup/cpu.stat 2>/dev/null || "
    "cat /sys/fs/cgroup/cpuacct/cpuacct.usage"
)
"""Nanoseconds of processor time that a sandbox's control group has used, of either version."""


@dataclass(slots=True)
class Clocks:
    """Seconds of wall and of processor time."""

    wall: float = 0.0
    processor: float = 0.0
    before: float = field(default=0.0, repr=False)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Add what this process spends."""
        wall, processor = time.perf_counter(), sum(os.times()[:4])
        yield
        self.wall += time.perf_counter() - wall
        self.processor += sum(os.times()[:4]) - processor


def used(sandbox: Sandbox) -> float:
    """Seconds of processor time that a sandbox has used so far."""
    return int(sandbox.run(USAGE).stdout) / 1e9


@click.command()
@click.argument("codebase")
@click.option("--mirror", default="", envvar=["SEQSWE_MIRROR", "SEQSWE_MIRRORS"])
@click.option("--tasks", default=10, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(codebase: str, mirror: str, tasks: int, seed: int) -> None:
    """Print seconds of a bare run and of a proof for each task, and their ratio."""
    manifest = manifests.load(codebase)
    count = min(tasks, len(manifest.instances))
    chosen = sorted(
        Random(seed).sample(manifest.instances, count), key=lambda r: (r.created_at, r.instance_id)
    )
    clone = clone_of(manifest, mirror)
    provider = SandboxChoice(sandbox="docker").build()
    cache = cache_folder() / "history" / manifest.name
    with ExitStack() as stack:
        stack.callback(provider.close)
        room = ValidationRoom(
            manifest=manifest,
            clone=clone,
            checkouts=Checkouts(clone, [r.base_commit for r in chosen], cache),
            provider=provider,
            scratch=Path(stack.enter_context(TemporaryDirectory(dir=cache))),
            issues={},
        )
        stack.callback(room.close)
        rows = [(record, *_measured(room, record)) for record in chosen]
    click.echo(f"{'task':44} {'bare':>6} {'proof':>6} {'ratio':>6}   processor seconds")
    for record, bare, proof in rows:
        ratio = proof.processor / bare.processor
        click.echo(
            f"{record.instance_id:44} {bare.processor:6.2f} {proof.processor:6.2f} {ratio:6.2f}"
        )
    for name in ("processor", "wall"):
        bares = [getattr(bare, name) for _, bare, _ in rows]
        proofs = [getattr(proof, name) for _, _, proof in rows]
        middle = statistics.median(p / b for p, b in zip(proofs, bares, strict=True))
        click.echo(
            f"N = {len(rows)}, {name} time: {sum(proofs):.1f} s to prove, {sum(bares):.1f} s bare; "
            f"ratio of sums {sum(proofs) / sum(bares):.2f}, median ratio {middle:.2f}"
        )
    click.echo(f"load average {os.getloadavg()[0]:.1f}")


def _measured(room: ValidationRoom, record: InstanceRecord) -> tuple[Clocks, Clocks]:
    """What one task costs: a bare run of its tests, and its proof."""
    instance = instance_of(room.clone, room.manifest, record, {})
    environment = room.environment(record.environment)
    grader = Grader(
        layout=room.manifest.layout,
        tests=room.manifest.tests,
        environments={environment.key: environment},
    )
    bare, proof = Clocks(), Clocks()
    sandbox = room.open(instance, environment)
    try:
        sandbox.run(APPLY, stdin=instance.patch.encode("utf-8", "surrogateescape"))
        grader.run_tests(instance, sandbox)
        start = used(sandbox)
        with bare.running():
            grader.execute(instance, sandbox, {"PYTHONDONTWRITEBYTECODE": ""})
        bare.processor += used(sandbox) - start
    finally:
        sandbox.close()
    opened: list[Sandbox] = []

    def opening() -> Sandbox:
        opened.append(room.open(instance, environment))
        return cast(Sandbox, _Kept(opened[0]))

    blank = replace(record, FAIL_TO_PASS=(), PASS_TO_PASS=(), flaky=())
    with proof.running():
        result = validate(blank, instance, grader, opening)
    proof.processor += used(opened[0])
    opened[0].close()
    if result.problem:
        click.echo(f"{record.instance_id}: {result.problem}", err=True)
    return bare, proof


class _Kept:
    """A sandbox that stays open, so that its clock can be read."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sandbox, name)

    def close(self) -> None:
        """Nothing: the caller closes it."""


if __name__ == "__main__":
    main()
