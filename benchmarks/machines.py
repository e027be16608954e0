"""A run on three machines of a Ray cluster, beside the same on threads, and with machines killed.

`python -m benchmarks.machines efficiency` times 6 slots as threads and as three raylets of 2, with
an agent that waits. `… kills --times 20` kills one of the raylets at a random moment of each run
with SIGKILL, as a machine that loses its power, and `… head` kills the head of the cluster and goes
on with `seqswe resume`. `… hosts` has three hosts, each in a network of its own, and takes one off
the network in the middle. Every run is held against a plain one: the results digest, how many
attempts were begun more than once, and the containers and temporary folders that are left.

All raylets are on this machine, which needs the extra `ray`, and root for `hosts`. Times are
walls: let nothing else run.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

import click

from benchmarks.hosts import hosts as own_hosts
from benchmarks.reports import SEQSWE
from harness.engines.ray_engine import VARIABLES as RAY
from seqswe.runs.store import RunDirectory

MACHINES, SLOTS, SEEDS = 3, 2, 3
ARMS = ("--arm", "iid", "--arm", "sequential", "--seeds", str(SEEDS))
NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80_000_000}
CLEAN_SECONDS = 300.0
"""Within which whatever a lost machine has left is to be gone: Ray on a host that was cut off takes
some three minutes to end what it runs."""
TAIL = 2_000
"""Characters of what a run said that are repeated if it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How a run came out."""

    seconds: float
    digest: str
    code: int
    said: str
    rollouts: int
    again: int | None
    """Attempts that were begun anew; None where they cannot be counted."""
    left: int
    """Containers and temporary folders that are still there."""


class Runs:
    """Makes runs of the waiting agent in a folder of its own."""

    def __init__(self, folder: Path, tasks: int, seconds: float, sandbox: str) -> None:
        self._folder, self._sandbox, self._count = folder, sandbox, 0
        self._log = folder / "attempts"
        self._given = (
            *("--codebase", "ledgerlite", "--limit", str(tasks), *ARMS, "--sandbox", sandbox),
            *("--agent", "benchmarks.waits:Waits", "--agent-option", f"seconds={seconds}"),
            *("--agent-option", f"log={self._log}"),
            *("--memory", "episodic", "--memory-option", "k=3"),
        )
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self._before = self._containers()

    def make(
        self, *more: str, during: Callable[[Path, subprocess.Popen[str]], None] | None = None
    ) -> Trial:
        """Start a run and wait for its end; `during` is called with its folder and process."""
        self._count += 1
        run = self._folder / f"run-{self._count}"
        self._log.unlink(missing_ok=True)
        return self._watched(run, [*SEQSWE, "run", *self._given, "--out", str(run), *more], during)

    def resume(self, run: int) -> Trial:
        """Go on with a run on this machine alone."""
        folder = self._folder / f"run-{run}"
        return self._watched(folder, [*SEQSWE, "resume", str(folder), "--engine", "local"])

    def _watched(
        self,
        run: Path,
        command: list[str],
        during: Callable[[Path, subprocess.Popen[str]], None] | None = None,
    ) -> Trial:
        env = {**os.environ, **RAY, "TMPDIR": str(self.temporary)}
        started = monotonic()
        said = self._folder / "said"
        with (
            said.open("w") as out,
            subprocess.Popen(command, env=env, stdout=out, stderr=out, text=True) as process,
        ):
            if during:
                during(run, process)
            code = process.wait()
        seconds = monotonic() - started
        journal = RunDirectory.open(run).journal()
        return Trial(
            seconds=seconds,
            digest=journal.results_digest(),
            code=code,
            said=said.read_text(),
            rollouts=len(journal.rollouts),
            again=lines(self._log) - len(journal.rollouts) if self._log.exists() else None,
            left=self._left(),
        )

    def _left(self) -> int:
        until = monotonic() + CLEAN_SECONDS
        while (left := self._what_is_left()) and monotonic() < until:
            sleep(0.5)
        return left

    def _what_is_left(self) -> int:
        containers = self._containers() - self._before
        return len(containers) + len(list(self.temporary.glob("seqswe-*")))

    def _containers(self) -> set[str]:
        if self._sandbox != "docker":
            return set()
        mine = ["docker", "ps", "--all", "--quiet", "--filter", "label=seqswe.owner"]
        return set(subprocess.run(mine, capture_output=True, text=True, check=True).stdout.split())


def lines(file: Path) -> int:
    """Lines of a file that may not be there."""
    return file.read_bytes().count(b"\n") if file.exists() else 0


@contextmanager
def cluster(temporary: Path) -> Iterator[tuple[Any, list[Any]]]:
    """A head without slots, and three raylets with two slots each; what they start is ours."""
    os.environ.update(RAY, TMPDIR=str(temporary))
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    try:
        node = {**NODE, "resources": {"rollouts": SLOTS}}
        yield made, [made.add_node(**node) for _ in range(MACHINES)]
    finally:
        with suppress(Exception):  # parts of it were killed
            made.shutdown()  # type: ignore[no-untyped-call]


def on(address: str) -> tuple[str, ...]:
    """The flags of a run on a cluster."""
    return ("--engine", "ray", "--engine-address", address, "--jobs", str(SLOTS))


def wait_for(run: Path, rollouts: int, process: subprocess.Popen[str]) -> None:
    """Until the journal has so many rollouts, or the run has ended."""
    while lines(run / "rollouts.jsonl") < rollouts and process.poll() is None:
        sleep(0.02)


def told(name: str, trial: Trial, plain: Trial, in_hand: int = SLOTS) -> bool:
    """Print a row; returns whether all is as it should be. in_hand: rollouts that may be lost."""
    same = trial.digest == plain.digest
    again = "?" if trial.again is None else trial.again
    good = same and trial.code == 0 and (trial.again or 0) <= in_hand and not trial.left
    print(
        f"{name:24}{trial.seconds:>8.1f} s  {trial.rollouts} rollouts, {again} begun again, "
        f"{trial.left} left, digest {'same' if same else 'DIFFERS'}",
        flush=True,
    )
    if trial.code:
        print(f"exit code {trial.code}: {trial.said[-TAIL:]}")
    return good


@click.group()
def main() -> None:
    """Measure runs on several machines."""


@main.command()
@click.option("--tasks", default=12, show_default=True)
@click.option("--seconds", default=10.0, show_default=True, help="The agent waits so long.")
@click.option("--rounds", default=1, show_default=True)
def efficiency(tasks: int, seconds: float, rounds: int) -> None:
    """The same slots as threads and as machines."""
    with TemporaryDirectory() as folder:
        runs = Runs(Path(folder), tasks, seconds, "local")
        for _ in range(rounds):
            threads = runs.make("--jobs", str(MACHINES * SLOTS))
            with cluster(runs.temporary) as (made, _):
                rays = runs.make(*on(made.address))
            floor = tasks * SEEDS * 2 * seconds / (MACHINES * SLOTS)
            told("threads", threads, threads)
            told("machines", rays, threads)
            print(
                f"efficiency {threads.seconds / rays.seconds:.3f} of threads; "
                f"of waiting alone {floor / threads.seconds:.3f} and {floor / rays.seconds:.3f}"
            )


@main.command()
@click.option("--times", default=20, show_default=True)
@click.option("--tasks", default=5, show_default=True)
@click.option("--seconds", default=2.0, show_default=True, help="The agent waits so long.")
@click.option("--sandbox", default="docker", show_default=True)
@click.option("--seed", default=0, show_default=True)
def kills(times: int, tasks: int, seconds: float, sandbox: str, seed: int) -> None:
    """One machine is killed at a random moment of each run."""
    dice, found = random.Random(seed), Counter[bool]()
    with TemporaryDirectory() as folder:
        runs = Runs(Path(folder), tasks, seconds, sandbox)
        plain = runs.make("--jobs", str(MACHINES * SLOTS))
        told("threads", plain, plain)
        for _ in range(times):
            after, victim = dice.randrange(plain.rollouts), dice.randrange(MACHINES)
            pause = dice.uniform(0, seconds)
            with cluster(runs.temporary) as (made, machines):

                def kill(run: Path, process: subprocess.Popen[str]) -> None:
                    wait_for(run, after, process)  # noqa: B023  (used in this very round)
                    sleep(pause)  # noqa: B023
                    made.remove_node(machines[victim], allow_graceful=False)  # noqa: B023

                trial = runs.make(*on(made.address), during=kill)
            found[told(f"killed after {after} + {pause:.1f} s", trial, plain)] += 1
    print(f"{found[True]} of {times} as they should be")
    sys.exit(0 if found[True] == times else 1)


@main.command()
@click.option("--tasks", default=5, show_default=True)
@click.option("--seconds", default=2.0, show_default=True, help="The agent waits so long.")
@click.option("--sandbox", default="docker", show_default=True)
def head(tasks: int, seconds: float, sandbox: str) -> None:
    """The head of the cluster is killed in the middle; `seqswe resume` goes on.

    Ray ends the driver 60 seconds later: a run that lasts less is over before.
    """
    with TemporaryDirectory() as folder:
        runs = Runs(Path(folder), tasks, seconds, sandbox)
        plain = runs.make("--jobs", str(MACHINES * SLOTS))
        with cluster(runs.temporary) as (made, _):

            def kill(run: Path, process: subprocess.Popen[str]) -> None:
                wait_for(run, plain.rollouts // 3, process)
                made.head_node.kill_gcs_server(check_alive=False)
                made.head_node.kill_raylet(check_alive=False)

            lost = runs.make(*on(made.address), during=kill)
        print(f"the run ended with {lost.code} after {lost.seconds:.0f} s: {lost.said[-TAIL:]}")
        told("its head killed", lost, lost)
        good = told("resumed", runs.resume(2), plain, in_hand=MACHINES * SLOTS)
    sys.exit(0 if good else 1)


@main.command()
@click.option("--tasks", default=12, show_default=True)
@click.option("--seconds", default=10.0, show_default=True, help="The agent waits so long.")
def hosts(tasks: int, seconds: float) -> None:
    """Three hosts with networks of their own; then one of them is lost to the others."""
    with TemporaryDirectory() as folder:
        runs = Runs(Path(folder), tasks, seconds, "local")
        threads = runs.make("--jobs", str(MACHINES * SLOTS))
        told("threads", threads, threads)
        with own_hosts(MACHINES, SLOTS, runs.temporary) as (address, made):
            whole = runs.make(*on(address))
            good = told("three hosts", whole, threads)

            def unplug(run: Path, process: subprocess.Popen[str]) -> None:
                wait_for(run, threads.rollouts // 3, process)
                made[0].unplug()

            good &= told("one off the network", runs.make(*on(address), during=unplug), threads)
    print(f"efficiency {threads.seconds / whole.seconds:.3f} of threads")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
