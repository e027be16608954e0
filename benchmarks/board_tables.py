"""The leaderboards in the pages, from docs/leaderboard/NAME/leaderboard.json.

Such a file is what `seqswe report STUDY --format json` writes of the study that board.toml beside
it describes; every cell has the results digest of its run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from seqswe.analysis.words import p_value, signed

FOLDER = Path(__file__).parents[1] / "docs" / "leaderboard"


@cache
def board(name: str) -> Mapping[str, Any]:
    """A leaderboard as plain data, schema `seqswe.leaderboard`."""
    path = FOLDER / name / "leaderboard.json"
    loaded: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


def standings(name: str) -> list[str]:
    """A line for each memory: its mean lift, ranks, and what it has over the reference."""
    reference = board(name)["reference"]
    lines = [
        f"| memory | mean lift (95 %) | ranks | over `{reference}` (95 %) | codebases |",
        "|---|---|---|---|---|",
    ]
    for row in board(name)["memories"]:
        against = (row["against_reference"] or {}).get("pooled")
        ranks = " to ".join(map(str, dict.fromkeys(row["ranks"]))) if row["ranks"] else "–"
        cells = (
            f"`{row['memory']}`",
            _interval(row["lift"]),
            ranks,
            _interval(against),
            len(row["codebases"]),
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def cells(name: str) -> list[str]:
    """The lift of each memory on each codebase, over the i.i.d. arm."""
    codebases = board(name)["codebases"]
    lines = [f"| memory | {' | '.join(codebases)} |", f"|---|{'---|' * len(codebases)}"]
    for row in board(name)["memories"]:
        found = {cell["codebase"]: cell["lift"] for cell in row["codebases"]}
        shown = " | ".join(_interval(found.get(codebase)) for codebase in codebases)
        lines.append(f"| `{row['memory']}` | {shown} |")
    return lines


def by_codebase(name: str) -> list[str]:
    """What each memory has over the reference on each codebase, and pooled."""
    found = board(name)
    against = {
        row["memory"]: row["against_reference"]
        for row in found["memories"]
        if row["memory"] != found["reference"]
    }
    counts = _tasks(name)
    lines = [
        f"| codebase | tasks | {' | '.join(f'`{memory}`' for memory in against)} |",
        f"|---|---|{'---|' * len(against)}",
    ]
    for codebase in sorted(counts, key=lambda each: -counts[each]):
        shown = (_interval(each["codebases"].get(codebase)) for each in against.values())
        lines.append(f"| {codebase} | {counts[codebase]:,} | {' | '.join(shown)} |")
    pooled = " | ".join(_interval(each["pooled"]) for each in against.values())
    return [*lines, f"| **pooled** | {tasks(name)} | {pooled} |"]


def lift(name: str, memory: str, codebase: str = "") -> str:
    """A memory's lift on one codebase, or its mean over all."""
    row = _row(name, memory)
    lifts = {cell["codebase"]: cell["lift"] for cell in row["codebases"]}
    return _interval(lifts[codebase] if codebase else row["lift"])


def tasks(name: str) -> str:
    """How many tasks a leaderboard is of."""
    return f"{sum(_tasks(name).values()):,}"


def holm(name: str, memory: str) -> str:
    """The p-value of a memory against the reference, adjusted for all memories."""
    return p_value(_row(name, memory)["against_reference"]["p"])


def _row(name: str, memory: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(r for r in board(name)["memories"] if r["memory"] == memory)
    return found


def _tasks(name: str) -> Mapping[str, int]:
    return {cell["codebase"]: cell["tasks"] for cell in board(name)["memories"][0]["codebases"]}


def _interval(estimate: Mapping[str, Any] | None) -> str:
    if not estimate:
        return "–"
    middle, low, high = (signed(estimate[key], 3) for key in ("estimate", "low", "high"))
    return f"{middle} ({low} to {high})"


TABLES = {"standings": standings, "cells": cells, "by_codebase": by_codebase}
