"""Simulated shares in the pages, from docs/pooling.csv and docs/calibration.csv.

`python -m benchmarks.pooling --long --seed 1 --out docs` and `python -m benchmarks.calibration
--long --out docs` write these: a line per cell, with its share and the range it must lie in.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
POOLING: Mapping[str, str] = {
    "coverage": "coverage of the mean, lifts normal, τ .05 or .10",
    "coverage, tau 0": "the same, codebases do not differ at all (τ 0)",
    "coverage, skewed": "the same, lifts skewed (exponential)",
    "type-I error": "type-I error",
    "prediction interval": "prediction interval",
    "rank intervals": "rank intervals of 20 memories, all at once",
    "against a reference, Holm": "one of 19 falsely unlike the reference",
    "fixed effect": "*fixed effect (must fail)*",
    "bootstrap of codebases": "*percentiles of resampled codebases, four of them (must fail)*",
}
"""Checks of benchmarks/pooling.py, and how their page names them."""


@cache
def cells(name: str) -> list[dict[str, str]]:
    """The lines of docs/NAME.csv."""
    with (DOCS / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def pooling() -> list[str]:
    """The lowest and the highest share of each check of pooling."""
    lines = ["| check | lowest | highest | must lie in |", "|---|---|---|---|"]
    for check, title in POOLING.items():
        found = [cell for cell in cells("pooling") if cell["check"] == check]
        shares = [float(cell["share"]) for cell in found]
        bounds = _bounds(float(found[0]["low"]), float(found[0]["high"]))
        lines.append(f"| {title} | {_share(min(shares))} | {_share(max(shares))} | {bounds} |")
    return lines


def count(name: str) -> str:
    """How many shares a file holds."""
    return str(len(cells(name)))


def alike(codebases: str) -> str:
    """Coverage of the mean over so many codebases that do not differ."""
    found = next(
        cell
        for cell in cells("pooling")
        if (cell["check"], cell["codebases"]) == ("coverage, tau 0", codebases)
    )
    return _share(float(found["share"]))


def falsely(check: str) -> str:
    """In how many per cent of agents that do not level off, say, a check shows that they do."""
    wanted = f"{check.replace('_', ' ')}: falsely shown"
    found = next(cell for cell in cells("calibration") if cell["check"] == wanted)
    return f"{100 * float(found['share']):.0f} %"


def _share(share: float) -> str:
    return f"{share:.3f}".removeprefix("0")


def _bounds(low: float, high: float) -> str:
    lowest, highest = (_share(end).removesuffix("0") for end in (low, high))
    if low > 0 and high < 1:
        return f"{lowest} to {highest}"
    return f"at least {lowest}" if low > 0 else f"at most {highest}"


TABLES: Mapping[str, Callable[[], list[str]]] = {"pooling": pooling}
PHRASES: Mapping[str, Callable[[str], str]] = {
    "count": count,
    "alike": alike,
    "falsely": falsely,
}
