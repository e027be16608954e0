"""Which rollout is next: cells side by side, positions of a chained cell one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from seqswe.arms import SEQUENTIAL, Cell, Frozen
from seqswe.runs.rollout import CAUSES, Rollout
from seqswe.runs.snapshots import EMPTY

GRACE_SECONDS = 5.0
"""Seconds that rollouts have to end by themselves once their sandboxes are gone."""


class QueueItem(NamedTuple):
    """One rollout to come; the order of the fields is the order of work."""

    rank: int
    """Its position; in a chain the number of its step. In chronological order they are the same."""
    cell: int
    position: int
    before: str


Key = tuple[str, int, int]
"""Arm, seed and position."""
Done = Mapping[Key, Rollout]
"""Finished rollouts."""
Start = Callable[[Cell, int, str], Rollout]
"""Runs the rollout of a cell at a position from a memory snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What is to run: `cells`, `jobs` rollouts at a time, with `retries`."""

    cells: Sequence[Cell]
    jobs: int = 1
    retries: int = 0

    def ready_items(self, done: Done) -> list[QueueItem]:
        """Everything that can start at once: all of a free cell, the next task of a chain.

        A cell that starts from a snapshot is free once the snapshot is there.
        """
        items = []
        for number, cell in enumerate(self.cells):
            if cell.carries_memory:
                items += self._chain_items(number, done)
            elif (before := _starting_snapshot(cell, done)) is not None:
                items += self._free_items(number, before, done)
        return items

    def next_items(
        self, item: QueueItem, rollout: Rollout, tried: int, done: Done
    ) -> list[QueueItem]:
        """What an ended rollout makes possible.

        Its retry; or the next task of its chain, and the cells that waited for its snapshot.
        """
        if not rollout.graded:
            failure = rollout.failure
            if failure is None or failure.lost_verdict is not None:
                return []  # another try would be another chance
            return [item] if CAUSES[failure.cause].retry and tried <= self.retries else []
        cell = self.cells[item.cell]
        if not cell.carries_memory:
            return []
        upcoming, items = cell.next_position(item.position), []
        if upcoming is not None:
            items = [QueueItem(item.rank + 1, item.cell, upcoming, rollout.memory_after)]
        for number, other in enumerate(self.cells):
            if starting_rollout(other) == (rollout.arm, rollout.seed, rollout.position):
                items += self._free_items(number, rollout.memory_after, done)
        return items

    def _chain_items(self, number: int, done: Done) -> list[QueueItem]:
        cell, before = self.cells[number], EMPTY
        for step, position in enumerate(cell.order):
            rollout = done.get((cell.arm, cell.seed, position))
            if rollout is None or not rollout.graded:
                return [QueueItem(step, number, position, before)]
            before = rollout.memory_after
        return []

    def _free_items(self, number: int, before: str, done: Done) -> list[QueueItem]:
        cell = self.cells[number]
        rollouts = ((p, done.get((cell.arm, cell.seed, p))) for p in cell.order)
        return [
            QueueItem(position, number, position, before)
            for position, rollout in rollouts
            if rollout is None or not rollout.graded
        ]


def starting_rollout(cell: Cell) -> Key | None:
    """The rollout whose snapshot a cell starts from; None if it starts empty."""
    if not isinstance(cell.memory, Frozen) or not cell.memory.lessons:
        return None
    return SEQUENTIAL, cell.seed, cell.memory.lessons[-1]


def _starting_snapshot(cell: Cell, done: Done) -> str | None:
    """The snapshot that a cell without a chain starts from; None while it is not there."""
    key = starting_rollout(cell)
    if key is None:
        return EMPTY
    rollout = done.get(key)
    return rollout.memory_after if rollout and rollout.graded else None


def run_all(
    schedule: Schedule,
    done: Done,
    start: Start,
    abort: Callable[[], None],
    is_over: Callable[[], bool] = lambda: False,
    tried_again: Callable[[Rollout], None] = lambda rollout: None,
) -> Generator[Rollout]:
    """Run what is not done yet and yield each rollout as it ends, but for those tried again.

    Those are given to `tried_again`; each rollout has the tries before it, in `done` too, counted.

    The lowest position goes first, so arms advance together and a drift of the machine hits all
    of them alike. A chained cell stops at a rollout without a verdict: its later memories would
    not be what they should be. `abort` ends what still runs when this is left early. Once
    `is_over`, nothing more is started, and what runs comes to its end.
    """
    finished = dict(done)
    ready = schedule.ready_items(finished)
    heapify(ready)
    running: dict[Future[Rollout], QueueItem] = {}
    tries: Counter[QueueItem] = Counter()
    pool = ThreadPoolExecutor(schedule.jobs)
    try:
        while running or (ready and not is_over()):
            while ready and len(running) < schedule.jobs and not is_over():
                item = heappop(ready)
                running[
                    pool.submit(start, schedule.cells[item.cell], item.position, item.before)
                ] = item
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                item = running.pop(future)
                rollout = future.result()
                rollout = rollout.tried_after(finished.get(rollout.place))
                tries[item] += 1
                finished[rollout.place] = rollout
                upcoming = schedule.next_items(item, rollout, tries[item], finished)
                if item in upcoming:
                    tried_again(rollout)
                else:
                    yield rollout
                for new in upcoming:
                    heappush(ready, new)
    except BaseException:
        abort()
        # A plug-in that thinks on, outside of any sandbox, must not hold up a stop.
        late = wait(running, timeout=GRACE_SECONDS).not_done
        pool.shutdown(wait=not late, cancel_futures=True)
        raise
    pool.shutdown()
