"""Tasks ahead of their chain: kept only where the recall stays what they were begun with."""

import threading
from dataclasses import dataclass

import pytest

from harness.loop.clock import Clock
from harness.loop.speculation import Speculation, as_bytes
from seqswe.agent import Usage
from seqswe.arms import Cell
from seqswe.errors import LeakError, UsageError
from seqswe.experiment import Experiment
from seqswe.memory import Recall, Recalled

CHAIN = Cell(arm="sequential", seed=0, order=range(6), memory="carry")
ALONE = Cell(arm="iid", seed=0, order=range(6))


def recall(*texts, score=1.0):
    return Recall(items=tuple(Recalled(text=text, score=score) for text in texts))


@dataclass(frozen=True)
class Answer:
    """What a task came to, which is what it was told."""

    position: int
    told: str
    usage: Usage = Usage(prompt_tokens=10, cost_usd=0.5)


class Bench:
    """Runs a chain whose memory is `memory(position it is at, position it is asked about)`."""

    def __init__(self, width, memory, fails=None, **given):
        self.runs, self.memory, self.fails = [], memory, fails
        self.stopped = []
        self.all = Speculation(
            width, 4, self.run, lambda cell, at: self.stopped.append(at), **given
        )

    def run(self, cell, position, told, clock):
        self.runs.append(position)
        clock.book("agent", 2.0)
        if self.fails and position == self.fails[0]:
            raise self.fails[1]
        return Answer(position, told.text)

    def work(self, cell=CHAIN):
        thrown = []
        for at in cell.order:
            answer = self.all.attempt(
                cell, at, self.memory(at, at), lambda asked, at=at: self.memory(at, asked), Clock()
            )
            assert answer == Answer(at, self.memory(at, at).text)
            thrown.append(self.all.thrown_away(cell, at))
        self.all.close()
        return [each for each in thrown if each]


def test_what_is_recalled_alike_is_worked_on_once():
    bench = Bench(3, lambda at, asked: recall(f"about {asked}"))
    assert bench.work() == []
    assert sorted(bench.runs) == list(CHAIN.order)


def test_what_is_recalled_otherwise_is_thrown_away_counted_and_priced():
    # Lesson 2 is recalled for task 4, and the memory has it from task 3 on.
    bench = Bench(4, lambda at, asked: recall("2" if asked == 4 and at >= 3 else "nothing"))
    thrown = bench.work()
    assert bench.stopped in ([4], [])  # one that no thread had begun costs nothing
    assert len(bench.runs) == 6 + len(bench.stopped)
    assert sum(each.rollouts for each in thrown) == len(bench.stopped)
    for each in thrown:
        assert (each.seconds, each.tokens, each.cost_usd) == (2.0, 10, 0.5)


def test_every_answer_is_that_of_the_plain_chain_whatever_is_recalled():
    bench = Bench(5, lambda at, asked: recall(str((at * 7 + asked) % 3)))
    bench.work()  # compares each with what the memory says at its own task
    assert len(bench.runs) >= 6


def test_none_is_ahead_of_tasks_that_do_not_depend_on_each_other():
    bench = Bench(4, lambda at, asked: recall("nothing"))
    bench.work(ALONE)
    assert bench.runs == list(ALONE.order)


def test_scores_count_unless_the_agent_ignores_them():
    assert as_bytes(recall("a", score=1.0)) != as_bytes(recall("a", score=2.0))
    one, other = recall("a", score=1.0), recall("a", score=2.0)
    assert as_bytes(one, scores=False) == as_bytes(other, scores=False)
    assert as_bytes(recall("a"), scores=False) != as_bytes(recall("b"), scores=False)


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (1, True), ({"a": 1, "b": 2}, {"b": 2, "a": 1})]
)
def test_recalls_that_python_calls_equal_are_told_apart(one, other):
    first, second = (Recall(items=(Recalled(text="", notes={"n": n}),)) for n in (one, other))
    assert first == second
    assert as_bytes(first) != as_bytes(second)


def test_a_failure_ahead_is_that_of_its_task():
    bench = Bench(3, lambda at, asked: recall("nothing"), fails=(2, ValueError("broken")))
    with pytest.raises(ValueError, match="broken"):
        bench.work()
    bench.all.close()


def test_a_leak_in_what_was_thrown_away_still_ends_the_run():
    begun = threading.Event()

    def memory(at, asked):
        if at == 1:
            begun.wait(10)  # so that task 2 is under way when its recall changes
        return recall(f"{at}" if asked == 2 else "nothing")

    bench = Bench(2, memory, fails=(2, LeakError("the future")))
    run = bench.all._run

    def noting(cell, position, told, clock):
        if position == 2:
            begun.set()
        return run(cell, position, told, clock)

    bench.all._run = noting
    with pytest.raises(LeakError):
        bench.work()
    bench.all.close()


def test_a_run_ahead_has_the_digest_of_the_plain_run(run):
    given = ("--agent", "gold", "--memory", "vectors", "--memory-option", "k=1", "--jobs", "3")
    plain = run(*given, limit=4, into="plain")
    ahead = run(*given, "--speculate", "3", limit=4, into="ahead")
    assert ahead.code == plain.code == 0
    journals = [each.store.journal() for each in (plain, ahead)]
    assert journals[0].results_digest() == journals[1].results_digest()
    assert all(r.thrown_away is None for r in journals[0].rollouts)


def test_a_recall_that_fails_ahead_fails_at_its_own_task_alone(run):
    given = ("--agent", "noop", "--memory", ":Quitting", "--retries", "0", "--speculate", "2")
    ended = run(*given, limit=3)
    assert ended.causes("sequential") == ["", "memory_failed"]
    assert ended.verdicts("sequential") == [False, None]


def test_a_memory_that_changes_when_it_recalls_is_refused(run):
    ended = run("--agent", "noop", "--memory", ":CountsRecalls", "--speculate", "2", limit=3)
    assert ended.code == 2
    assert "changes when it recalls" in ended.err


@pytest.mark.parametrize(
    "given",
    [("--delivery", "file"), ("--memory", "native"), ("--code-policy", "carry"), ("--replay", "x")],
)
def test_only_what_is_handed_over_in_the_prompt_can_be_compared(given):
    name, value = given
    with pytest.raises(UsageError, match="cannot be worked on ahead"):
        Experiment(speculate=2, **{name[2:].replace("-", "_"): value})
