"""A matrix of settings: every combination of its values is one run.

    [matrix]
    codebase = ["sqlglot", "click"]
    memory = ["episodic", {name = "few", memory = "episodic", memory-option = ["k=3"]}]

An axis lists values of the setting that it is named after, or tables of settings with a name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from seqswe.errors import UsageError
from seqswe.experiment import Experiment, settings
from seqswe.manifests.convert import parse

Matrix = Mapping[str, tuple[Any, ...]]
"""Values by axis, as in TOML."""
MOST_RUNS = 10_000
HINT = 'Write it as in memory = ["episodic", {name = "few", memory-option = ["k=3"]}].'
NOT_SET = ("max_cost", "max_tokens")
"""Settings that are for all runs together."""


@dataclass(frozen=True, slots=True)
class Part:
    """One run of a study: its folder's name, and the settings that make it what it is."""

    name: str
    settings: Mapping[str, Any]


def read_matrix(data: Any, source: str) -> Matrix:
    """The matrix of an experiment.toml, checked. Raises UsageError, ManifestError."""
    if not isinstance(data, dict) or not data:
        raise UsageError(f"{source}: field 'matrix' is no table of lists", HINT)
    matrix: dict[str, tuple[Any, ...]] = {}
    for axis, values in data.items():
        if not isinstance(values, list) or not values:
            raise UsageError(f"{source}: field 'matrix.{axis}' is no list, or empty", HINT)
        matrix[axis.replace("-", "_")] = tuple(values)
    parts = parts_of(matrix)
    for part in parts:
        parse(Experiment, dict(part.settings), f"{source}, matrix")
    [(twice, count)] = Counter(part.name for part in parts).most_common(1)
    if count > 1:
        raise UsageError(
            f"{source}: two runs of the matrix are called {twice!r:.80}",
            "Give one of its values as a table with another name.",
        )
    return matrix


def parts_of(matrix: Matrix) -> tuple[Part, ...]:
    """Every combination, the last axis turning fastest. Raises UsageError for what is no value."""
    axes = [[_variant(axis, value) for value in values] for axis, values in matrix.items()]
    size = prod(map(len, axes))
    if size > MOST_RUNS:
        raise UsageError(f"the matrix has {size:,} runs", f"At most {MOST_RUNS:,} are one study.")
    parts = []
    for chosen in product(*axes) if axes else ():
        own = [part.settings for part in chosen]
        merged = {name: value for settings in own for name, value in settings.items()}
        if len(merged) < sum(map(len, own)):
            twice = next(n for n in merged if sum(n in settings for settings in own) > 1)
            raise UsageError(f"two axes of the matrix set {twice}", HINT)
        parts.append(Part("-".join(part.name for part in chosen), merged))
    return tuple(parts)


def _variant(axis: str, value: Any) -> Part:
    given = value if isinstance(value, Mapping) else {"name": value, axis: value}
    own = {name.replace("-", "_"): one for name, one in given.items() if name != "name"}
    name = str(given.get("name", own.get(axis, "")))
    if wrong := next((n for n in own if n not in settings() or n in NOT_SET), ""):
        raise UsageError(f"an axis of the matrix sets {wrong!r:.60}, which is no setting", HINT)
    if not own or not name:
        raise UsageError(f"axis {axis!r:.60} of the matrix has a table without a name", HINT)
    frozen = {n: tuple(one) if isinstance(one, list) else one for n, one in own.items()}
    return Part(re.sub(r"[^\w.@+]+", "_", name).strip("._") or "part", frozen)
