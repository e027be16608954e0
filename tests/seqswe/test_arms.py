"""Arms: which tasks, in what order, and what a memory may know at each."""

import pytest

from seqswe.arms import ARMS, Frozen, arm_of, cells_of, check_arms, is_diagnostic, is_probe
from seqswe.errors import UsageError
from seqswe.experiment import Experiment, make_plan


def only(name, length=8, seed=0):
    (cell,) = cells_of(name, seed, length)
    return cell


def test_every_arm_is_explained():
    assert all(len(arm.meaning) > 20 for arm in ARMS.values())


@pytest.mark.parametrize("name", ["iid", "sequential", "nomem"])
def test_the_arms_of_the_headline_run_everything_in_order(name):
    cell = only(name)
    assert list(cell.order) == list(range(8))
    assert not is_probe(name)
    assert not is_diagnostic(name)


def test_a_memory_knows_what_its_arm_lets_it():
    assert list(only("iid").taught(3)) == list(only("nomem").taught(3)) == []
    assert list(only("sequential").taught(3)) == [0, 1, 2]
    assert list(only("frozen-2").taught(5)) == [0, 1]
    assert list(only("replay").taught(3)) == list(range(8))
    assert set(only("replay-without-own").taught(3)) == set(range(8)) - {3}
    assert list(only("reversed").taught(5)) == [7, 6]


def test_frozen_stands_for_four_doses_on_the_tasks_that_follow():
    cells = list(cells_of("frozen", 0, 100))
    assert [cell.arm for cell in cells] == ["frozen-0", "frozen-25", "frozen-50", "frozen-75"]
    assert [(cell.order[0], len(cell.order)) for cell in cells] == [
        (0, 100), (25, 75), (50, 50), (75, 25),
    ]  # fmt: skip
    assert [cell.arm for cell in cells_of("frozen", 0, 2)] == ["frozen-0", "frozen-1"]


def test_windows_are_of_equal_size_end_to_end_and_run_on_the_last_quarter():
    cells = list(cells_of("window", 0, 103))
    assert [cell.arm for cell in cells] == ["window-27", "window-52", "window-77"]
    assert [cell.memory.lessons for cell in cells] == [range(2, 27), range(27, 52), range(52, 77)]
    assert {cell.order for cell in cells} == {range(77, 103)}
    assert only("window-30", 103).taught(80) == range(5, 30)
    for name in ("window-24", "window-78"):
        with pytest.raises(UsageError, match="does not fit a sequence of 103 tasks"):
            only(name, 103)


def test_a_replay_is_of_early_tasks_with_the_final_memory():
    assert list(only("replay", 7).order) == [0, 1, 2, 3]
    assert list(only("replay-without-own-2").order) == [0, 1]
    assert only("replay-without-own-2").memory == Frozen(lessons=range(8), without_own=True)


def test_an_order_drawn_by_lot_is_the_same_every_time_and_another_for_each_seed():
    orders = [only("shuffled", 30, seed).order for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(30))
    cell = only("shuffled", 30)
    assert cell.taught(cell.order[4]) == cell.order[:4]
    assert cell.next_position(cell.order[4]) == cell.order[5]
    assert cell.next_position(cell.order[-1]) is None


@pytest.mark.parametrize("name", ["replay", "replay-3", "replay-without-own", "shuffled"])
def test_an_arm_that_may_know_the_future_is_diagnostic(name):
    assert is_diagnostic(name)
    assert is_probe(name)
    assert arm_of(name).diagnostic


def test_frozen_is_beside_the_headline_but_not_diagnostic():
    assert is_probe("frozen-3")
    assert not is_diagnostic("frozen-3")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("frozen-8", "frozen-8' does not fit a sequence of 8 tasks"),
        ("replay-0", "replay-0' does not fit a sequence of 8 tasks"),
        ("replay-9", "replay-9' does not fit a sequence of 8 tasks"),
        ("iid-3", "unknown arm 'iid-3'"),
        ("frozen-x", "unknown arm 'frozen-x'"),
    ],
)
def test_wrong_numbers_are_said(name, said):
    with pytest.raises(UsageError, match=said) as caught:
        only(name)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["frozen", "frozen-3", "replay", "replay-without-own-2"])
def test_snapshots_need_the_arm_that_makes_them(name):
    with pytest.raises(UsageError, match="snapshots of the sequential arm") as caught:
        check_arms(("iid", name))
    assert caught.value.hint == "Add --arm sequential."
    check_arms(("iid", "sequential", name))


def test_a_plan_counts_the_tasks_of_each_arm_and_names_a_cell_once():
    given = Experiment(arm=("iid", "sequential", "frozen", "frozen-2", "replay-1"), seeds=2)
    plan = make_plan(given, tuple("abcd"))
    doses = ["frozen-0", "frozen-1", "frozen-2", "frozen-3"]
    assert [cell.arm for cell in plan.cells[:7]] == ["iid", "sequential", *doses, "replay-1"]
    assert plan.rollouts == 2 * (4 + 4 + 4 + 3 + 2 + 1 + 1)
