"""The arms: which tasks a run works on, in what order, and what becomes of its memory.

An arm's name may end in a number: `frozen-25` is `frozen` after 25 tasks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from seqswe.errors import UsageError

SEQUENTIAL = "sequential"
BASELINE = "iid"
FROZEN = "frozen"
REPLAY = "replay"
WITHOUT_OWN = "replay-without-own"
WINDOW = "window"
NUMBERED = re.compile(r"(?P<family>[a-z-]+?)-(?P<number>\d+)")
DOSES = 4
"""`frozen` alone stands for the snapshots after 0, N/4, N/2 and 3N/4 tasks; a window has N/4."""


@dataclass(frozen=True, slots=True)
class Arm:
    """What an arm is, in plain words, and what it may be used for."""

    meaning: str
    diagnostic: bool = False
    """Whether its memory may hold lessons of a task's own future: never part of the headline."""
    counts: str = ""
    """What a number after its name counts; empty if it takes none."""


ARMS: Mapping[str, Arm] = {
    BASELINE: Arm("memory reset to empty before every task; the baseline"),
    SEQUENTIAL: Arm("memory carried from task to task in chronological order"),
    "nomem": Arm("the memory's place is empty and it is told nothing"),
    FROZEN: Arm(
        "the sequential run's memory after m tasks, read-only, on every task from position m on: "
        "how much memory helps how much (frozen alone: m = 0, N/4, N/2, 3N/4)",
        counts="m, the tasks it learned from",
    ),
    WINDOW: Arm(
        "a memory told of the N/4 tasks before task m alone, read-only, on the last quarter of the "
        "tasks: old lessons against new ones of equal number (window alone: three, end to end)",
        counts="m, the tasks before which its window ends",
    ),
    REPLAY: Arm(
        "early tasks again with the sequential run's final memory, read-only: is what was learned "
        "kept? (replay alone: the first half)",
        diagnostic=True,
        counts="how many of the first tasks are run again",
    ),
    WITHOUT_OWN: Arm(
        "as replay, the task's own lesson left out of the memory: what do the others teach?",
        diagnostic=True,
        counts="how many of the first tasks are run again",
    ),
    "shuffled": Arm(
        "memory carried over, tasks in an order drawn by lot: a later issue's lesson can hold an "
        "earlier issue's fix",
        diagnostic=True,
    ),
    "reversed": Arm("memory carried over, the last task first", diagnostic=True),
}


HEADLINE = (BASELINE, SEQUENTIAL, "nomem")
"""Arms that run every task once, in order or alone: what the headline and the curves are about."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """Memory policy: what the sequential run of the same seed learned of some tasks, read-only."""

    lessons: Sequence[int]
    """Positions whose rollouts it was told of, in that order."""
    without_own: bool = False
    """Whether the lesson of the task at hand is left out."""
    alone: bool = False
    """Whether an empty memory is told these lessons, in place of a snapshot after the last."""


Policy = Literal["absent", "reset", "carry"] | Frozen
"""What becomes of the memory: none at all, empty before every task, handed on, or a snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One arm and seed: a run in the words of the protocol."""

    arm: str
    seed: int
    order: Sequence[int]
    """Positions of its tasks, in the order they are worked on; hashable (a range or tuple)."""
    memory: Policy = "reset"
    lag: int = 0
    """Tasks after which a memory that is carried hears of one: 0, as soon as it is over."""

    @property
    def carries_memory(self) -> bool:
        """Whether its tasks depend on each other through the memory."""
        return self.memory == "carry"

    @property
    def lessons_of(self) -> str:
        """The arm, of the same seed, whose lessons its memory is told."""
        return self.arm if self.carries_memory else SEQUENTIAL

    def next_position(self, position: int) -> int | None:
        """The position worked on after this one; None after the last."""
        step = self.order.index(position) + 1
        return self.order[step] if step < len(self.order) else None

    def taught(self, position: int) -> Collection[int]:
        """Positions whose lessons the memory may hold when the task at `position` is worked on."""
        if isinstance(self.memory, Frozen):
            known = self.memory.lessons
            return set(known) - {position} if self.memory.without_own else known
        return self.order[: self._heard(position)] if self.carries_memory else ()

    def due(self, position: int) -> int | None:
        """The position whose lesson a carried memory is told once the task at `position` is over.

        None while it has heard of nothing yet.
        """
        step = self.order.index(position) - self.lag
        return self.order[step] if step >= 0 else None

    def _heard(self, position: int) -> int:
        return max(0, self.order.index(position) - self.lag)


def arm_of(name: str) -> Arm:
    """What `frozen-25` and the like are. Raises UsageError for an unknown one."""
    return ARMS[split(name)[0]]


def is_diagnostic(name: str) -> bool:
    """Whether an arm must stay out of the headline; an unknown name is an ordinary one."""
    return bool(family_of(name)) and arm_of(name).diagnostic


def family_of(name: str) -> str:
    """`frozen` of `frozen-25`; "" for an arm that this version does not know."""
    return split(name)[0] if name in ARMS or _numbered(name) else ""


def is_probe(name: str) -> bool:
    """Whether an arm is shown beside the headline's arms, in tables of its own."""
    return (name in ARMS and name not in HEADLINE) or _numbered(name)


def split(name: str) -> tuple[str, int | None]:
    """An arm's family and number. Raises UsageError for an unknown one."""
    if name in ARMS:
        return name, None
    numbered = NUMBERED.fullmatch(name)
    if numbered and _numbered(name):
        return numbered["family"], int(numbered["number"])
    counted = ", ".join(f"{family}-NUMBER" for family, arm in ARMS.items() if arm.counts)
    raise UsageError(
        f"unknown arm {name!r}", f"Arms: {', '.join(ARMS)}; {counted}. See `seqswe list arms`."
    )


def cells_of(name: str, seed: int, length: int, lag: int = 0) -> Iterator[Cell]:
    """The cells that an arm stands for on a sequence of `length` tasks. Raises UsageError.

    lag: of the sequential arm; see `Cell`.
    """
    family, number = split(name)
    tasks = range(length)
    if family == FROZEN:
        doses = sorted({length * i // DOSES for i in range(DOSES)})
        for m in doses if number is None else (_fitting(name, number, 0, length - 1, length),):
            yield Cell(
                arm=f"{FROZEN}-{m}", seed=seed, order=tasks[m:], memory=Frozen(lessons=tasks[:m])
            )
    elif family == WINDOW:
        width, start = window_width(length), length * (DOSES - 1) // DOSES
        ends = [m for m in (start - 2 * width, start - width, start) if m >= width]
        for m in ends if number is None else (_fitting(name, number, width, start, length),):
            lessons = Frozen(lessons=tasks[m - width : m], alone=True)
            yield Cell(arm=f"{WINDOW}-{m}", seed=seed, order=tasks[start:], memory=lessons)
    elif family in (REPLAY, WITHOUT_OWN):
        early = (length + 1) // 2 if number is None else _fitting(name, number, 1, length, length)
        memory = Frozen(lessons=tasks, without_own=family == WITHOUT_OWN)
        yield Cell(arm=name, seed=seed, order=tasks[:early], memory=memory)
    elif family == "shuffled":
        order = tuple(Random(f"{family} {seed}").sample(tasks, length))
        yield Cell(arm=name, seed=seed, order=order, memory="carry")
    elif family == "reversed":
        yield Cell(arm=name, seed=seed, order=tasks[::-1], memory="carry")
    elif family == SEQUENTIAL:
        yield Cell(arm=name, seed=seed, order=tasks, memory="carry", lag=lag)
    else:
        yield Cell(
            arm=name, seed=seed, order=tasks, memory="absent" if family == "nomem" else "reset"
        )


def starts_from_a_run(name: str) -> bool:
    """Whether its memory is a snapshot of the sequential run of the same seed."""
    return split(name)[0] in (FROZEN, WINDOW, REPLAY, WITHOUT_OWN)


def window_width(length: int) -> int:
    """How many tasks a window's memory is told of, of a sequence of `length` tasks."""
    return max(1, length // DOSES)


def check_arms(names: Sequence[str]) -> None:
    """Raises UsageError for arms that cannot be run together."""
    _ = [split(name) for name in names]  # refuses unknown ones
    if len(set(names)) != len(names) or not names:
        raise UsageError("every arm must be named once", f"Arms: {', '.join(ARMS)}.")
    for name in names:
        if starts_from_a_run(name) and SEQUENTIAL not in names:
            raise UsageError(
                f"arm {name!r} uses snapshots of the sequential arm, which is not to be run",
                "Add --arm sequential.",
            )


def _numbered(name: str) -> bool:
    match = NUMBERED.fullmatch(name)
    return bool(match and match["family"] in ARMS and ARMS[match["family"]].counts)


def _fitting(name: str, number: int, least: int, most: int, length: int) -> int:
    if not least <= number <= most:
        raise UsageError(
            f"arm {name!r} does not fit a sequence of {length} tasks",
            f"Its number must be {least} to {most}.",
        )
    return number
