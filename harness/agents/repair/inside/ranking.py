"""In which order edits are tried: the end of the trace first, then what the memory knows.

The probability of an edit is that of its function, times that of its line within the function,
times that of its kind on that line. Functions and lines weigh 1 / rank, ranks counted back from
the failure; a line that passing tests run too weighs less (Ochiai). That order is the same in
every arm. The memory multiplies the weight of a function by how often the fault was in it when a
trace passed through it, relative to the mean of all functions. For an empty memory that is 1.
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
"""Fixes that the prior of a function is worth."""
SHARPNESS = 1.5
"""Exponent of a remembered rate: above 1, because the same memory also names the rivals."""
KIND_STRENGTH = 8.0
TEMPERATURE = 0.5
"""Like a model's. Without it, runs with other seeds would hardly differ."""
TINY = 1e-300


@dataclass(frozen=True)
class JobKnowledge:
    """What the memory knows: fixes and traces by function, fixes by kind of edit."""

    fixes: Mapping[str, float] = field(default_factory=dict)
    passes: Mapping[str, float] = field(default_factory=dict)
    kinds: Mapping[str, float] = field(default_factory=dict)

    def function(self, name: str) -> float:
        """Return how many times likelier a function is than the average one of a trace."""
        fixes, passes = sum(self.fixes.values()), sum(self.passes.values())
        if not fixes or not passes:
            return 1.0
        mean = min(1.0, fixes / passes)
        rate = (self.fixes.get(name, 0.0) + STRENGTH) / (
            self.passes.get(name, 0.0) + STRENGTH / mean
        )
        return float((rate / mean) ** SHARPNESS)

    def kind(self, name: str) -> float:
        """Return how many times likelier a kind of edit is than for an empty memory."""
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
    """Return the lines that failing tests ran, latest first; keys are `path:line:function`."""
    last: dict[str, int] = {}
    for lines in failing:
        for key, at in lines.items():
            last[key] = max(at, last.get(key, -1))
    also = Counter(key for lines in passing for key in lines)
    trace = []
    for key, at in last.items():
        path, line, function = key.rsplit(":", 2)
        trace.append(Place(path, int(line), function, at, 1 / sqrt(1 + also[key])))
    return sorted(trace, key=lambda p: (-p.last, p.path, p.line))


def full_name(path: str, function: str) -> str:
    """Name a function as notes do: `path::qualified.name`."""
    return f"{path}::{function}"


def function_order(trace: Sequence[Place]) -> list[str]:
    """Return functions in the order in which they last ran, latest first."""
    return list(dict.fromkeys(full_name(p.path, p.function) for p in trace))


def ranked(
    edits: Sequence[Edit], trace: Sequence[Place], knowledge: JobKnowledge, seed: str
) -> list[Edit]:
    """Order edits by lot, in favour of the more probable ones; the seed decides the draw.

    An edit's key is the logarithm of its probability plus Gumbel noise times the temperature. At
    1 that draws without replacement in proportion to the probabilities, at 0 it sorts by them.
    """
    order = {name: rank for rank, name in enumerate(function_order(trace), 1)}
    lines = _line_weights(trace)
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
    for place, on_line in by_line.items():
        name = full_name(*place[:2])
        weight = knowledge.function(name) / order[name] * lines[place] / totals[name]
        shares = _kind_shares(on_line, knowledge)
        for edit in on_line:
            probable[edit] = weight * shares[edit.kind]
    lot = Random(seed)
    # Drawn in an order of their own, so that the same edit has the same luck in every arm.
    luck = {e: -log(-log(lot.random() or TINY)) for e in sorted(probable, key=_by_place)}
    return sorted(probable, key=lambda e: -(log(probable[e]) + TEMPERATURE * luck[e]))


def _by_place(edit: Edit) -> tuple[str, int, int, str, str]:
    return edit.path, edit.start, edit.end, edit.kind, edit.text


def _line_weights(trace: Sequence[Place]) -> dict[tuple[str, str, int], float]:
    ranks: Counter[str] = Counter()
    weights = {}
    for place in trace:
        name = full_name(place.path, place.function)
        ranks[name] += 1
        weights[place.path, place.function, place.line] = place.suspicion / ranks[name]
    return weights


def _kind_shares(edits: Sequence[Edit], knowledge: JobKnowledge) -> dict[str, float]:
    """Return the probability of each edit of a kind, on one line."""
    counts = Counter(edit.kind for edit in edits)
    weights = {kind: WEIGHTS.get(kind, 1.0) * knowledge.kind(kind) for kind in counts}
    total = sum(weights.values())
    return {kind: weights[kind] / total / counts[kind] for kind in counts}
