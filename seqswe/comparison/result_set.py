"""The result set: every run whose numbers the documentation quotes, as outcomes and as a command.

A folder holds `results.toml`, a table per result (its digest and the commands that make it), and
beside it a baseline file for each, `NAME.json`, from which every quoted number can be computed.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from seqswe.comparison.baseline import PLACES, Baseline, of_file
from seqswe.comparison.compare import same_tasks, settings_of
from seqswe.errors import UnknownName, UsageError
from seqswe.experiment import Experiment
from seqswe.manifests.convert import parse
from seqswe.manifests.read import is_there, read_toml
from seqswe.patterns import Pattern

INDEX = "results.toml"
OURS = Path(__file__).parents[2] / "docs" / "results"
"""The result set of this checkout; an installed package has none."""
DIGEST = Pattern(expression=r"sha256:[0-9a-f]{12,64}", meaning="sha256: and at least 12 digits")
QUOTED = len("sha256:") + 12
"""Characters of a digest that pages quote."""
NOT_ASKED = PLACES | {f.name for f in fields(Experiment) if f.metadata["effect"] == "access"}
"""Settings on which no outcome depends."""
MAY_DIFFER = ("memory", "embedding", "seeds", "arm")
"""Beginnings of settings that may differ between runs that are held against each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run of the set, and how it comes about."""

    name: str
    results: Annotated[str, DIGEST]
    """The results digest; its first digits only, where it was made by version 0.1."""
    command: str
    """`seqswe run …`, with DIR for a folder of bare clones and RUNS for the folder of runs."""
    first: str = ""
    """A command that makes the sequence."""
    python: str = ""
    """Whole version of the Python that it was made with, if that is known."""

    @property
    def quoted(self) -> str:
        """The digest as it stands in a page."""
        return self.results[:QUOTED]

    def is_of(self, results: str) -> bool:
        """Whether a run has this digest."""
        return results.startswith(self.results)

    def words(self, text: str, mirror: str, runs: str) -> list[str]:
        """One of its commands as words, its placeholders filled in."""
        return [w.replace("RUNS", runs).replace("DIR", mirror) for w in shlex.split(text)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSet:
    """All results of a folder, by name."""

    folder: Path
    results: Mapping[str, Result]

    @classmethod
    def read(cls, folder: Path) -> ResultSet:
        """Raises UsageError for a folder that holds none, ManifestError for a bad index."""
        index = folder / INDEX
        if not is_there(index):
            raise UsageError(
                f"{folder} holds no result set ({INDEX})",
                "Name one with --set; a clone of SeqSWE has its own in docs/results.",
            )
        data = read_toml(index, f"an {INDEX}")
        results = {
            name: parse(Result, {"name": name, **values}, f"{index}: [{name}]")
            for name, values in data.items()
        }
        return cls(folder=folder, results=results)

    def result(self, name: str) -> Result:
        """Raises UnknownName."""
        if name not in self.results:
            raise UnknownName("result", name, self.results)
        return self.results[name]

    def outcomes(self, name: str) -> Baseline | None:
        """The outcomes of a result, None where only its digest is kept.

        Raises UsageError for a file that was changed by hand, or is of another run.
        """
        path = self.folder / f"{name}.json"
        if not is_there(path):
            return None
        kept = of_file(path)
        if not self.result(name).is_of(kept.results_digest):
            raise UsageError(
                f"{path} is of the run {kept.results_digest[:QUOTED]}, and {INDEX} says "
                f"{self.result(name).quoted}",
                "One of the two was changed; restore both from the same commit.",
            )
        return kept

    def over_the_tasks_of(self, made: Baseline) -> list[tuple[str, Baseline]]:
        """The results over the same tasks, whatever they were asked."""
        rows = ((name, self.outcomes(name)) for name in self.results)
        return [(name, row) for name, row in rows if row and same_tasks(row, made)]


def asked_otherwise(expected: Baseline, made: Baseline) -> dict[str, tuple[Any, Any]]:
    """Settings on which outcomes depend and which differ: {name: (expected, made)}."""
    old, new = _asked(expected), _asked(made)
    return {k: (old.get(k), new.get(k)) for k in {**old, **new} if old.get(k) != new.get(k)}


def another_question(expected: Baseline, made: Baseline) -> dict[str, tuple[Any, Any]]:
    """The same, without what may differ between runs that are held against each other."""
    others = asked_otherwise(expected, made)
    return {name: pair for name, pair in others.items() if not name.startswith(MAY_DIFFER)}


def differences(expected: Baseline, made: Baseline) -> Iterator[str]:
    """Every outcome that differs, as `arm, seed N, task: outcome VALUE, not VALUE`."""
    for arm, outcomes in expected.arms.items():
        for name, seeds in outcomes.items():
            here = made.arms.get(arm, {}).get(name, [])
            for seed, values in enumerate(seeds):
                for task, value in enumerate(values):
                    found = here[seed][task] if seed < len(here) else None
                    if found != value:
                        which = expected.instance_ids[task]
                        yield f"{arm}, seed {seed}, {which}: {name} {found}, not {value}"


def _asked(side: Baseline) -> dict[str, Any]:
    return {name: value for name, value in settings_of(side).items() if name not in NOT_ASKED}
