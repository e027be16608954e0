"""`facts`: the user who answers by table, without a model."""

from __future__ import annotations

from seqswe.instance import Task
from seqswe.user import Fact, Facts


class FactsUser:
    """Tells the facts of a kind: the first, or the one that the argument numbers from 1."""

    def __init__(self, *, seed: int) -> None:
        del seed  # nothing is drawn

    def answer(self, task: Task, kind: str, argument: str, facts: Facts) -> Fact | None:
        """The fact; None if there is none of this kind or number."""
        known = facts(kind)
        number = argument.strip() or "1"
        if not number.isdecimal() or not 1 <= int(number[:6]) <= len(known):
            return None
        return known[int(number) - 1]
