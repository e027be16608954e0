"""report.csv: one line per rollout, for a spreadsheet or a data frame."""

from __future__ import annotations

import csv
from io import StringIO

from seqswe.analysis import Analysis
from seqswe.runs.registry import registry
from seqswe.runs.rollout import Rollout
from seqswe.visible import visible

FIXED = (
    *("run", "synthetic", "arm", "seed", "task", "position", "instance_id", "graded"),
    *("failure", "tries"),
)
"""`task` is the number that people read, from 1; `position` is the journal's, from 0."""


class CsvReport:
    """The CSV report: identity, then every outcome; what is missing is an empty cell."""

    suffix = ".csv"

    def render(self, analysis: Analysis) -> bytes:
        """UTF-8 CSV with a header line (RFC 4180)."""
        text = StringIO(newline="")
        writer = csv.writer(text)
        headline = analysis.headline_outcome
        outcomes = {**registry().outcomes, headline.name: headline}
        writer.writerow([*FIXED, *outcomes])
        for run in analysis.runs:
            for rollout in run.rollouts:
                fixed = _identity(run.label, rollout, synthetic=run.info.synthetic)
                writer.writerow([*fixed, *(o.of(rollout) for o in outcomes.values())])
        return text.getvalue().encode("utf-8", "replace")


def _identity(run: str, rollout: Rollout, *, synthetic: bool) -> list[object]:
    return [
        inert(run),
        synthetic,
        inert(rollout.arm),
        rollout.seed,
        rollout.position + 1,
        rollout.position,
        inert(rollout.instance_id),
        rollout.graded,
        inert(rollout.failure.cause if rollout.failure else ""),
        rollout.tries,
    ]


def inert(text: str) -> str:
    """Text that a spreadsheet will not run as a formula, with control characters escaped."""
    shown = visible(text)
    return f"'{shown}" if shown[:1] in ("=", "+", "-", "@", "\t") else shown
