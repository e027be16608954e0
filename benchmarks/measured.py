"""What was measured and is no run of the result set: docs/results/measured.toml.

An entry says how a measurement is made, when it was, and what came out: the rows of a table, or
phrases with their units. `python -m benchmarks.results tables` writes both into the pages that
quote them, so a number has one place, beside the command that makes it anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated

from seqswe.errors import UnknownName, UsageError
from seqswe.manifests.convert import parse
from seqswe.manifests.read import read_toml
from seqswe.patterns import Pattern

KEPT = Path(__file__).parents[1] / "docs" / "results" / "measured.toml"
DAY = Pattern(expression=r"\d{4}-\d\d-\d\d", meaning="a day (2026-11-28)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One measurement, and how it is made."""

    name: str
    date: Annotated[str, DAY]
    """The day on which it was made if its page says so, else on which it came into the pages."""
    command: str = ""
    """What prints it, with DIR for a folder of bare clones and RUNS for one of runs."""
    how: str = ""
    """The same in words, or what a command cannot say."""
    load: str = ""
    """What else the machine did; empty where it does not matter or was not recorded."""
    table: str = ""
    """A Markdown table, row by row."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Phrases with their units, by name."""

    def __post_init__(self) -> None:
        if not (self.command or self.how):
            raise UsageError(
                "it says neither 'command' nor 'how'", "Say how a stranger measures it."
            )
        if not (self.table or self.values):
            raise UsageError("it holds neither 'table' nor 'values'", "Put in what came out.")


@cache
def measurements(path: Path = KEPT) -> Mapping[str, Measurement]:
    """All measurements by name. Raises ManifestError."""
    return {
        name: parse(Measurement, {"name": name, **values}, f"{path}: [{name}]")
        for name, values in read_toml(path, "a measured.toml").items()
    }


def table(name: str) -> list[str]:
    """The lines of a measured table. Raises UnknownName."""
    tables = {each.name: each.table for each in measurements().values() if each.table}
    if name not in tables:
        raise UnknownName("measured table", name, tables)
    return tables[name].splitlines()


def phrase(name: str, key: str) -> str:
    """A measured phrase. Raises UnknownName."""
    known = {f"{m.name} {k}": text for m in measurements().values() for k, text in m.values.items()}
    if (wanted := f"{name} {key}") not in known:
        raise UnknownName("measured phrase", wanted, known)
    return known[wanted]
