"""Which rollout comes next: lowest position first, a chain one by one, and what ends a run."""

import threading
from itertools import count

import pytest

from harness.loop.schedule import Schedule, run_all
from seqswe.arms import cells_of
from seqswe.runs.rollout import Failure, Rollout
from seqswe.runs.snapshots import EMPTY


def cells(length, *names, seed=0):
    """The cells of some arms over `length` tasks."""
    return tuple(cell for name in names for cell in cells_of(name, seed, length))


def never():
    raise AssertionError("nothing was to be aborted")


def made(cell, position, before, **values):
    values.setdefault("resolved", True)
    return Rollout(
        arm=cell.arm, seed=cell.seed, position=position, instance_id=f"t{position}", key="k",
        memory_before=before,
        memory_after=f"{before}+{position}" if cell.carries_memory else before,
        **values,
    )  # fmt: skip


def failing(cause, *where, times=99):
    """A start that fails `times` times for the rollouts at (arm, position) in `where`."""
    tries = {place: count(1) for place in where}

    def start(cell, position, before):
        place = cell.arm, position
        if place in tries and next(tries[place]) <= times:
            return made(cell, position, before, resolved=None, failure=Failure(cause=cause))
        return made(cell, position, before)

    return start


def ran(schedule, start=made, done=()):
    """The (arm, seed, position, verdict) of what was yielded, and all that was started."""
    started = []

    def noting(cell, position, before):
        started.append((cell.arm, cell.seed, position))
        return start(cell, position, before)

    known = {(r.arm, r.seed, r.position): r for r in done}
    yielded = list(run_all(schedule, known, noting, never))
    return yielded, started


def test_the_lowest_position_goes_first_in_all_cells():
    _, started = ran(Schedule(cells=cells(3, "iid", "sequential")))
    assert [position for _, _, position in started] == [0, 0, 1, 1, 2, 2]


def test_a_chain_hands_its_memory_on():
    yielded, _ = ran(Schedule(cells=cells(3, "sequential")))
    assert [r.memory_before for r in yielded] == [EMPTY, f"{EMPTY}+0", f"{EMPTY}+0+1"]


def test_a_free_cell_always_starts_empty():
    yielded, _ = ran(Schedule(cells=cells(3, "iid")))
    assert {r.memory_before for r in yielded} == {EMPTY}


def test_a_chain_waits_for_its_predecessor_however_many_jobs_there_are():
    running, overlaps = set(), []

    def start(cell, position, before):
        if cell.carries_memory:
            overlaps.append((cell.seed, position)) if cell.seed in running else running.add(
                cell.seed
            )
        rollout = made(cell, position, before)
        running.discard(cell.seed)
        return rollout

    yielded, _ = ran(
        Schedule(cells=(*cells(20, "sequential", "iid"), *cells(20, "sequential", seed=1)), jobs=8),
        start,
    )
    assert overlaps == []
    assert len(yielded) == 60
    for seed in (0, 1):
        chain = [r.position for r in yielded if (r.arm, r.seed) == ("sequential", seed)]
        assert chain == list(range(20))


def test_jobs_run_side_by_side():
    meeting = threading.Barrier(3, timeout=10)

    def start(cell, position, before):
        meeting.wait()  # raises unless three are here at once
        return made(cell, position, before)

    assert len(ran(Schedule(cells=cells(6, "iid"), jobs=3), start)[0]) == 6


def test_a_chain_stops_at_a_rollout_without_a_verdict_and_others_go_on():
    start = failing("harness_failed", ("sequential", 1))
    yielded, _ = ran(Schedule(cells=cells(4, "sequential", "iid"), retries=5), start)
    chain = [(r.position, r.graded) for r in yielded if r.arm == "sequential"]
    assert chain == [(0, True), (1, False)]
    assert sum(r.arm == "iid" for r in yielded) == 4


def test_a_failure_of_a_free_cell_blocks_nothing():
    yielded, _ = ran(Schedule(cells=cells(4, "iid")), failing("harness_failed", ("iid", 1)))
    assert [r.graded for r in sorted(yielded, key=lambda r: r.position)] == [
        True, False, True, True,
    ]  # fmt: skip


def test_a_crash_of_the_agent_has_a_verdict_and_blocks_nothing():
    def start(cell, position, before):
        return made(cell, position, before, resolved=False, failure=Failure(cause="agent_crashed"))

    assert len(ran(Schedule(cells=cells(3, "sequential")), start)[0]) == 3


@pytest.mark.parametrize(("retries", "starts"), [(0, 1), (2, 3)])
def test_a_passing_failure_is_tried_again_and_said_once(retries, starts):
    start = failing("provider_failed", ("sequential", 0))
    yielded, started = ran(Schedule(cells=cells(2, "sequential"), retries=retries), start)
    assert [r.graded for r in yielded] == [False]
    assert started == [("sequential", 0, 0)] * starts


def test_a_retry_that_succeeds_tells_of_the_tries_before_it():
    start = failing("sandbox_failed", ("sequential", 1), times=2)
    yielded, _ = ran(Schedule(cells=cells(3, "sequential"), retries=2), start)
    assert [(r.position, r.graded) for r in yielded] == [(0, True), (1, True), (2, True)]
    assert [r.tries for r in yielded] == [1, 3, 1]


def test_tries_of_an_earlier_process_count():
    old = {"sandbox_failed": 3}
    failed = Failure(cause="memory_failed", lost_verdict=True)
    (cell,) = cells(1, "iid")
    before = made(cell, 0, EMPTY, resolved=None, failure=failed, earlier_tries=old)
    yielded, _ = ran(Schedule(cells=(cell,)), done=[before])
    told = {**old, "memory_failed, after it was resolved": 1}
    assert [r.earlier_tries for r in yielded] == [told]


def test_a_rollout_whose_verdict_was_known_is_not_tried_again():
    def start(cell, position, before):
        failure = Failure(cause="memory_failed", lost_verdict=False)
        return made(cell, position, before, resolved=None, failure=failure)

    _, started = ran(Schedule(cells=cells(1, "sequential"), retries=9), start)
    assert len(started) == 1


@pytest.mark.parametrize("cause", ["harness_failed"])
def test_a_lasting_failure_is_not_tried_again(cause):
    _, started = ran(
        Schedule(cells=cells(2, "sequential"), retries=9), failing(cause, ("sequential", 0))
    )
    assert len(started) == 1


def test_what_is_done_is_not_done_again():
    done, _ = ran(Schedule(cells=cells(2, "sequential", "iid")))
    yielded, started = ran(Schedule(cells=cells(4, "sequential", "iid")), done=done)
    assert sorted(started) == [
        ("iid", 0, 2),
        ("iid", 0, 3),
        ("sequential", 0, 2),
        ("sequential", 0, 3),
    ]
    first = min((r for r in yielded if r.arm == "sequential"), key=lambda r: r.position)
    assert first.memory_before == f"{EMPTY}+0+1"


def test_a_gap_is_filled_before_its_chain_goes_on():
    done, _ = ran(
        Schedule(cells=cells(2, "sequential")), failing("provider_failed", ("sequential", 1))
    )
    assert [r.graded for r in done] == [True, False]
    _, started = ran(Schedule(cells=cells(3, "sequential")), done=done)
    assert started == [("sequential", 0, 1), ("sequential", 0, 2)]


def test_everything_done_starts_nothing():
    done, _ = ran(Schedule(cells=cells(2, "sequential", "iid")))
    assert ran(Schedule(cells=cells(2, "sequential", "iid")), done=done) == ([], [])


def test_an_error_for_people_aborts_what_runs_and_comes_out():
    stopped = threading.Event()

    def start(cell, position, before):
        if position == 0:
            raise RuntimeError("a leak")
        stopped.wait(10)
        return made(cell, position, before)

    with pytest.raises(RuntimeError, match="a leak"):
        list(run_all(Schedule(cells=cells(9, "iid"), jobs=2), {}, start, stopped.set))
    assert stopped.is_set()


def test_a_reader_that_leaves_early_aborts_what_runs():
    stopped = threading.Event()

    def start(cell, position, before):
        if position:
            stopped.wait(10)
        return made(cell, position, before)

    rollouts = run_all(Schedule(cells=cells(9, "iid"), jobs=2), {}, start, stopped.set)
    next(rollouts)
    rollouts.close()
    assert stopped.is_set()


def befores(rollouts, arm):
    return {r.memory_before for r in rollouts if r.arm == arm}


def test_a_frozen_arm_waits_for_its_snapshot_and_then_runs_beside_the_chain():
    both = cells(4, "sequential", "frozen-2")
    yielded, started = ran(Schedule(cells=both))
    order = [(arm, position) for arm, _, position in started]
    assert order == [
        ("sequential", 0), ("sequential", 1), ("sequential", 2), ("frozen-2", 2),
        ("sequential", 3), ("frozen-2", 3),
    ]  # fmt: skip
    assert befores(yielded, "frozen-2") == {f"{EMPTY}+0+1"}


def test_a_replay_waits_for_the_end_of_its_own_seed():
    both = (*cells(3, "sequential", "replay"), *cells(3, "sequential", "replay", seed=1))
    yielded, _ = ran(Schedule(cells=both), failing("harness_failed"))
    assert befores(yielded, "replay") == {f"{EMPTY}+0+1+2"}
    assert sum(r.arm == "replay" for r in yielded) == 4


def test_no_snapshot_no_frozen_arm():
    start = failing("harness_failed", ("sequential", 1))
    yielded, _ = ran(Schedule(cells=cells(4, "sequential", "frozen-2", "frozen-1")), start)
    assert {r.arm for r in yielded} == {"sequential", "frozen-1"}


def test_a_frozen_arm_is_resumed_where_it_stopped():
    both = cells(4, "sequential", "frozen-2")
    yielded, _ = ran(Schedule(cells=both))
    for done in range(len(yielded)):
        again, started = ran(Schedule(cells=both), done=yielded[:done])
        assert len(started) == len(yielded) - done
        assert befores(again, "frozen-2") <= {f"{EMPTY}+0+1"}


def test_a_chain_in_another_order_hands_its_memory_on_in_that_order():
    yielded, _ = ran(Schedule(cells=cells(3, "reversed")))
    assert [(r.position, r.memory_before) for r in yielded] == [
        (2, EMPTY), (1, f"{EMPTY}+2"), (0, f"{EMPTY}+2+1"),
    ]  # fmt: skip
