"""Which rollout is next: cells side by side, positions of a chained cell one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from heapq import heappop, heappush

from seqswe.experiment import Cell
from seqswe.rollout import CAUSES, Rollout
from seqswe.snapshots import EMPTY

Done = Mapping[tuple[str, int, int], Rollout]
"""Finished rollouts by arm, seed and position."""
Start = Callable[[Cell, int, str], Rollout]
"""Runs the rollout of a cell at a position from a memory snapshot."""


def run_all(
    cells: Sequence[Cell], length: int, done: Done, start: Start, settings: tuple[int, int]
) -> Iterator[Rollout]:
    """Run what is not done yet, `jobs` at a time, and yield each rollout as it ends.

    `settings` is (jobs, retries). The lowest position goes first, so arms advance together and
    a drift of the machine hits all of them alike. A chained cell stops at a rollout without a
    verdict: its later memories would not be what they should be.
    """
    jobs, retries = settings
    ready: list[tuple[int, int, str]] = []
    tries: dict[tuple[int, int], int] = {}

    def push(number: int, position: int) -> None:
        cell, before = cells[number], EMPTY
        while cell.chained and (rollout := _graded(done, cell, position)):
            before, position = rollout.memory_after, position + 1
        if position < length and (cell.chained or not _graded(done, cell, position)):
            heappush(ready, (position, number, before))

    for number, cell in enumerate(cells):
        for position in [0] if cell.chained else range(length):
            push(number, position)
    running: dict[Future[Rollout], tuple[int, int, str]] = {}
    pool = ThreadPoolExecutor(jobs)
    try:
        while ready or running:
            while ready and len(running) < jobs:
                item = heappop(ready)
                running[pool.submit(start, cells[item[1]], item[0], item[2])] = item
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                position, number, before = running.pop(future)
                rollout = future.result()
                tries[number, position] = tries.get((number, position), 0) + 1
                if not rollout.graded and _again(rollout, tries[number, position], retries):
                    heappush(ready, (position, number, before))
                    continue
                yield rollout
                if rollout.graded and cells[number].chained and position + 1 < length:
                    heappush(ready, (position + 1, number, rollout.memory_after))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _graded(done: Done, cell: Cell, position: int) -> Rollout | None:
    rollout = done.get((cell.arm, cell.seed, position))
    return rollout if rollout is not None and rollout.graded else None


def _again(rollout: Rollout, tried: int, retries: int) -> bool:
    failure = rollout.failure
    return failure is not None and CAUSES[failure.cause].retry and tried <= retries
