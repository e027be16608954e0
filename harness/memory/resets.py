"""A memory that was told nothing recalls nothing, unless it declared where else it reads."""

from __future__ import annotations

from collections.abc import Collection

from seqswe.arms import Cell
from seqswe.errors import LeakError
from seqswe.memory import Recall

SOURCES = frozenset({"history", "gold", "model"})
"""Services that a memory can draw a recall from without being told anything."""


def check_reset(recall: Recall, cell: Cell, position: int, declared: Collection[str]) -> None:
    """Check the recall of a memory that this arm has told nothing yet.

    declared: services and sources that the memory's class names. Raises LeakError.
    """
    nothing = not (recall.items or recall.hint or recall.env)
    if nothing or declared or cell.taught(position):
        return
    why = "though it was reset" if cell.memory == "reset" else "and has been told nothing"
    raise LeakError(
        f"at position {position} the memory recalls {len(recall.items)} items {why} "
        f"(arm {cell.arm})",
        "What it reads beyond its experiences its class must declare (needs, uses or sources); "
        "see docs/memories.md.",
    )
