"""What a memory costs: `python -m benchmarks.memory [name ...] [--counts 100,1000,10000]`.

For each memory and number of experiences: median and 95th percentile of recall and of record,
seconds of load, and bytes of the saved state and of its home. With `--snapshots 1000` instead:
bytes of all snapshots of a sequence of so many tasks, beside those of its final state.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter

from seqswe.memory import Memory, build_memory
from seqswe.runs.folders import total_bytes
from seqswe.runs.snapshots import EMPTY, Snapshots
from seqswe.testing import Experiences, experiences

NAMES = ("none", "episodic", "vectors", "chroma", "recency", "random", "full_history", "oracle")
COUNTS = (100, 1_000, 10_000)
RECALLS = 200
RECORDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One line of the table; times in milliseconds, but load in seconds."""

    name: str
    count: int
    recall: tuple[float, float]
    record: tuple[float, float]
    load: float
    saved_bytes: int
    home_bytes: int

    def line(self) -> str:
        """The line as people read it."""
        return (
            f"{self.name:14}{self.count:>8}"
            f"{self.recall[0]:>10.2f}{self.recall[1]:>9.2f}"
            f"{self.record[0]:>10.3f}{self.record[1]:>9.3f}"
            f"{self.load:>9.2f}{self.saved_bytes:>13,}{self.home_bytes:>13,}"
        )


HEADER = (
    f"{'memory':14}{'count':>8}{'recall p50':>10}{'p95 ms':>9}{'record p50':>10}{'p95 ms':>9}"
    f"{'load s':>9}{'saved bytes':>13}{'home bytes':>13}"
)


def measure(name: str, count: int, root: Path) -> Cost:
    """Tell a memory `count` experiences; time its last records, and recalls of what follows."""
    story, home, saved = experiences(count), root / "home", root / "saved"
    home.mkdir()
    saved.mkdir()
    memory = build_memory(name, home, story.services())
    told = iter(story)
    for experience in islice(told, max(count - RECORDS, 0)):
        memory.record(experience)
    record = [timed(lambda e=experience: memory.record(e)) for experience in told]  # type: ignore[misc]
    memory.save(saved)
    load = timed(lambda: ready(memory, saved, story))
    asked = [story.task(count + number) for number in range(RECALLS)]
    recall = [timed(lambda t=task: memory.recall(t)) for task in asked]  # type: ignore[misc]
    return Cost(
        name=name,
        count=count,
        recall=middle_and_tail(recall),
        record=middle_and_tail(record),
        load=load / 1000,
        saved_bytes=total_bytes([saved]),
        home_bytes=total_bytes([home]),
    )


def snapshots(name: str, count: int, root: Path) -> str:
    """A line on what the snapshots after every task of a sequence cost."""
    story, kept, parent = experiences(count), Snapshots(root / "snapshots"), EMPTY
    memory = build_memory(name, root, story.services())
    for experience in story:
        memory.record(experience)
        with tempfile.TemporaryDirectory(dir=root) as folder:
            memory.save(Path(folder))
            parent = kept.put(Path(folder), parent)
    final, together = sum(map(len, kept.files(parent).values())), kept.bytes_stored()
    share = f"{together / final:.2f}" if final else "-"
    return f"{name:14}{count:>8}{together:>16,}{final:>14,}{share:>8}"


def ready(memory: Memory, saved: Path, story: Experiences) -> None:
    """Load, and ask once: an index that is built when asked for belongs to the loading."""
    memory.load(saved)
    memory.recall(story.task(story.count))


def timed(call: Callable[[], object]) -> float:
    """Milliseconds of a call."""
    start = perf_counter()
    call()
    return (perf_counter() - start) * 1000


def middle_and_tail(times: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile, as values that were measured."""
    ordered = sorted(times)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) * 95 // 100, len(ordered) - 1)]


def main() -> None:
    """Print the table, a line as soon as it is known."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "names", nargs="*", default=NAMES, help="memories (default: all cheap ones)"
    )
    parser.add_argument("--counts", default=",".join(map(str, COUNTS)), help="experiences")
    parser.add_argument("--snapshots", type=int, metavar="TASKS", help="what snapshots cost")
    options = parser.parse_args()
    if options.snapshots:
        print(f"{'memory':14}{'tasks':>8}{'all snapshots':>16}{'final state':>14}{'ratio':>8}")
        for name in options.names:
            with tempfile.TemporaryDirectory() as root:
                print(snapshots(name, options.snapshots, Path(root)), flush=True)
        return
    print(HEADER)
    for name in options.names:
        for count in map(int, options.counts.split(",")):
            with tempfile.TemporaryDirectory() as root:
                print(measure(name, count, Path(root)).line(), flush=True)


if __name__ == "__main__":
    main()
