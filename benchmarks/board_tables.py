"""The leaderboard in the pages, from docs/leaderboard/leaderboard.json.

That file is what `seqswe report STUDY --format json` writes of the study that board.toml beside it
describes; every cell has the results digest of its run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from seqswe.analysis.words import signed

FOLDER = Path(__file__).parents[1] / "docs" / "leaderboard"


@cache
def board() -> Mapping[str, Any]:
    """The leaderboard as plain data, schema `seqswe.leaderboard`."""
    loaded: Mapping[str, Any] = json.loads((FOLDER / "leaderboard.json").read_text("utf-8"))
    return loaded


def standings() -> list[str]:
    """A line for each memory: its mean lift, ranks, and what it has over the reference."""
    reference = board()["reference"]
    lines = [
        f"| memory | mean lift (95 %) | ranks | over `{reference}` (95 %) | codebases |",
        "|---|---|---|---|---|",
    ]
    for row in board()["memories"]:
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


def cells() -> list[str]:
    """The lift of each memory on each codebase, over the i.i.d. arm."""
    codebases = board()["codebases"]
    lines = [f"| memory | {' | '.join(codebases)} |", f"|---|{'---|' * len(codebases)}"]
    for row in board()["memories"]:
        found = {cell["codebase"]: cell["lift"] for cell in row["codebases"]}
        shown = " | ".join(_interval(found.get(codebase)) for codebase in codebases)
        lines.append(f"| `{row['memory']}` | {shown} |")
    return lines


def lift(memory: str) -> str:
    """A memory's mean lift over all codebases."""
    return _interval(next(row["lift"] for row in board()["memories"] if row["memory"] == memory))


def _interval(estimate: Mapping[str, Any] | None) -> str:
    if not estimate:
        return "–"
    middle, low, high = (signed(estimate[key], 3) for key in ("estimate", "low", "high"))
    return f"{middle} ({low} to {high})"


TABLES = {"standings": standings, "cells": cells}
