"""What a report says of levelling off and of fading; and in which words it says that it cannot."""

import json
from dataclasses import replace

import numpy as np
import pytest

from seqswe.analysis import analyse
from seqswe.manifests.refactorings import Refactoring
from seqswe.reports.json_report import JsonReport
from seqswe.reports.markdown import markdown
from tests.seqswe.conftest import outcomes_of

TASKS, SEEDS = 120, 3


def fixing(files):
    """Each task fixes files[position] alone."""
    return lambda made: replace(made, gold_files=(f"src/{files[made.position]}.py",))


def told(analysis, name):
    (found,) = [item for item in analysis.secondary if item.name == name]
    return found


def row(analysis, title):
    """The cells of an estimate's row in the Markdown report."""
    (line,) = [text for text in markdown(analysis).splitlines() if f"| {title} |" in text]
    return [cell.strip() for cell in line.split("|")]


@pytest.fixture(scope="module")
def levelled():
    """The chain resolves what the baseline does, and more and more of the rest up to task 40."""
    base = np.random.default_rng(0).random((TASKS, SEEDS)) < 0.2
    reached = np.minimum(np.arange(TASKS) / 40.0, 1.0)[:, np.newaxis]
    more = np.random.default_rng(1).random((TASKS, SEEDS)) < reached
    return {"iid": base.astype(float), "sequential": (base | more).astype(float)}


def test_where_the_lift_levels_off_is_told_with_its_ends(plant, levelled):
    analysis = analyse([plant(levelled)])
    found = told(analysis, "saturation")
    assert found.unit == "task number"
    assert found.low < 40 < found.high < 80
    assert row(analysis, "Lift levels off")[3].startswith("task ")
    data = {item["name"]: item for item in json.loads(JsonReport().render(analysis))["secondary"]}
    assert data["saturation"]["interval"] == [found.low, found.high]
    assert "p" not in data["saturation"]


def test_a_lift_that_does_not_level_off_says_so_in_words(plant):
    found = told(analyse([plant(outcomes_of(TASKS, SEEDS, lift=0.2))]), "saturation")
    assert (found.estimate, found.low, found.high) == (None, None, None)
    assert found.meaning.startswith("Not shown: ")


def test_too_few_tasks_say_so_in_words(plant):
    analysis = analyse([plant(outcomes_of(20, SEEDS, lift=0.2))])
    assert told(analysis, "saturation").meaning == (
        "Not told: 20 tasks are too few to see a lift level off; it takes 30."
    )
    assert row(analysis, "Lift levels off")[3:5] == ["not shown", "–"]


def test_lessons_without_a_spread_of_ages_say_so_in_words(plant):
    made = outcomes_of(20, SEEDS, lift=0.2)
    found = told(analyse([plant(made, change=fixing(range(20)))]), "half_life")
    assert found.meaning.startswith("Not told: of 20 tasks 0 have an earlier one")
    assert found.estimate is None


def test_a_half_life_may_have_a_lower_end_alone(plant):
    """Lessons that never fade: every task of a file that came before is resolved."""
    files = np.random.default_rng(2).integers(0, 40, TASKS)
    seen = np.array([files[i] in files[:i] for i in range(TASKS)])
    base = np.zeros((TASKS, SEEDS))
    made = {"iid": base, "sequential": base + seen[:, np.newaxis]}
    analysis = analyse([plant(made, change=fixing(files))])
    found = told(analysis, "half_life")
    assert (found.estimate, found.high) == (None, None)
    assert found.low > 10
    assert found.meaning.startswith("At least so many tasks")
    assert row(analysis, "Half-life of a lesson")[3:5] == [
        "not shown",
        f"at least {found.low:.0f} tasks",
    ]
    data = {item["name"]: item for item in json.loads(JsonReport().render(analysis))["secondary"]}
    assert data["half_life"]["interval"] == [found.low, None]


def test_a_half_life_is_told_in_tasks(plant):
    """Lessons that are gone after ten tasks."""
    files = np.random.default_rng(2).integers(0, 12, TASKS)
    young = np.array([files[i] in files[max(0, i - 8) : i] for i in range(TASKS)])
    base = np.zeros((TASKS, SEEDS))
    made = {"iid": base, "sequential": base + young[:, np.newaxis]}
    analysis = analyse([plant(made, change=fixing(files))])
    found = told(analysis, "half_life")
    assert found.unit == "age"
    assert (found.low or 0.0) < found.estimate < found.high < 40
    assert row(analysis, "Half-life of a lesson")[3] == f"{found.estimate:.0f} tasks"


def test_without_files_the_note_says_what_a_half_life_needs(plant):
    made = outcomes_of(TASKS, SEEDS, lift=0.2)
    analysis = analyse([plant(made, change=lambda r: replace(r, gold_files=()))])
    assert not [item for item in analysis.secondary if item.name == "half_life"]
    assert "half-life of a lesson needs the files" in markdown(analysis)


@pytest.fixture
def moved(plant):
    """A factory of runs whose files are gone at some tasks."""

    def make(*tasks):
        run = plant(outcomes_of(40, SEEDS, lift=0.2))
        went = tuple(Refactoring(task=task, known=10, gone=4) for task in tasks)
        run.info = replace(run.info, refactorings=went)
        return analyse([run])

    return make


def test_the_lift_after_a_refactoring_is_held_against_that_before(moved):
    analysis = moved(21)
    found = told(analysis, "after_refactoring")
    values = {arm.arm: arm.outcomes["resolved"].values for arm in analysis.arms}
    paired = values["sequential"].mean(axis=1) - values["iid"].mean(axis=1)
    assert found.estimate == pytest.approx(paired[20:].mean() - paired[:20].mean())
    assert found.n == 40
    assert "(1 of 1)" in found.meaning


@pytest.mark.parametrize(
    ("tasks", "says"),
    [((), "Not told: at no task"), ((4, 38), "Not told: none of 2 refactorings has 5 tasks")],
)
def test_what_no_refactoring_can_tell_is_said_in_words(moved, tasks, says):
    found = told(moved(*tasks), "after_refactoring")
    assert found.estimate is None
    assert found.meaning.startswith(says)


def test_where_nobody_looked_for_refactorings_nothing_is_said(plant):
    analysis = analyse([plant(outcomes_of(40, SEEDS, lift=0.2))])
    assert not [item for item in analysis.secondary if item.name == "after_refactoring"]
