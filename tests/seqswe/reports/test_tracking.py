"""What a tracker is given: the curves of a run by position, and the files of its report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from seqswe.cli.report import report
from seqswe.errors import UsageError
from seqswe.reports.tracking import TrackedRun, tracked
from tests.seqswe.conftest import PlantRun

KEPT: list[tuple[TrackedRun, Sequence[Path]]] = []


class Keeping:
    """A tracker of the tests' own."""

    def track(self, run: TrackedRun, files: Sequence[Path]) -> str:
        KEPT.append((run, files))
        return f"kept {run.name}"


@pytest.fixture
def outcomes() -> dict[str, np.ndarray]:
    """Two seeds of three tasks."""
    iid = np.array([[0, 1], [0, 0], [1, 1]], dtype=bool)
    return {"iid": iid, "sequential": np.array([[0, 0], [1, 1], [1, 1]], dtype=bool)}


def test_a_curve_is_the_mean_over_seeds_at_each_task(plant: PlantRun, outcomes):
    run = tracked(plant(outcomes))
    assert run.curves["resolved/iid"] == {0: 0.5, 1: 0.0, 2: 1.0}
    assert run.curves["resolved_so_far/iid"] == {0: 0.5, 1: 0.25, 2: 0.5}
    assert run.curves["resolved_lift_so_far/sequential"] == {0: -0.5, 1: 0.25, 2: 1 / 6}
    assert "resolved_lift_so_far/iid" not in run.curves
    assert run.settings["seeds"] == "2"
    assert run.tags["seqswe.results"].startswith("sha256:")


def test_a_report_is_handed_to_the_trackers_that_are_named(plant: PlantRun, outcomes):
    store = plant(outcomes)
    words = [str(store.root), "--track", f"{__name__}:Keeping", "--format", "json"]
    done = CliRunner().invoke(report, words, catch_exceptions=False)
    assert done.output.splitlines()[-1] == "kept run"
    ((run, files),) = KEPT
    assert run == tracked(store)
    assert [file.name for file in files] == ["report.json"]


def test_a_table_is_no_run_to_keep(tmp_path: Path):
    table = tmp_path / "t.csv"
    table.write_text("task,position,arm,seed,outcome\na,0,iid,0,1\n")
    with pytest.raises(UsageError, match="--track is for RUNs"):
        CliRunner().invoke(
            report, ["--outcomes", str(table), "--track", "mlflow"], catch_exceptions=False
        )
