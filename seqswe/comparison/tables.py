"""One side of a comparison, read from an outcome table: the gate for other people's runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from seqswe.analysis.tables import headline_of, safe_ids
from seqswe.arms import BASELINE
from seqswe.comparison.baseline import Baseline
from seqswe.errors import IncompleteError, UsageError
from seqswe.instance import digest_of
from seqswe.manifests.outcome_tables import OutcomeTable, read_outcome_table
from seqswe.runs.outcomes import COST, TOKENS

NO_ARM = re.compile(r"[^a-z0-9]+")
COLUMNS = {"cost": COST.name, "tokens": TOKENS.name}


def of_table(path: Path) -> Baseline:
    """Reduce a table. Raises IncompleteError for empty outcomes, UsageError for alike arms."""
    table = read_outcome_table(path)
    empty = sum(int(np.isnan(arm["outcome"]).sum()) for arm in table.arms.values())
    if empty:
        raise IncompleteError(
            f"{path}: {empty} cells hold no outcome",
            "Fill them, or leave those seeds out: a gap neither passes nor becomes a baseline.",
        )
    names = {arm: arm_name(arm) for arm in table.arms}
    if len(set(names.values())) < len(names):
        raise UsageError(
            f"{path}: the arms {', '.join(map(repr, table.arms)):.120} are too much alike",
            "Give them names that differ in more than case and signs.",
        )
    return Baseline(
        codebase=table.name,
        sequence_digest=digest_of("\n".join(table.tasks)),
        instance_ids=safe_ids(table.tasks),
        settings={},
        looks=1,
        # The first arm is the one that is gated on by default.
        arms={names[arm]: _outcomes(table, arm) for arm in sorted(names, key=BASELINE.__eq__)},
        results_digest=table.digest,
    )


def arm_name(name: str) -> str:
    """A table's arm as `--arm` takes it: lower-case letters, digits and '-'."""
    plain = NO_ARM.sub("-", name.lower()).strip("-")
    return plain[:64] if plain[:1].isalpha() else f"arm-{plain}"[:64].rstrip("-")


def _outcomes(table: OutcomeTable, arm: str) -> dict[str, list[list[float | None]]]:
    values = table.arms[arm]
    kept = {headline_of([table]).name: values["outcome"]}
    kept |= {COLUMNS[name]: values[name] for name in COLUMNS if np.isfinite(values[name]).any()}
    return {
        name: [[None if np.isnan(v) else float(v) for v in seed] for seed in matrix.T]
        for name, matrix in kept.items()
    }
