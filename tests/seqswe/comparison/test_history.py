"""Runs over time: a drop is found where it began, named in words, and drawn."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from seqswe.cli.history import history as history_command
from seqswe.comparison.baseline import of_run
from seqswe.comparison.compare import ALPHA
from seqswe.comparison.history import Entry, history, read_entries
from seqswe.errors import RunDirError, SeqSWEError, UsageError
from seqswe.reports.history import sentences
from seqswe.reports.history_page import chart, chart_text
from seqswe.runs.folders import run_folders
from tests.seqswe.conftest import Browse, PlantRun

TASKS, WEEKS, DROP = 60, 8, 5


@pytest.fixture(scope="module")
def easy() -> np.ndarray:
    """How likely each task is solved, (tasks, 1)."""
    return np.random.default_rng(1).beta(0.8, 0.8, size=(TASKS, 1))


def week(plant: PlantRun, easy: np.ndarray, number: int, loss: float, **settings: object):
    """A run of three seeds; with some loss a share of what sequential would solve is lost."""
    draw = np.random.default_rng(number)
    kept = draw.random((TASKS, 3)) >= loss
    made = {arm: draw.random((TASKS, 3)) < easy for arm in ("iid", "sequential")}
    made["sequential"] &= kept
    return plant(
        made,
        name=f"weeks/week-{number}",
        change=lambda r: replace(r, started_at=f"2026-{8 + number // 5:02}-{number:02}T10:00:00"),
        **settings,
    )


@pytest.fixture
def weeks(plant: PlantRun, easy: np.ndarray) -> Path:
    """Eight weekly runs; from the fifth on half of what sequential solved is lost."""
    for number in range(1, WEEKS + 1):
        lost = number >= DROP
        memory = "chroma" if lost else "episodic"
        last = week(plant, easy, number, 0.5 * lost, memory=memory)
    return last.root.parent


def test_a_planted_drop_is_named_where_it_began_and_nowhere_else(
    weeks: Path, tmp_path: Path, browse: Browse
) -> None:
    files = {name: tmp_path / f"history.{name}" for name in ("html", "markdown", "json")}
    given = [part for name, file in files.items() for part in (f"--{name}", str(file))]
    result = CliRunner().invoke(history_command, [str(weeks), *given])
    assert result.exit_code == 0, result.output
    first, *rest = result.stdout.splitlines()
    assert first.startswith("DROP in week-5 (2026-09-05): Resolved of sequential went from ")
    assert "in the 4 runs before to" in first
    assert "In 3 runs after it no change from the new level is shown." in first
    assert any(line.startswith("week-5: Lost in sequential") for line in rest)
    assert "week-5: memory: 'episodic' → 'chroma'" in rest
    data = json.loads(files["json"].read_text())
    assert [run["shift"] for run in data["runs"]] == [None] * 4 + ["regression"] + [None] * 3
    assert data["level"] == pytest.approx(1 - ALPHA / (WEEKS - 1))
    assert "**DROP in week-5" in files["markdown"].read_text()
    seen = browse(files["html"].as_uri())
    assert seen.complaints == []
    assert 'data-charts="drawn"' in seen.dom
    assert ">DROP −" in seen.dom


def test_the_runs_are_ordered_by_the_day_that_they_began(plant: PlantRun, easy: np.ndarray) -> None:
    paths = [week(plant, easy, number, 0.0).root for number in (3, 1, 2)]
    weeks = paths[0].parent
    entries = read_entries(paths)
    assert [entry.label for entry in entries] == ["week-1", "week-2", "week-3"]
    assert entries[0].day == "2026-08-01"
    file = weeks.parent / "kept.json"
    file.write_text(entries[0].run.as_json())
    mixed = read_entries([*paths, file])
    assert [entry.label for entry in mixed] == ["week-3", "week-1", "week-2", "kept"]
    again = weeks.parent / "again" / "week-1"
    shutil.copytree(weeks / "week-1", again)
    told_apart = read_entries([weeks / "week-1", again])
    assert [entry.label for entry in told_apart] == ["weeks/week-1", "again/week-1"]


def entries(plant: PlantRun, easy: np.ndarray, losses: list[float]) -> list[Entry]:
    runs = [week(plant, easy, number, loss) for number, loss in enumerate(losses, 1)]
    return [Entry(label=r.root.name, day="", run=of_run(r)) for r in runs]


def test_a_drift_adds_up_until_it_shows_and_a_return_is_a_rise(
    plant: PlantRun, easy: np.ndarray
) -> None:
    drift = history(entries(plant, easy, [0.0, 0.15, 0.3, 0.45, 0.6]))
    assert 1 not in drift.shifts
    assert drift.shifts
    assert all(change.estimate.estimate < 0 for change in drift.shifts.values())


def test_a_rise_after_a_drop_is_told_with_both_ends(plant: PlantRun, easy: np.ndarray) -> None:
    found = history(entries(plant, easy, [0, 0, 0.6, 0.6, 0, 0]))
    assert list(found.shifts) == [2, 4]
    drop, rise = sentences(found)
    assert drop.startswith("DROP in week-3: ")
    assert drop.endswith(
        "In 1 run after it no change from the new level is shown, then week-5 changed again."
    )
    assert rise.startswith("RISE in week-5: ")
    assert "week-3" in chart_text(found)
    assert any("text" in str(layer["mark"]) for layer in chart(found)["layer"])


def test_no_change_says_what_would_have_been_seen(plant: PlantRun, easy: np.ndarray) -> None:
    found = history(entries(plant, easy, [0.0] * 4))
    assert found.shifts == {}
    (said,) = sentences(found)
    assert said.startswith("NO CHANGE is shown in 4 runs. The smallest that the last of them")


def test_what_is_no_history_is_refused(plant: PlantRun, easy: np.ndarray, tmp_path: Path) -> None:
    one = week(plant, easy, 1, 0.0)
    with pytest.raises(UsageError, match="one run is no history"):
        history(read_entries([one.root]))
    other = week(plant, easy, 2, 0.0, feedback="none")
    with pytest.raises(UsageError, match="feedback policy"):
        history(read_entries([one.root, other.root]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunDirError, match="there is none in it"):
        run_folders([tmp_path / "empty"])
    answer = CliRunner().invoke(history_command, [str(tmp_path / "nothing")])
    assert isinstance(answer.exception, SeqSWEError)
