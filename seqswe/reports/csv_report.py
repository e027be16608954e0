"""report.csv: one line per rollout, for a spreadsheet or a data frame."""

from __future__ import annotations

import csv
from io import StringIO

from seqswe.analysis import Analysis
from seqswe.runs.outcomes import OUTCOMES
from seqswe.runs.rollout import Rollout

FIXED = ("run", "synthetic", "arm", "seed", "position", "instance_id", "graded", "failure")


class CsvReport:
    """The CSV report: identity, then every outcome; what is missing is an empty cell."""

    suffix = ".csv"

    def render(self, analysis: Analysis) -> bytes:
        """UTF-8 CSV with a header line (RFC 4180)."""
        text = StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow([*FIXED, *OUTCOMES])
        for run in analysis.runs:
            for rollout in run.rollouts:
                writer.writerow(_row(run.label, rollout, synthetic=run.info.synthetic))
        return text.getvalue().encode("utf-8", "replace")


def _row(run: str, rollout: Rollout, *, synthetic: bool) -> list[object]:
    return [
        inert(run),
        synthetic,
        inert(rollout.arm),
        rollout.seed,
        rollout.position,
        inert(rollout.instance_id),
        rollout.graded,
        inert(rollout.failure.cause if rollout.failure else ""),
        *(outcome.of(rollout) for outcome in OUTCOMES.values()),
    ]


def inert(text: str) -> str:
    """Text that a spreadsheet will not run as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
