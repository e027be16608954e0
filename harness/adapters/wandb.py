"""`--track wandb`: a run's curves by position in Weights & Biases, its report as an artefact.

Where it goes is its own client's: WANDB_PROJECT (default `seqswe`), WANDB_MODE=offline for a
folder.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqswe import plugins
from seqswe.reports.tracking import TrackedRun


class WandbTracker:
    """Keeps runs by the client of Weights & Biases (extra `wandb`)."""

    def __init__(self) -> None:
        self._library: Any = plugins.require("wandb", "wandb", "tracker 'wandb'")

    def track(self, run: TrackedRun, files: Sequence[Path]) -> str:
        """Keep a run; see the protocol."""
        config = {**run.settings, **run.tags}
        project = os.environ.get("WANDB_PROJECT", "seqswe")
        positions = sorted({position for points in run.curves.values() for position in points})
        with self._library.init(project=project, name=run.name, config=config) as kept:
            for position in positions:
                at = {c: points[position] for c, points in run.curves.items() if position in points}
                kept.log(at, step=position)
            report = self._library.Artifact(f"{run.name}-report", type="report")
            for file in files:
                report.add_file(str(file))
            kept.log_artifact(report)
            return str(kept.url or kept.dir)
