"""In which order edits are tried: the end of the trace first, then what the memory knows.

The probability of an edit is that of its function, times that of its line within the function,
times that of its kind on that line. Functions and lines weigh 1 / rank, ranks counted back from
the failure; a line that passing tests run too weighs less (Ochiai). That order is the same in
every arm. The memory multiplies the weight of a function by how often its faults were there when
a trace passed through it, against the mean of all functions; with nothing remembered that is 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log, sqrt
from random import Random

from .edits import Edit
from .kinds import WEIGHTS

STRENGTH = 1.0
"""How many fixes the prior of a function is worth."""
SHARPNESS = 1.5
"""Exponent of a remembered rate: above 1, because the same memory also names the rivals."""
KIND_STRENGTH = 8.0
TEMPERATURE = 0.5
"""As a model's: without it, repetitions with other seeds would hardly be repetitions."""
TINY = 1e-300


@dataclass(frozen=True)
class JobKnowledge:
    """What the memory knows: fixes and traces by function, fixes by kind of edit."""

    fixes: Mapping[str, float] = field(default_factory=dict)
    passes: Mapping[str, float] = field(default_factory=dict)
    kinds: Mapping[str, float] = field(default_factory=dict)

    def function(self, name: str) -> float:
        """How much more (or less) likely a function is than the average one of a trace."""
        fixes, passes = sum(self.fixes.values()), sum(self.passes.values())
        if not fixes or not passes:
            return 1.0
        mean = min(1.0, fixes / passes)
        rate = (self.fixes.get(name, 0.0) + STRENGTH) / (
            self.passes.get(name, 0.0) + STRENGTH / mean
        )
        return float((rate / mean) ** SHARPNESS)

    def kind(self, name: str) -> float:
        """How much more likely a kind of edit is than before anything was remembered."""
        share = (self.kinds.get(name, 0.0) + KIND_STRENGTH / 10) / (
            sum(self.kinds.values()) + KIND_STRENGTH
        )
        return share * 10


@dataclass(frozen=True)
class Place:
    """A line that the failing test ran."""

    path: str
    line: int
    function: str
    last: int
    """Number of the event at which it last ran."""
    suspicion: float = 1.0


def places(
    failing: Iterable[Mapping[str, int]], passing: Sequence[Mapping[str, int]]
) -> list[Place]:
    """The lines that failing tests ran, latest first; keys are `path:line:function`."""
    last: dict[str, int] = {}
    for lines in failing:
        for key, at in lines.items():
            last[key] = max(at, last.get(key, -1))
    also = Counter(key for lines in passing for key in lines)
    found = []
    for key, at in last.items():
        path, line, function = key.rsplit(":", 2)
        found.append(Place(path, int(line), function, at, 1 / sqrt(1 + also[key])))
    return sorted(found, key=lambda p: (-p.last, p.path, p.line))


def full_name(path: str, function: str) -> str:
    """How functions are called in notes: `path::qualified.name`."""
    return f"{path}::{function}"


def function_order(found: Sequence[Place]) -> list[str]:
    """Functions in the order in which they were last in."""
    return list(dict.fromkeys(full_name(p.path, p.function) for p in found))


def ranked(
    edits: Sequence[Edit], found: Sequence[Place], known: JobKnowledge, seed: str
) -> list[Edit]:
    """Edits, the more probable ones rather first; the seed decides how the lot falls.

    An edit's key is the logarithm of its probability plus Gumbel noise times the temperature: at
    1 that draws without replacement in proportion to the probabilities, at 0 it sorts by them.
    """
    order = {name: rank for rank, name in enumerate(function_order(found), 1)}
    lines = _line_weights(found)
    probable: dict[Edit, float] = {}
    by_line: dict[tuple[str, str, int], list[Edit]] = {}
    for edit in edits:
        place = (edit.path, edit.function, edit.line)
        if place not in lines:
            place = (edit.path, edit.function, edit.statement)
        if place in lines:
            by_line.setdefault(place, []).append(edit)
    totals: Counter[str] = Counter()
    for path, function, line in by_line:
        totals[full_name(path, function)] += lines[path, function, line]  # type: ignore[assignment]
    for place, here in by_line.items():
        name = full_name(*place[:2])
        weight = known.function(name) / order[name] * lines[place] / totals[name]
        shares = _kind_shares(here, known)
        for edit in here:
            probable[edit] = weight * shares[edit.kind]
    lot = Random(seed)
    # Drawn in an order of their own, so that the same edit has the same luck in every arm.
    luck = {e: -log(-log(lot.random() or TINY)) for e in sorted(probable, key=_by_place)}
    return sorted(probable, key=lambda e: -(log(probable[e]) + TEMPERATURE * luck[e]))


def _by_place(edit: Edit) -> tuple[str, int, int, str, str]:
    return edit.path, edit.start, edit.end, edit.kind, edit.text


def _line_weights(found: Sequence[Place]) -> dict[tuple[str, str, int], float]:
    ranks: Counter[str] = Counter()
    weights = {}
    for place in found:
        name = full_name(place.path, place.function)
        ranks[name] += 1
        weights[place.path, place.function, place.line] = place.suspicion / ranks[name]
    return weights


def _kind_shares(here: Sequence[Edit], known: JobKnowledge) -> dict[str, float]:
    """The probability of each edit of a kind, on one line."""
    counts = Counter(edit.kind for edit in here)
    weights = {kind: WEIGHTS.get(kind, 1.0) * known.kind(kind) for kind in counts}
    total = sum(weights.values())
    return {kind: weights[kind] / total / counts[kind] for kind in counts}
