"""Which machine takes the next rollout: chains stay at home, the rest goes where there is room."""

from contextlib import ExitStack

import pytest

from harness.engines import ray_engine
from harness.engines.ray_engine import Fleet, RemoteMachine, _nodes
from seqswe.arms import Cell
from seqswe.errors import MissingError

FREE = Cell(arm="iid", seed=0, order=range(9))
CHAINS = [Cell(arm="sequential", seed=seed, order=range(9), memory="carry") for seed in range(3)]


@pytest.fixture
def fleet():
    return Fleet(RemoteMachine(name=name, slots=2, actor=None) for name in "abc")


def names(fleet, cells):
    """Where rollouts go that run at the same time."""
    with ExitStack() as stack:
        return [stack.enter_context(fleet.slot(cell, 0)).name for cell in cells]


def test_chains_spread_over_the_machines_and_stay(fleet):
    homes = names(fleet, CHAINS)
    assert sorted(homes) == ["a", "b", "c"]
    assert names(fleet, CHAINS[::-1]) == homes[::-1]


def test_what_is_free_leaves_room_for_the_chains_of_a_machine(fleet):
    homes = names(fleet, CHAINS)
    assert sorted(names(fleet, [FREE] * 3)) == ["a", "b", "c"]
    assert names(fleet, [*[FREE] * 3, *CHAINS])[3:] == homes


def test_a_chains_slot_is_kept_for_it_between_two_tasks_and_given_up_after_the_last(fleet):
    """Each machine has a free rollout in hand and a chain that pauses: the next free one waits."""
    with ExitStack() as stack:
        for chain in CHAINS:
            stack.enter_context(fleet.slot(FREE, 0))
            with fleet.slot(chain, 0):
                pass
        assert fleet._choose(("iid", 0), chain=False) is None
        with fleet.slot(CHAINS[0], 8) as home:
            pass
        assert fleet._choose(("iid", 0), chain=False) is home


def test_a_slot_is_not_kept_for_ever(fleet, monkeypatch):
    """A chain whose memory failed never comes back for it."""
    monkeypatch.setattr(ray_engine, "KEPT_SECONDS", 0.0)
    names(fleet, CHAINS)
    assert sorted(names(fleet, [FREE] * 6)) == ["a", "a", "b", "b", "c", "c"]


def test_a_lost_machine_is_used_no_more_and_its_chain_gets_another_home(fleet):
    with fleet.slot(CHAINS[0], 0) as home:
        pass
    assert fleet.leave_out(home)
    assert not fleet.leave_out(home)  # two threads may see it
    assert home.name not in names(fleet, [FREE] * 4)
    with fleet.slot(CHAINS[0], 0) as other:
        assert other is not home
    assert fleet.slots == 4


def test_without_a_machine_the_run_ends_and_can_be_resumed(fleet):
    for machine in list(fleet.machines):
        fleet.leave_out(machine)
    with pytest.raises(MissingError) as ended, fleet.slot(FREE, 0):
        pass
    assert "seqswe resume" in ended.value.hint


def test_a_machine_is_told_what_the_others_have_spent(fleet):
    a, b, c = fleet.machines
    a.spent, b.spent, c.spent = (1.0, 10, 1), (2.0, 20, 2), (4.0, 40, 3)
    assert fleet.spent_beside(b) == (5.0, 50, 4)
    for machine in (b, c):
        fleet.leave_out(machine)
    assert fleet.spent_beside(a) == (6.0, 60, 5)  # what is lost was paid


def node(name, alive=True, **resources):
    return {
        "NodeID": name * 8,
        "NodeManagerHostname": name,
        "Alive": alive,
        "Resources": {"CPU": 2.0, **resources},
    }


def test_where_machines_declare_slots_no_other_is_used_and_no_more_than_these():
    nodes = [node("a", rollouts=8.0), node("b", rollouts=2.0), node("c"), node("d", alive=False)]
    assert [(n[1][0], n[2], n[3]) for n in _nodes(nodes, 4)] == [("a", 4, True), ("b", 2, True)]
    assert [(n[1][0], n[2], n[3]) for n in _nodes(nodes[2:], 4)] == [("c", 4, False)]
