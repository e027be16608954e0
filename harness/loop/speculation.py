"""Speculation: the next tasks of a chain are worked on ahead, with the memory as it is.

Each time a chain comes to a task, its memory recalls for the next ones as well. What was begun
ahead is kept only while the recall stays, byte for byte, what it was begun with: then the rollout
is the one that would have been. Anything else is thrown away, counted, and begun anew. So a chain
gets shorter, and what it results in stays the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from itertools import islice
from threading import BoundedSemaphore, Event
from typing import Generic, Protocol, TypeVar

from harness.loop.clock import Clock
from seqswe.agent import Usage
from seqswe.arms import Cell
from seqswe.errors import LeakError
from seqswe.memory import Recall
from seqswe.runs.rollout import ThrownAway


class HasUsage(Protocol):
    """What an attempt came to, and what it used."""

    @property
    def usage(self) -> Usage:
        """What the agent used."""
        ...


Result = TypeVar("Result", bound=HasUsage)
Run = Callable[[Cell, int, Recall, Clock], Result]
"""Lets an agent work on a task with a recall, and grades what it left."""
Recalling = Callable[[int], Recall | None]
"""What the memory recalls for the task at a position, as it is now; None if it cannot."""


@dataclass(frozen=True, slots=True)
class Ahead(Generic[Result]):
    """An attempt that was begun ahead."""

    recall: str
    future: Future[Result]
    clock: Clock
    stopped: Event


class Speculation(Generic[Result]):
    """The attempts of a run, some of them ahead. Safe between threads, one for each cell.

    width: tasks of a chain at a time, 1 for none ahead; slots: attempts at a time over all cells;
    run: one attempt; stop: ends the attempts at a position of a cell, wherever they are; scores:
    whether the agent can see the scores of what is recalled.
    """

    def __init__(
        self,
        width: int,
        slots: int,
        run: Run[Result],
        stop: Callable[[Cell, int], None],
        *,
        scores: bool = True,
    ) -> None:
        self.width, self._run, self._stop, self._scores = width, run, stop, scores
        self._slots = BoundedSemaphore(slots)
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="speculation")
        self._ahead: dict[tuple[Cell, int], Ahead[Result]] = {}
        self._thrown: dict[Cell, list[Ahead[Result]]] = {}

    def covers(self, cell: Cell) -> bool:
        """Whether tasks of this cell are worked on ahead."""
        return self.width > 1 and cell.carries_memory

    def attempt(
        self, cell: Cell, position: int, recall: Recall, recalling: Recalling, clock: Clock
    ) -> Result:
        """What comes of a task: begun ahead with this very recall, or run now.

        Meanwhile the next tasks are begun, each with what `recalling` gives for it.
        """
        if not self.covers(cell):
            with self._slots:
                return self._run(cell, position, recall, clock)
        ahead = self._ahead.pop((cell, position), None)
        if ahead and ahead.recall != as_bytes(recall, scores=self._scores):
            self._throw_away(cell, position, ahead)
            ahead = None
        for upcoming in self._next(cell, position):
            if (found := recalling(upcoming)) is not None:
                self._begin(cell, upcoming, found)
        # What waits for a thread is done at once by this one.
        if ahead is None or ahead.future.cancel():
            with self._slots:
                return self._run(cell, position, recall, clock)
        with clock.phase("waiting"):
            result = ahead.future.result()
        # Its time is that of its work, whoever waited for it.
        clock.book("total", _seconds(ahead.clock) - clock.seconds["waiting"])
        clock.add(ahead.clock.seconds)
        return result

    def thrown_away(self, cell: Cell, position: int) -> ThrownAway | None:
        """What was thrown away of a cell and has ended since the last time this was asked.

        After the last task of a chain, all of it. Raises LeakError for a leak in any of it: a
        sandbox shows the future whatever was recalled.
        """
        thrown = self._thrown.get(cell, [])
        if cell.carries_memory and cell.next_position(position) is None:
            wait([each.future for each in thrown])
        ended = [each for each in thrown if each.future.done()]
        self._thrown[cell] = [each for each in thrown if each not in ended]
        total = ThrownAway()
        for each in ended:
            error = None if each.future.cancelled() else each.future.exception()
            if isinstance(error, LeakError):
                raise error
            if not isinstance(error, CancelledError):  # which had not begun
                total = total.plus(_price(each))
        return total if total.rollouts else None

    def close(self) -> None:
        """Throw away whatever is ahead, and wait for its end."""
        for (cell, position), ahead in list(self._ahead.items()):
            self._throw_away(cell, position, ahead)
        self._ahead.clear()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _next(self, cell: Cell, position: int) -> list[int]:
        start = cell.order.index(position) + 1
        return list(islice(cell.order, start, start + self.width - 1))

    def _begin(self, cell: Cell, position: int, recall: Recall) -> None:
        ahead, told = self._ahead.get((cell, position)), as_bytes(recall, scores=self._scores)
        if ahead and ahead.recall == told:
            return
        if ahead:
            self._throw_away(cell, position, ahead)
        clock, stopped = Clock(), Event()

        def work() -> Result:
            with self._slots:
                if stopped.is_set():
                    raise CancelledError
                return self._run(cell, position, recall, clock)

        future = self._threads.submit(work)
        self._ahead[cell, position] = Ahead(told, future, clock, stopped)

    def _throw_away(self, cell: Cell, position: int, ahead: Ahead[Result]) -> None:
        ahead.stopped.set()
        if ahead.future.cancel():
            return  # not begun, so nothing is lost
        self._thrown.setdefault(cell, []).append(ahead)
        self._stop(cell, position)


def as_bytes(recall: Recall, *, scores: bool = True) -> str:
    """Everything of a recall that an agent can see, in its order; the same text, the same recall.

    JSON tells 1, 1.0 and true apart, which are equal to Python.
    """
    if not scores:
        items = tuple(replace(item, score=0.0) for item in recall.items)
        recall = replace(recall, items=items)
    return json.dumps(asdict(recall), default=repr)


def _price(ahead: Ahead[Result]) -> ThrownAway:
    thrown = ThrownAway(rollouts=1, seconds=_seconds(ahead.clock))
    if ahead.future.cancelled() or ahead.future.exception():
        return thrown
    usage = ahead.future.result().usage
    return replace(thrown, tokens=usage.tokens or 0, cost_usd=usage.cost_usd)


def _seconds(clock: Clock) -> float:
    """Of the phases of an attempt; processor time is beside them."""
    return round(sum(s for name, s in clock.seconds.items() if name != "processor"), 4)
