"""Memories of a run: at any snapshot as they were there, kept along a chain, never shared."""

import json

import pytest

from harness.memory.memories import Memories
from seqswe.arms import Cell
from seqswe.runs.snapshots import EMPTY, Snapshots
from seqswe.testing import experiences
from tests.harness.plugins_of_tests import Told

ORDER = range(4)
CHAIN = Cell(arm="sequential", seed=0, order=ORDER, memory="carry")
OTHER = Cell(arm="sequential", seed=1, order=ORDER, memory="carry")
FREE = Cell(arm="iid", seed=0, order=ORDER)
TOLD = list(experiences(4))


@pytest.fixture
def memories(tmp_path):
    built = []

    def build(cell):
        built.append(Told(tmp_path))
        return built[-1]

    found = Memories(build, Snapshots(tmp_path / "snapshots"), tmp_path, lambda *_: None)
    found.built = built
    return found


def learn(memories, cell, told, before):
    return memories.learn(cell, memories.at(cell, before), told, before)


def ids(memory):
    return [seen["id"] for seen in memory.seen]


def test_a_chain_learns_and_is_built_once(memories):
    before = EMPTY
    for told in TOLD:
        before, size = learn(memories, CHAIN, told, before)
        assert size > 0
    assert ids(memories.at(CHAIN, before)) == [t.task.instance_id for t in TOLD]
    assert len(memories.built) == 1


def test_any_earlier_snapshot_can_be_had_again(memories):
    first, _ = learn(memories, CHAIN, TOLD[0], EMPTY)
    second, _ = learn(memories, CHAIN, TOLD[1], first)
    assert ids(memories.at(CHAIN, first)) == [TOLD[0].task.instance_id]
    assert ids(memories.at(CHAIN, second)) == [t.task.instance_id for t in TOLD[:2]]
    assert ids(memories.at(CHAIN, EMPTY)) == []


def test_a_memory_that_was_taken_and_not_taught_is_not_handed_out_again(memories):
    first, _ = learn(memories, CHAIN, TOLD[0], EMPTY)
    memories.at(CHAIN, first).seen.append({"id": "half a rollout"})
    assert ids(memories.at(CHAIN, first)) == [TOLD[0].task.instance_id]


def test_cells_share_nothing(memories):
    first, _ = learn(memories, CHAIN, TOLD[0], EMPTY)
    assert ids(memories.at(OTHER, EMPTY)) == []
    assert ids(memories.at(OTHER, first)) == [TOLD[0].task.instance_id]
    assert len({id(memory) for memory in memories.built}) == len(memories.built)


def test_a_cell_that_carries_nothing_over_is_not_told(memories):
    memory = memories.at(FREE, EMPTY)
    assert memories.learn(FREE, memory, TOLD[0], EMPTY) == (EMPTY, 0)
    assert memory.seen == []
    assert memories.at(FREE, EMPTY) is not memory


def test_equal_histories_have_equal_snapshots(memories):
    assert learn(memories, CHAIN, TOLD[0], EMPTY) == learn(memories, OTHER, TOLD[0], EMPTY)


def test_the_size_is_that_of_the_saved_state(memories):
    after, size = learn(memories, CHAIN, TOLD[0], EMPTY)
    assert size == len(json.dumps(memories.at(CHAIN, after).seen))
