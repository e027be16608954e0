"""What SeqSWE itself costs per task, beyond the agent and the tests.

    python -m benchmarks.overhead --codebase sqlglot --mirror DIR --tasks 20

Runs `gold` over the first tasks, one at a time, once to warm up (packs, image, page cache) and
once measured, and prints the phases, the ratio to the floor (tests + 0.2 s) and the disk used.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from harness.commands.run import work
from harness.loop.loaded_experiment import LoadedExperiment
from harness.sandboxes.provider import open_provider
from seqswe.experiment import Experiment
from seqswe.runs.folders import cache_folder, total_bytes
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory, RunInfo
from seqswe.sandbox import SandboxProvider

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
    with open_provider(experiment.sandbox_choice) as provider, TemporaryDirectory() as folder:
        for name in ("warm-up", "measured"):
            loaded = LoadedExperiment.load(experiment, Path(folder))
            store = _store(Path(folder) / name, loaded, provider)
            work(loaded, store, provider)
        rollouts = store.journal().rollouts
        _print_seconds(rollouts)
        _print_disk(loaded, store, len(rollouts))


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
        from harness.sandboxes.docker import connect

        client = connect()
        found = [client.images.get(name) for name in set(store.info.environments.values())]
        size = sum(int(image.attrs["Size"]) for image in found)
        click.echo(f"images, base included: {size / 1e6:.0f} MB for {len(found)} environments")


if __name__ == "__main__":
    main()
