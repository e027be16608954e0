"""How costs grow with a run: `python -m benchmarks.growth [--mirror DIR]`.

Each row is measured at several sizes, each in a process of its own: seconds of processor (its own
and its children's), the most memory it held, and the exponent between the smallest and the largest
size. An exponent of 1 means twice as much for twice the size. Processor time stretches on a loaded
machine too, by caches and shared cores: the load is printed, and rows are to be compared with rows
of the same hour. Journals are those of `benchmarks.reports`, without the files of rollouts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import log
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks.reports import SEQSWE, make_journal
from harness.codebases.locate import clone_of
from seqswe.manifests.manifest_files import load
from seqswe.runs.snapshots import EMPTY, Snapshots

ARMS = 2
SEEDS = 10
READ = "from seqswe.runs.store import RunDirectory; RunDirectory.open(Path(given[0])).journal()"
WALK = "from seqswe.runs.snapshots import Snapshots; Snapshots(Path(given[0])).files(given[1])"
CHANGED = """
from harness.memory.changes import changed
state = os.urandom(int(given[0]))
for _ in range(100):
    assert len(changed(state, state + bytes(2000))) >= 2000
"""
REACH = """
from harness.history import History
from harness.history.git import Clone
history = History(Clone(Path(given[0])), given[2:], Path(given[1]))
for base in given[2:]:
    history.reach(base)
"""
START = "import os, sys; from pathlib import Path; given = sys.argv[1:]\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a process took."""

    seconds: float
    """Of processor, with the children that it waited for."""
    megabytes: float
    """Resident at most, of one process."""


def cost_of(command: Sequence[str]) -> Cost:
    """Run a command and measure it. Raises CalledProcessError if it fails."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(seconds=used.ru_utime + used.ru_stime, megabytes=used.ru_maxrss / 1024)


def _python(code: str, *given: str) -> Cost:
    return cost_of([sys.executable, "-c", START + code, *given])


class Journals:
    """Synthetic runs by number of rollouts, each made once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, rollouts: int) -> Path:
        """The run directory of so many rollouts."""
        root = self._folder / str(rollouts)
        if not root.exists():
            make_journal(root, rollouts // (ARMS * SEEDS), SEEDS)
        return root

    def twin(self, rollouts: int) -> Path:
        """Another one that is the same."""
        root = self._folder / f"{rollouts}-twin"
        if not root.exists():
            shutil.copytree(self.run(rollouts), root, copy_function=os.link)
        return root

    def read(self, rollouts: int) -> Cost:
        """Read the journal."""
        return _python(READ, str(self.run(rollouts)))

    def report(self, rollouts: int) -> Cost:
        """Write report.json."""
        out = str(self._folder / "out")
        return cost_of(
            [*SEQSWE, "report", str(self.run(rollouts)), "--format", "json", "--out", out]
        )

    def compare(self, rollouts: int) -> Cost:
        """Compare a run with its twin."""
        return cost_of([*SEQSWE, "compare", str(self.run(rollouts)), str(self.twin(rollouts))])


def walk(folder: Path, links: int) -> Cost:
    """Restore the last state of a chain of snapshots, 200 bytes longer each."""
    snapshots, state, digest = Snapshots(folder / f"chain-{links}"), folder / "state", EMPTY
    state.mkdir(exist_ok=True)
    text = b""
    for link in range(links):
        text += f"{link:>199}\n".encode()
        (state / "notes").write_bytes(text)
        digest = snapshots.put(state, digest)
    return _python(WALK, str(snapshots.root), digest)


def reach(clone: Path, bases: Sequence[str], folder: Path, steps: int) -> Cost:
    """List what the first bases of a sequence reach, in their order."""
    root = folder / f"reach-{steps}"
    return _python(REACH, str(clone), str(root), *list(dict.fromkeys(bases))[:steps])


def _row(name: str, sizes: Sequence[int], measure: Callable[[int], Cost]) -> None:
    costs = [measure(size) for size in sizes]
    exponent = log(costs[-1].seconds / costs[0].seconds) / log(sizes[-1] / sizes[0])
    print(
        f"{name:32}{' → '.join(f'{size:,}' for size in sizes):>28}"
        f"{' → '.join(f'{cost.seconds:.2f}' for cost in costs):>24}"
        f"{' → '.join(f'{cost.megabytes:,.0f}' for cost in costs):>22}{exponent:>8.2f}",
        flush=True,
    )


@click.command()
@click.option("--rollouts", default=[10_000, 100_000], multiple=True, show_default=True)
@click.option("--links", default=[300, 1000], multiple=True, show_default=True)
@click.option("--steps", default=[10, 40], multiple=True, show_default=True, help="Base commits.")
@click.option("--mirror", type=click.Path(path_type=Path), help="A folder with a clone of sqlglot.")
@click.option(
    "--only",
    type=click.Choice(["journal", "memory", "reach"]),
    default=["journal", "memory", "reach"],
    multiple=True,
)
def main(
    rollouts: tuple[int, ...],
    links: tuple[int, ...],
    steps: tuple[int, ...],
    mirror: Path | None,
    only: tuple[str, ...],
) -> None:
    """Print the table; sizes are to be given from small to large."""
    print(f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores")
    print(f"{'':32}{'at':>28}{'processor s':>24}{'MB':>22}{'exp.':>8}")
    with TemporaryDirectory() as place:
        folder = Path(place)
        journals = Journals(folder / "runs")
        if "journal" in only:
            _row("journal read", rollouts, journals.read)
            _row("report --format json", rollouts, journals.report)
            _row("compare", rollouts, journals.compare)
        if "memory" in only:
            _row("walk of a snapshot chain", links, partial(walk, folder))
            sizes = (1_000_000, 5_000_000)
            _row("100 changes of a state", sizes, lambda size: _python(CHANGED, str(size)))
        if "reach" in only and mirror:
            manifest = load("sqlglot")
            bases = [record.base_commit for record in manifest.instances]
            clone = clone_of(manifest, str(mirror)).path
            _row("reach of a sequence", steps, partial(reach, clone, bases, folder))
    print(f"load {os.getloadavg()[0]:.0f}")


if __name__ == "__main__":
    main()
