"""A machine, without a cluster: what it is ordered it does as the driver itself would have."""

from dataclasses import replace

import pytest

from harness.engines.machine import Machine
from harness.engines.parcels import Held, Job
from seqswe.errors import LeakError
from seqswe.experiment import make_plan
from seqswe.runs.snapshots import EMPTY, Snapshots
from tests.harness.conftest import PLUGINS

NOTHING = (0.0, 0, 0)


@pytest.fixture
def machine():
    machines = []

    def make(store, **changes):
        machine = Machine()
        machines.append(machine)
        info = replace(store.info, **changes)
        return machine, machine.prepare(Job(info=info, machines=1, folder="."))

    yield make
    for each in machines:
        each.stop()


def cells(store):
    plan = make_plan(store.info.experiment, store.info.instance_ids)
    return {cell.arm: cell for cell in plan.cells}


def test_a_chain_moves_to_another_machine_by_its_snapshot(run, machine):
    plain = run("--agent", "gold", "--memory", "episodic", limit=3).store
    done = {(r.arm, r.seed, r.position): r for r in plain.journal().rollouts}
    cell, (other, ready) = cells(plain)["sequential"], machine(plain)
    assert ready.error is None
    last = done["sequential", 0, 2]
    held = Held()
    order = held.order(plain, done, cell, 2, last.memory_before, NOTHING)
    assert set(order.states) == {last.memory_before}
    assert [each.rollout.position for each in order.earlier] == [0, 1]
    outcome = other.run(order)
    assert outcome.rollout.result() == last.result()
    assert outcome.links.keys() == {last.memory_after}
    assert outcome.files["patch.diff"]
    beside = held.order(plain, done, cell, 2, last.memory_before, NOTHING)
    assert beside == order  # it may arrive before this one
    held.note(order, outcome)
    again = held.order(plain, done, cell, 2, last.memory_before, NOTHING)
    assert (again.states, again.earlier) == ({}, ())  # nothing travels twice


def test_what_a_machine_learned_is_the_drivers_own_snapshot(run, machine, tmp_path):
    plain = run("--agent", "gold", "--memory", "episodic", limit=1).store
    (done,) = plain.journal().rollouts
    other, _ = machine(plain)
    cell = cells(plain)["sequential"]
    outcome = other.run(Held().order(plain, {}, cell, 0, EMPTY, NOTHING))
    copy = Snapshots(tmp_path / "copy")
    for digest, link in outcome.links.items():
        copy.add(digest, link)
    assert copy.files(done.memory_after) == plain.snapshots.files(done.memory_after)


def test_a_machine_of_another_version_takes_no_part(run, machine):
    store = run("--agent", "noop", "--memory", "none", limit=1).store
    for changes in ({"seqswe": "0.0"}, {"sequence_digest": "x"}, {"environments": {}}):
        _, ready = machine(store, **changes)
        assert ready.error is not None
        assert ready.error.hint


def test_a_leak_comes_back_as_itself_with_what_shows_it(run, machine):
    memory = PLUGINS + "Hoarder"
    ended = run("--agent", "noop", "--memory", ":Hoarder", "--feedback", "none", limit=1)
    assert ended.code == 3
    other, _ = machine(ended.store)
    assert ended.store.info.experiment.memory == memory
    cell = cells(ended.store)["sequential"]
    outcome = other.run(Held().order(ended.store, {}, cell, 0, EMPTY, NOTHING))
    assert isinstance(outcome.error, LeakError)
    assert outcome.lost.failure.lost_verdict is False  # kept by the driver: a try is a try
    assert outcome.links  # the snapshot that its text names
    assert any(digest in outcome.error.hint for digest in outcome.links)
