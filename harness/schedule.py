"""Which rollout is next: cells side by side, positions of a chained cell one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from seqswe.experiment import Cell
from seqswe.rollout import CAUSES, Rollout
from seqswe.snapshots import EMPTY

PATIENCE = 5.0
"""Seconds that rollouts have to end by themselves once their sandboxes are gone."""


class Item(NamedTuple):
    """One rollout to come; the order of the fields is the order of work."""

    position: int
    cell: int
    before: str


Done = Mapping[tuple[str, int, int], Rollout]
"""Finished rollouts by arm, seed and position."""
Start = Callable[[Cell, int, str], Rollout]
"""Runs the rollout of a cell at a position from a memory snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What is to run: `cells` over `length` tasks, `jobs` at a time, with `retries`."""

    cells: Sequence[Cell]
    length: int
    jobs: int = 1
    retries: int = 0

    def first(self, done: Done) -> list[Item]:
        """Everything that can start at once: all of a free cell, the next task of a chain."""
        items = []
        for number, cell in enumerate(self.cells):
            before = EMPTY
            for position in range(self.length):
                rollout = done.get((cell.arm, cell.seed, position))
                if rollout is None or not rollout.graded:
                    items.append(Item(position, number, before))
                    if cell.chained:
                        break
                elif cell.chained:
                    before = rollout.memory_after
        return items

    def after(self, item: Item, rollout: Rollout, tried: int) -> Item | None:
        """What an ended rollout makes possible: its retry, or the next task of its chain."""
        if not rollout.graded:
            failure = rollout.failure
            again = failure is not None and CAUSES[failure.cause].retry and tried <= self.retries
            return item if again else None
        if self.cells[item.cell].chained and item.position + 1 < self.length:
            return Item(item.position + 1, item.cell, rollout.memory_after)
        return None


def run_all(
    schedule: Schedule, done: Done, start: Start, abort: Callable[[], None]
) -> Iterator[Rollout]:
    """Run what is not done yet and yield each rollout as it ends, but for those tried again.

    The lowest position goes first, so arms advance together and a drift of the machine hits all
    of them alike. A chained cell stops at a rollout without a verdict: its later memories would
    not be what they should be. `abort` ends what still runs when this is left early.
    """
    ready = schedule.first(done)
    heapify(ready)
    running: dict[Future[Rollout], Item] = {}
    tries: Counter[Item] = Counter()
    pool = ThreadPoolExecutor(schedule.jobs)
    try:
        while ready or running:
            while ready and len(running) < schedule.jobs:
                item = heappop(ready)
                running[
                    pool.submit(start, schedule.cells[item.cell], item.position, item.before)
                ] = item
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                item = running.pop(future)
                rollout = future.result()
                tries[item] += 1
                following = schedule.after(item, rollout, tries[item])
                if following != item:
                    yield rollout
                if following is not None:
                    heappush(ready, following)
    except BaseException:
        abort()
        # A plug-in that thinks on, outside of any sandbox, must not hold up a stop.
        wait(running, timeout=PATIENCE)
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
