"""A rollout whose line in the journal can be read again, whatever an agent or a memory left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from seqswe.runs.rollout import MOST_NAMED, Rollout, size_of

NAMED = ("ranking", "edited_files", "usage_refused", "recalled_from")
"""Lists of names that a plug-in has a say in."""


def bounded(rollout: Rollout) -> Rollout:
    """The rollout with as many names as fit, in their order; `cut` counts the rest, by field.

    Each field has MOST_NAMED bytes, so that a line stays below what any reader takes.
    """
    kept: dict[str, Any] = {name: tuple(_first(getattr(rollout, name))) for name in NAMED}
    kept["dropped_files"] = dict(_first(rollout.dropped_files.items()))
    left = {name: len(getattr(rollout, name)) - len(some) for name, some in kept.items()}
    cut = {name: count for name, count in left.items() if count}
    return replace(rollout, **kept, cut=cut) if cut else rollout


def _first(names: Iterable[Any]) -> Iterable[Any]:
    room = MOST_NAMED
    for name in names:
        room -= size_of(name) + len(", ")
        if room < 0:
            return
        yield name
