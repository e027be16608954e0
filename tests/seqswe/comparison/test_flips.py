"""The tasks that flipped: which they are, and that every document names them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from click.testing import CliRunner

from seqswe.cli.compare import compare as compare_command
from seqswe.comparison.baseline import of_run
from seqswe.comparison.compare import Question, compare
from seqswe.comparison.flips import flips
from seqswe.reports.comparison import MOST_CASES, NAMED, comparison_junit, comparison_markdown
from seqswe.runs.outcomes import COST, RESOLVED
from tests.seqswe.conftest import PlantRun

IDS = [f"task-{i}" for i in range(5)]
GAP = np.nan


def solved(*rows: list[float]) -> np.ndarray:
    return np.array(rows, dtype=float)


def lost_in(plant: PlantRun, tasks: int, lost: range):
    """Two runs of three seeds in which all tasks are solved, but for those that HEAD lost."""
    made = {arm: np.ones((tasks, 3), bool) for arm in ("iid", "sequential")}
    base = plant(made, name="base")
    made["sequential"] = made["sequential"].copy()
    made["sequential"][list(lost)] = False
    return base, plant(made, name="head")


def test_a_task_flips_with_the_majority_of_its_seeds() -> None:
    base = solved([1, 1, 1], [1, 1, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0])
    head = solved([0, 0, 1], [1, 1, 1], [1, 0, 1], [1, 0, 1], [0, 0, 1])
    found = flips(IDS, base, head, RESOLVED)
    assert [(f.number, f.instance_id, f.base, f.head) for f in found.lost] == [
        (1, "task-0", 1.0, 1 / 3)
    ]
    assert [f.number for f in found.won] == [3]
    assert found.by_majority


def test_a_task_without_an_outcome_on_one_side_did_not_flip() -> None:
    base, head = solved([1, 1], [GAP, 1], [1, 1]), solved([GAP, GAP], [GAP, 0], [0, 0])
    assert [f.number for f in flips(IDS, base, head, RESOLVED).lost] == [2, 3]


def test_amounts_change_by_their_mean_and_the_largest_change_comes_first() -> None:
    base, head = solved([1, 1], [2, 2], [3, 3]), solved([1.5, 1.5], [1, 1], [9, 9])
    found = flips(IDS, base, head, COST)
    assert [f.number for f in found.lost] == [3, 1]
    assert [f.number for f in found.won] == [2]
    assert not found.by_majority


def test_the_documents_name_the_tasks_that_were_lost(plant: PlantRun, tmp_path: Path) -> None:
    base, head = lost_in(plant, 40, range(5, 20))
    files = {name: tmp_path / name for name in ("junit", "markdown", "json")}
    given = [part for name, file in files.items() for part in (f"--{name}", str(file))]
    arguments = [str(base.root), str(head.root), "--fail-on", "regression", *given]
    result = CliRunner().invoke(compare_command, arguments)
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("Lost in")]
    assert line.startswith("Lost in sequential, 15 tasks: 6 task-5 (100.0 % → 0.0 %), 7 task-6")
    assert line.endswith(f"and {15 - NAMED} more.")
    assert "| 6 | task-5 | 100.0 % | 0.0 % |" in files["markdown"].read_text()
    (main, *_) = json.loads(files["json"].read_text())["changes"]
    assert main["lost"][0] == {"task": 6, "instance_id": "task-5", "base": 1.0, "head": 0.0}
    assert (len(main["lost"]), main["won"]) == (15, [])
    (_, lost) = ElementTree.fromstring(files["junit"].read_bytes())
    assert (lost.get("tests"), lost.get("failures")) == ("15", "15")
    assert lost[0].get("name") == "task 6 task-5"


def test_junit_lists_lost_tasks_up_to_a_bound_and_says_so(plant: PlantRun) -> None:
    base, head = lost_in(plant, MOST_CASES + 20, range(MOST_CASES + 7))
    (_, lost) = ElementTree.fromstring(
        comparison_junit(compare(of_run(base), of_run(head)), fails=False)
    )
    assert lost.get("skipped") == str(MOST_CASES + 1)
    assert lost[-1].get("name") == "7 more tasks"


def test_equal_sides_flip_nothing(plant: PlantRun) -> None:
    base, _ = lost_in(plant, 12, range(3))
    found = compare(of_run(base), of_run(base), Question(outcome="cost"))
    assert not found.main.flips.lost + found.main.flips.won
    assert "flip" not in comparison_markdown(found)
