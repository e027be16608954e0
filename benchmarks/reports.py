"""How long a large run takes to open: `python -m benchmarks.reports [--tasks 1000] [--seeds 5]`.

Makes a run directory of tasks × seeds × 2 arms with the store's own classes (10,000 rollouts by
default), then times `seqswe view` until its page has come, and `seqswe report`, each in a process
of its own, beside a plain reading of the journal's JSON. A loaded machine stretches wall time:
judge by the seconds of processor.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from time import perf_counter
from urllib.request import urlopen

import click
import numpy as np

from seqswe.agent import Attempt, Usage
from seqswe.experiment import Experiment
from seqswe.instance import Task, digest_of
from seqswe.memory import Recall, Recalled
from seqswe.models.meter import MemoryUsage
from seqswe.runs.journal import JOURNAL, journal_line
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory, RunInfo, dump
from seqswe.runs.trajectory import trajectory
from seqswe.sandbox import Completed

ARMS = ("iid", "sequential")
FILES = tuple(f"src/package/module_{i:03d}/part_{i % 7}.py" for i in range(300))
RANKED = 20
PHASES = {
    "agent": 1.25,
    "audit": 0.125,
    "checkout": 0.0625,
    "collect": 0.25,
    "container": 0.0625,
    "journal": 0.015,
    "memory": 0.11,
    "processor": 0.5,
    "total": 2.5,
}
"""Seconds of a rollout, at least."""
TEXT = "The total of the account is off by a cent where the currency has no decimals. " * 12
MAX_SECONDS = 3.0
"""Seconds of processor within which 10,000 rollouts are to open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """Wall-clock seconds, and seconds of processor in user mode."""

    wall: float
    user: float


class Watch:
    """Times what is done inside: by this process, or by its children that have ended."""

    def __init__(self, whose: int) -> None:
        self.whose = whose

    def __enter__(self) -> Watch:
        self._wall, self._user = perf_counter(), getrusage(self.whose).ru_utime
        return self

    def __exit__(self, *_: object) -> None:
        user = getrusage(self.whose).ru_utime - self._user
        self.took = Took(wall=perf_counter() - self._wall, user=user)


def make(root: Path, tasks: int, seeds: int) -> None:
    """Write a run of localizer-like rollouts: ranked files, resolved or not, all its files."""
    run, rollouts = begin(root, tasks, seeds)
    for made in rollouts:
        folder = run.folder(made.arm, made.seed, made.position, made.instance_id)
        run.append(replace(made, files=run.write(folder, _files(made))))


def make_journal(root: Path, tasks: int, seeds: int) -> None:
    """Write the journal of such a run alone, without waiting for the disk."""
    run, rollouts = begin(root, tasks, seeds)
    with (run.root / JOURNAL).open("wb") as out:
        out.writelines(map(journal_line, rollouts))


def begin(root: Path, tasks: int, seeds: int) -> tuple[RunDirectory, Iterator[Rollout]]:
    """A new run directory of tasks × seeds × 2 arms, and the rollouts that are to be in it."""
    ids = tuple(f"owner__project-{i:010d}" for i in range(tasks))
    info = RunInfo(
        experiment=Experiment(seeds=seeds),
        instance_ids=ids,
        sequence_digest=digest_of("\n".join(ids)),
    )
    return RunDirectory.create(root, info), _rollouts(ids, seeds)


def _rollouts(ids: Sequence[str], seeds: int) -> Iterator[Rollout]:
    tasks, rng = len(ids), np.random.default_rng(0)
    easy = rng.beta(0.8, 1.2, size=tasks)
    for arm in ARMS:
        lift = 0.3 * np.linspace(0.0, 1.0, tasks) * (arm == "sequential")
        for seed in range(seeds):
            resolved = rng.random(tasks) < np.clip(easy + lift, 0.0, 1.0)
            for position, instance_id in enumerate(ids):
                names = tuple(FILES[i] for i in rng.permutation(len(FILES))[:RANKED])
                yield _rollout(arm, seed, position, instance_id, names, bool(resolved[position]))


def _rollout(
    arm: str, seed: int, position: int, instance_id: str, ranking: tuple[str, ...], resolved: bool
) -> Rollout:
    carried = arm == "sequential"
    digests = [digest_of(f"{arm} {seed} {position + i * carried}") for i in range(3)]
    # No two rollouts take the same time, and one begins after the other.
    tick = round((position * 7919 + seed * 104_729) % 9973 / 9973, 4)
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=3 * position)
    return Rollout(
        arm=arm,
        seed=seed,
        position=position,
        instance_id=instance_id,
        key=digests[2],
        resolved=resolved,
        patch_digest=digest_of(str(position)),
        ranking=ranking,
        gold_files=ranking[position % 3 : position % 3 + 2],
        edited_files=ranking[:1],
        usage=Usage(steps=10 + position % 7, prompt_tokens=5000 + position, cost_usd=0.05),
        recalled=5 * carried,
        recalled_bytes=4000 * carried,
        memory_before=digests[0],
        memory_after=digests[1],
        memory_bytes=4096 * (1 + position * carried),
        memory_usage=MemoryUsage(recall_seconds=tick / 8, record_seconds=tick / 16),
        audit=f"{40826 + 5 * position} objects, 0 extra, 0 missing",
        reason="resolved" if resolved else "tests_failed",
        timing={name: round(share * (1 + tick), 4) for name, share in PHASES.items()},
        started_at=start.isoformat(),
    )


def _files(made: Rollout) -> dict[str, str | bytes]:
    task = Task(
        instance_id=made.instance_id,
        repo="owner/project",
        base_commit="0" * 40,
        problem_statement=TEXT,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        position=made.position,
    )
    items = (Recalled(text=TEXT, origins=("owner__project-0000000000",), score=0.5),)
    ran = Completed(exit_code=0, stdout=TEXT.encode(), stderr=b"")
    attempt = Attempt(message="done", ranking=made.ranking)
    told = trajectory(
        task,
        Recall(items=items * made.recalled),
        attempt,
        [("grep -rn total src", ran)],
        {"agent": "localizer", "session": "s", "extra": {}},
    )
    path = made.ranking[0]
    return {
        "trajectory.json": dump(told),
        "patch.diff": f"--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-x\n+y\n",
        "test.log": TEXT * 3,
        "report.json": dump({made.instance_id: {"resolved": made.resolved}}),
    }


def plain(run: Path) -> Took:
    """Read the journal's JSON and nothing more: what any opening costs at least."""
    with Watch(RUSAGE_SELF) as watch, (run / JOURNAL).open("rb") as lines:
        for line in lines:
            json.loads(line)
    return watch.took


def report(run: Path, out: Path, name: str) -> Took:
    """Write one format of the report."""
    command = [*SEQSWE, "report", str(run), "--out", str(out), "--format", name]
    with Watch(RUSAGE_CHILDREN) as watch:
        subprocess.run(command, check=True, capture_output=True)
    return watch.took


def view(run: Path, *addresses: str) -> Took:
    """Start `seqswe view`, fetch some addresses and end it; wall time up to the last answer."""
    with (
        Watch(RUSAGE_CHILDREN) as whole,
        subprocess.Popen(
            [*SEQSWE, "view", str(run)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as server,
    ):
        started = perf_counter()
        assert server.stdout is not None
        root = server.stdout.readline().strip()
        for address in addresses:
            with urlopen(root + address) as answer:
                answer.read()
        wall = perf_counter() - started
        server.send_signal(signal.SIGINT)
    return Took(wall=wall, user=whole.took.user)


SEQSWE = (sys.executable, "-m", "seqswe")


@click.command()
@click.option("--tasks", default=1000, show_default=True)
@click.option("--seeds", default=5, show_default=True)
@click.option("--run", "kept", type=click.Path(path_type=Path), help="A run directory to time.")
def main(tasks: int, seeds: int, kept: Path | None) -> None:
    """Print the table; exit with 1 where the page of `seqswe view` took longer than it may."""
    with TemporaryDirectory() as folder:
        run, out = kept or Path(folder) / "run", Path(folder)
        if not kept:
            make(run, tasks, seeds)
        floor, page = plain(run), view(run, "")
        rows = {
            "journal read as plain JSON": floor,
            "seqswe view: the page": page,
            "seqswe view: page, charts and a rollout": view(run, "", "charts.js", "rollout/7"),
            "seqswe report --format json": report(run, out, "json"),
            "seqswe report --format html": report(run, out, "html"),
        }
        size = (run / JOURNAL).stat().st_size
    print(f"{'' if kept else f'{tasks * seeds * len(ARMS):,} rollouts, '}journal of {size:,} bytes")
    print(f"{'':40}{'wall s':>9}{'user s':>9}{'× plain':>9}")
    for what, took in rows.items():
        print(f"{what:40}{took.wall:>9.2f}{took.user:>9.2f}{took.user / floor.user:>9.1f}")
    sys.exit(page.user > MAX_SECONDS)


if __name__ == "__main__":
    main()
