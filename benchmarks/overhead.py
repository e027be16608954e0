"""What SeqSWE itself costs per task, beyond the agent and the tests.

    python -m benchmarks.overhead --codebase sqlglot --mirror DIR --tasks 20

Runs `gold` over the first tasks, one at a time: once to warm up (packs, trees, image, page cache),
once measured, once with an agent that sleeps before it works, which shows what is left where
opening sandboxes hides behind an agent, and once with the tests left out, for processor time. That
is compared with a bare loop over the same tasks. Walls mean little on a machine that does other
things: its load is printed beside them.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks.processor import MeasuredProvider, MeasuredSandbox, floor_seconds, own_seconds
from harness.agents.reference import Gold
from harness.commands.run import work
from harness.grading import Grader
from harness.grading.junit import TestRun
from harness.loop.loaded_experiment import LoadedExperiment
from harness.sandboxes.provider import open_provider
from seqswe.agent import Attempt
from seqswe.experiment import Experiment
from seqswe.instance import Instance, Task
from seqswe.memory import Recall
from seqswe.runs.folders import cache_folder, total_bytes
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory, RunInfo
from seqswe.sandbox import Sandbox, SandboxProvider

PHASES = {
    "memory": "restore, recall, record, snapshot",
    "checkout": "objects laid out for the sandbox",
    "container": "open (with git checkout) and close, agent's and grader's",
    "audit": "every visible object listed and compared",
    "agent": "the agent itself (gold: git apply)",
    "collect": "the patch taken from the sandbox",
    "grading": "patch and tests applied, results read",
    "tests": "pytest itself",
    "journal": "files, append, fsync",
    "total": "one rollout",
}
OWN = ("agent", "tests")
"""Phases that are not the harness's."""
SLEEP = 5.0
"""Seconds that the second table's agent sleeps."""
FLOOR = 0.2
"""Seconds beyond the tests that a bare loop with a warm container needs per task."""


@click.command()
@click.option("--codebase", default="ledgerlite", show_default=True)
@click.option("--mirror", default="", envvar=["SEQSWE_MIRROR", "SEQSWE_MIRRORS"])
@click.option("--tasks", default=20, show_default=True)
@click.option("--sandbox", default="docker", show_default=True)
def main(codebase: str, mirror: str, tasks: int, sandbox: str) -> None:
    """Print seconds per task by phase, the ratio to the floor, and the disk used."""
    experiment = Experiment(
        codebase=codebase,
        mirror=mirror,
        agent="gold",
        arm=("sequential",),
        seeds=1,
        limit=tasks,
        sandbox=sandbox,
        jobs=1,
    )
    sleepy = replace(experiment, agent="benchmarks.overhead:SleepyGold")
    with open_provider(experiment.sandbox_choice) as provider, TemporaryDirectory() as folder:
        loaded = LoadedExperiment.load(experiment, Path(folder))
        _run(Path(folder) / "warm-up", loaded, provider)
        store = _run(Path(folder) / "measured", loaded, provider)
        _print_seconds(store.journal().rollouts)
        click.echo(f"\nthe same with an agent that sleeps {SLEEP:.0f} s before it works:")
        slept = _run(Path(folder) / "slept", LoadedExperiment.load(sleepy, Path(folder)), provider)
        _print_seconds(slept.journal().rollouts)
        _print_disk(loaded, store, len(store.journal().rollouts))
    if sandbox == "docker":
        _print_processor_time(loaded)


class SleepyGold(Gold):
    """Thinks for a while, as a model would, and then applies the gold patch."""

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """Sleep, then apply the gold patch."""
        time.sleep(SLEEP)
        return super().solve(task, recall, sandbox)


def _run(root: Path, loaded: LoadedExperiment, provider: SandboxProvider) -> RunDirectory:
    store = _store(root, loaded, provider)
    work(loaded, store, provider)
    return store


def _print_processor_time(loaded: LoadedExperiment) -> None:
    """Ours and the bare loop's, both without the tests: what they use is no overhead."""
    provider = MeasuredProvider()
    with TemporaryDirectory() as folder, _without_tests():
        try:
            floor = floor_seconds(provider, loaded)
            before, inside = own_seconds(), MeasuredSandbox.seconds_of_all
            try:
                _run(Path(folder) / "counted", loaded, provider)
            finally:
                own, count = own_seconds() - before, len(loaded.instances)
        finally:
            provider.close()
    own, inside = own / count, (MeasuredSandbox.seconds_of_all - inside) / count
    click.echo(
        f"processor time per task without tests: host {own * 1e3:.0f} ms, containers "
        f"{inside * 1e3:.0f} ms; bare loop {floor * 1e3:.0f} ms; ratio {(own + inside) / floor:.1f}"
    )


@contextmanager
def _without_tests() -> Iterator[None]:
    """Have graders start a command that ends at once in the place of the tests."""
    execute = Grader.execute

    def nothing(
        self: Grader, instance: Instance, sandbox: Sandbox, *_: object, **__: object
    ) -> tuple[TestRun, str]:
        sandbox.run("exit 0")
        return TestRun(), ""

    Grader.execute = nothing  # type: ignore[method-assign]
    try:
        yield
    finally:
        Grader.execute = execute  # type: ignore[method-assign]


def _store(root: Path, loaded: LoadedExperiment, provider: SandboxProvider) -> RunDirectory:
    return RunDirectory.create(
        root,
        RunInfo(
            experiment=loaded.plan.experiment,
            instance_ids=loaded.plan.instance_ids,
            sequence_digest=loaded.digest(),
            environments=loaded.images(provider),
        ),
    )


def _print_seconds(rollouts: Sequence[Rollout]) -> None:
    resolved = sum(bool(r.resolved) for r in rollouts)
    click.echo(f"N = {len(rollouts)} tasks, gold resolved {resolved}; seconds per task")
    click.echo(f"{'phase':10} {'median':>8} {'mean':>8} {'max':>8}")
    for phase, meaning in PHASES.items():
        values = [r.timing.get(phase, 0.0) for r in rollouts]
        click.echo(
            f"{phase:10} {statistics.median(values):8.3f} {statistics.mean(values):8.3f} "
            f"{max(values):8.3f}  {meaning}"
        )
    own = [r.timing["total"] - sum(r.timing.get(p, 0.0) for p in OWN) for r in rollouts]
    ratio = [r.timing["total"] / (r.timing.get("tests", 0.0) + FLOOR) for r in rollouts]
    click.echo(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    click.echo(f"overhead beyond agent and tests: median {statistics.median(own):.3f} s")
    click.echo(f"ratio to the floor (tests + {FLOOR} s): median {statistics.median(ratio):.2f}")


def _print_disk(loaded: LoadedExperiment, store: RunDirectory, count: int) -> None:
    packs = total_bytes([cache_folder() / "history" / loaded.manifest.name])
    files, snapshots = total_bytes([store.root / "rollouts"]), store.snapshots.bytes_stored()
    click.echo(
        f"packs of this sequence {packs / 1e6:.1f} MB; run directory "
        f"{files / count / 1e3:.1f} kB a rollout, snapshots {snapshots / 1e3:.1f} kB in all"
    )
    if loaded.plan.experiment.sandbox == "docker":
        from harness.sandboxes.engine import connect

        client = connect()
        found = [
            client.images.get(name)
            for name in {place["image"] for place in store.info.machine.values()}
        ]
        size = sum(int(image.attrs["Size"]) for image in found)
        click.echo(f"images, base included: {size / 1e6:.0f} MB for {len(found)} environments")


if __name__ == "__main__":
    main()
