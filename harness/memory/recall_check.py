"""What a memory may recall: sound items, each from a source that it may have, and no secret.

The origins of an item are an allow-list. Each is the id of a task that this arm's memory was told
of, or `SOURCE:NAME` with a source that the memory's class declares (`seqswe.memory.sources`). A
commit, `history:SHA`, must be one that the task's base commit reaches.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from math import isfinite

from harness.memory.contamination import Contamination
from seqswe.arms import Cell
from seqswe.errors import LeakError, RolloutError
from seqswe.instance import Instance, Task
from seqswe.memory import Experience, Recall, Recalled
from seqswe.runs.rollout import is_journaled
from seqswe.runs.snapshots import Files

SHOWN = 60
"""Characters of an item or of an origin in an error."""


class RecallCheck:
    """Checks every recall of a run before an agent sees any of it. Safe between threads.

    sources: what the memory declares beside the rollouts that it is told of; reached: the commits
    that a base commit reaches.
    """

    def __init__(
        self,
        instances: Sequence[Instance],
        sources: Set[str],
        reached: Callable[[str], Set[str]],
        contamination: Contamination,
    ) -> None:
        self._ids = {i.instance_id: position for position, i in enumerate(instances)}
        self._sources, self._reached = sources, reached
        self._contamination = contamination

    def check(
        self,
        recall: Recall,
        cell: Cell,
        task: Task,
        *,
        told: Callable[[], Iterable[Experience]],
        state: Callable[[], Files],
        keep: Callable[[], str],
    ) -> None:
        """Raise RolloutError("memory_failed") for what is no recall, LeakError for a dishonest one.

        told, state: what the memory was told so far and its saved state, to find out what it may
        know; keep: keeps recall and memory as they are, and says where.
        """
        validate_recall(recall)
        for item in recall.items:
            why = self._origins_refused(item, cell, task)
            if why:
                raise _leak(f"{why} (arm {cell.arm})", task, keep())
        self._contamination.check_recall(cell, task, recall, told, state, keep)
        if not recall.items and (recall.hint or recall.env):
            what = "a hint or variables without an item, so from nowhere"
            raise _leak(f"{what} (arm {cell.arm})", task, keep())

    def _origins_refused(self, item: Recalled, cell: Cell, task: Task) -> str:
        """Why an item must not be recalled; "" if it may."""
        if not item.origins:
            return f"{item.text[:SHOWN]!r} without an origin"
        reasons = (self._refused(origin, cell, task) for origin in item.origins)
        return next(filter(None, reasons), "")

    def _refused(self, origin: str, cell: Cell, task: Task) -> str:
        position = self._ids.get(origin)
        if position is not None:
            return (
                ""
                if position in cell.taught(task.position)
                else _untold(origin, position, cell, task)
            )
        source, colon, name = origin.partition(":")
        if not (colon and source in self._sources):
            known = ", ".join(sorted(self._sources)) or "none"
            return (
                f"{origin[:SHOWN]!r}, neither a task it was told of nor a declared source ({known})"
            )
        if source == "history" and name not in self._reached(task.base_commit):
            return f"commit {name[:SHOWN]!r}, which the task's base commit does not reach"
        return ""


def validate_recall(recall: object) -> None:
    """Raise RolloutError("memory_failed") for anything but a recall that can be delivered."""
    if not isinstance(recall, Recall):
        raise _failed(f"recall returned {recall!r:.100}, not a Recall")
    if not isinstance(recall.items, tuple | list):
        raise _failed(f"a recall's items are {recall.items!r:.100}, not a tuple")
    for item in recall.items:
        if not isinstance(item, Recalled):
            raise _failed(f"a recall holds {item!r:.100}, not a Recalled")
        score = item.score
        if isinstance(score, bool) or not isinstance(score, int | float) or not isfinite(score):
            raise _failed(f"an item's score is {score!r:.40}, not a finite number")
        if not _are_texts([item.text, *item.origins, *item.files]):
            raise _failed("an item's text, origins or files are not texts")
        _check_notes(item)
    if not is_journaled([item.origins for item in recall.items]):
        raise _failed("its origins are too long for the journal")
    if not (isinstance(recall.env, Mapping) and _are_texts([recall.hint, *_flat(recall.env)])):
        raise _failed("a recall's hint or variables are not texts")


def _check_notes(item: Recalled) -> None:
    try:
        json.dumps(item.notes)
    except (TypeError, ValueError, RecursionError) as error:
        raise _failed(f"an item's notes are not JSON: {error}") from None


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def _flat(variables: Mapping[str, str]) -> list[str]:
    return [text for pair in variables.items() for text in pair]


def _untold(origin: str, position: int, cell: Cell, task: Task) -> str:
    if cell.memory == "reset":
        return f"{origin}, though it was reset"
    return f"{origin}, which " + (
        "it was not told of" if position < task.position else "is not past"
    )


def _leak(what: str, task: Task, evidence: str) -> LeakError:
    return LeakError(
        f"at position {task.position} the memory recalls {what}",
        f"docs/rules.md says what it may recall; {evidence}.",
    )


def _failed(what: str) -> RolloutError:
    return RolloutError("memory_failed", what)
