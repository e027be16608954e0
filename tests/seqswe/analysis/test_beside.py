"""What a report says beside the mean lift."""

from dataclasses import replace

import numpy as np
import pytest

from seqswe.agent import Usage
from seqswe.analysis.beside import seen_files
from seqswe.analysis.build import analyse
from seqswe.analysis.model import Analysis, Secondary
from tests.seqswe.conftest import outcomes_of

TASKS = 20


def changed(made):
    """Two files: a.py is fixed by every even task; every odd one has a file of its own."""
    file = "src/a.py" if made.position % 2 == 0 else f"src/own{made.position}.py"
    cost = 0.30 if made.arm == "sequential" else 0.10
    return replace(made, gold_files=(file,), usage=Usage(cost_usd=cost, steps=1))


@pytest.fixture
def found(plant):
    return analyse([plant(outcomes_of(TASKS, 3, lift=0.3), change=changed)])


def named(analysis: Analysis, name: str) -> list[Secondary]:
    return [item for item in analysis.secondary if item.name == name]


def test_a_file_is_seen_once_an_earlier_task_fixed_it(found):
    seen = seen_files(found, found.runs[0].label)
    assert seen.tolist() == [i % 2 == 0 and i > 0 for i in range(TASKS)]


def test_the_lift_is_told_for_seen_and_for_new_files(found):
    (inside,), (outside,) = named(found, "lift_seen_files"), named(found, "lift_new_files")
    values = {arm.arm: arm.outcomes["resolved"].values for arm in found.arms}
    paired = values["sequential"].mean(axis=1) - values["iid"].mean(axis=1)
    seen = seen_files(found, found.runs[0].label)
    assert inside.estimate == pytest.approx(paired[seen].mean())
    assert outside.estimate == pytest.approx(paired[~seen].mean())
    assert "(11 of 20 tasks)" in outside.meaning


def test_harm_stands_beside_what_chance_loses(found):
    (lost,) = named(found, "lost")
    assert 0.0 <= lost.estimate <= 1.0
    assert "By chance alone: " in lost.meaning
    assert named(found, "won")[0].estimate > lost.estimate


def test_reliability_has_an_interval_for_each_arm(found):
    arms = named(found, "reliability")
    assert [item.contrast for item in arms] == ["sequential", "iid"]
    assert all(item.low < item.estimate < item.high for item in arms)
    assert arms[0].title == "Reliability, pass^2"


def test_a_dear_memory_loses_its_lift_where_a_task_is_worth_little(found):
    cheap, dear = named(found, "net_utility_1")[0], named(found, "net_utility_100")[0]
    lift = found.headlines()[0].estimate
    assert cheap.estimate == pytest.approx(lift - 0.2)
    assert dear.estimate == pytest.approx(lift - 0.002)


def test_without_costs_there_is_no_net_lift(plant):
    free = analyse(
        [plant(outcomes_of(TASKS, 3, lift=0.3), change=lambda r: replace(r, usage=Usage()))]
    )
    assert not [item for item in free.secondary if item.name.startswith("net_utility")]


def test_where_every_file_is_seen_there_are_no_parts(plant):
    same = analyse([plant(outcomes_of(TASKS, 3, lift=0.3))])
    assert named(same, "lift_new_files") == []


def test_two_seeds_tell_no_reliability(plant):
    few = analyse([plant(outcomes_of(TASKS, 2, lift=0.3))])
    assert named(few, "reliability") == []
    assert np.isfinite(named(few, "lost")[0].estimate)


def recalling(made):
    """Tasks from 10 on recall the task before them, which fixed another file."""
    recalled = (f"task-{made.position - 1}",) if made.position >= 10 else ()
    return replace(changed(made), recalled_from=recalled if made.arm == "sequential" else ())


def test_what_carries_over_is_the_lift_on_tasks_that_recall_other_files_alone(plant):
    found = analyse([plant(outcomes_of(TASKS, 3, lift=0.3), change=recalling)])
    (lift,) = named(found, "lift_other_modules")
    values = {arm.arm: arm.outcomes["resolved"].values for arm in found.arms}
    paired = values["sequential"].mean(axis=1) - values["iid"].mean(axis=1)
    assert lift.estimate == pytest.approx(paired[10:].mean())
    assert "(10 of 20 tasks)" in lift.meaning


def test_nothing_carries_over_where_nothing_is_recalled(found):
    assert named(found, "lift_other_modules") == []


def sure(made):
    """An agent that is .9 sure of everything, and says so in all but one rollout."""
    return replace(changed(made), confidence=None if made.position == 3 else 0.9)


def test_stated_confidence_is_held_against_what_was_resolved(plant):
    found = analyse([plant(outcomes_of(TASKS, 3, lift=0.3), change=sure)])
    resolved = {a.arm: np.delete(a.outcomes["resolved"].values, 3, axis=0) for a in found.arms}
    for name, value in (
        ("brier", lambda y: (0.9 - y) ** 2),
        ("overconfidence", lambda y: 0.9 - y),
        ("resolved_when_sure", lambda y: y),
    ):
        for item in named(found, name):
            assert item.estimate == pytest.approx(value(resolved[item.contrast]).mean())
            assert item.low < item.estimate < item.high
        assert [item.contrast for item in named(found, name)] == ["sequential", "iid"]


def test_an_agent_that_states_no_confidence_has_no_score(found):
    assert named(found, "brier") == []
