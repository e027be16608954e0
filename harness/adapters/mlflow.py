"""`--track mlflow`: a run's curves as metrics by position, its report as artefacts.

The server is MLflow's own `MLFLOW_TRACKING_URI`, the experiment `MLFLOW_EXPERIMENT_NAME` or
`seqswe`. Tracked again, the same results are the same run there.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from time import time
from typing import Any

from seqswe import plugins
from seqswe.errors import MissingError
from seqswe.reports.tracking import TrackedRun

AT_ONCE, PARAMS_AT_ONCE = 1000, 100
"""What MLflow takes in one request."""
LONGEST = 500
"""Characters of a setting."""
RESULTS = "seqswe.results"


class MlflowTracker:
    """Keeps runs on an MLflow server (extra `mlflow`)."""

    def __init__(self) -> None:
        # What is printed is what `track` returns.
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        self._library: Any = plugins.require("mlflow", "mlflow", "tracker 'mlflow'")

    def track(self, run: TrackedRun, files: Sequence[Path]) -> str:
        """Keep a run; see the protocol."""
        try:
            return self._track(run, files)
        except self._library.MlflowException as error:
            raise MissingError(
                f"MLflow at {self._library.get_tracking_uri()} does not take the run: "
                f"{str(error).splitlines()[0][:80]}",
                "Start one with `mlflow server`, and name it in MLFLOW_TRACKING_URI.",
            ) from None

    def _track(self, run: TrackedRun, files: Sequence[Path]) -> str:
        client, kinds = self._library.MlflowClient(), self._library.entities
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "seqswe")
        experiment = client.get_experiment_by_name(name)
        place = experiment.experiment_id if experiment else client.create_experiment(name)
        same = f"tags.`{RESULTS}` = '{run.tags[RESULTS]}' and attributes.run_name = '{run.name}'"
        if known := client.search_runs([place], same, max_results=1):
            return self._told(place, known[0].info.run_id)
        made = client.create_run(place, run_name=run.name).info.run_id
        now = int(time() * 1000)
        params = [kinds.Param(key, value[:LONGEST]) for key, value in run.settings.items()]
        for at in range(0, len(params), PARAMS_AT_ONCE):
            client.log_batch(made, params=params[at : at + PARAMS_AT_ONCE])
        points = [
            kinds.Metric(curve, value, now, position)
            for curve, values in run.curves.items()
            for position, value in values.items()
        ]
        for at in range(0, len(points), AT_ONCE):
            client.log_batch(made, metrics=points[at : at + AT_ONCE])
        for file in files:
            client.log_artifact(made, str(file))
        # Last: a run that is found by its results is whole.
        tags = [kinds.RunTag(key, value) for key, value in run.tags.items()]
        client.log_batch(made, tags=tags)
        client.set_terminated(made)
        return self._told(place, made)

    def _told(self, experiment: str, run: str) -> str:
        return f"{self._library.get_tracking_uri()}/#/experiments/{experiment}/runs/{run}"
