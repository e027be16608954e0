"""What `repair` reads out of a recall: places of faults, their repairs, earlier reproductions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqswe.errors import UsageError
from seqswe.memory import Recall, Recalled

PARTS = {"f": "functions that had faults", "e": "kinds of edit", "r": "earlier reproductions"}
REGRESSIONS = 20
"""Earlier reproductions kept, in the order of the recall."""
HUNK = re.compile(r"^\+(?!\+\+)(.+)$", re.MULTILINE)
TARGET = re.compile(r"^\+\+\+ b/(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """The memory's part of a job; every field is empty for an empty memory."""

    fixes: Mapping[str, float] = field(default_factory=dict)
    passes: Mapping[str, float] = field(default_factory=dict)
    kinds: Mapping[str, float] = field(default_factory=dict)
    regressions: tuple[Mapping[str, Any], ...] = ()
    gold: tuple[tuple[str, ...], ...] = ()


def knowledge_of(recall: Recall, use: str) -> Knowledge:
    """Read knowledge from a recall; `use` names one or more of `PARTS`, as in fe+r, or none.

    Notes of other agents, or of another shape, are skipped. Raises UsageError for any other `use`.
    """
    parts = set() if use == "none" else set(use.replace("+", ""))
    if parts - PARTS.keys() or not (parts or use == "none"):
        choices = ", ".join(f"{name} ({what})" for name, what in PARTS.items())
        raise UsageError(
            f"memory_use {use!r} is unknown", f"Any of {choices}, as in fe+r; or none."
        )
    fixes: Counter[str] = Counter()
    passes: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    regressions, gold = [], []
    for item in recall.items:
        notes = item.notes
        if notes.get("agent") != "repair":
            continue
        trace = [str(name) for name in notes.get("functions", [])]
        merged = _merged(item)
        stands = not merged and _stands(item)
        if "f" in parts:
            passes.update(trace)
            if merged:
                gold.append(merged)
            if stands:
                fixes[str(notes["function"])] += 1
        if "e" in parts and stands:
            kinds[str(notes["kind"])] += 1
        if "r" in parts and notes.get("code"):
            regressions.append({"code": str(notes["code"]), "functions": trace})
    return Knowledge(
        fixes=dict(fixes),
        passes=dict(passes),
        kinds=dict(kinds),
        regressions=tuple(regressions[:REGRESSIONS]),
        gold=tuple(gold),
    )


def _stands(item: Recalled) -> bool:
    """Whether the agent had a patch, and the memory did not learn that it was wrong.

    If feedback says that an attempt failed, the memory names no files for it.
    """
    file = item.notes.get("file")
    return bool(file) and file in item.files


def _merged(item: Recalled) -> tuple[str, ...]:
    """Return path and new lines of the merged fix that the recall shows, if it shows one.

    Only a memory that got the merged fix (feedback `gold`, and `fix_lines` to show it) has a fix
    other than the agent's own. Then the merged one counts.
    """
    path = TARGET.search(item.text)
    if path is None or _is_own(item):
        return ()
    lines = [line.strip() for line in HUNK.findall(item.text[path.end() :])]
    return (path[1], *(line for line in lines if line)) if lines else ()


def _is_own(item: Recalled) -> bool:
    text = item.notes.get("text")
    return bool(text) and str(text) in item.text
