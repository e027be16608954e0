"""A trajectory is ATIF whatever the agent did, and the sandbox it used keeps to the budget."""

import json

import pytest

from seqswe.agent import Attempt, Usage
from seqswe.errors import RolloutError
from seqswe.memory import Recall, Recalled
from seqswe.runs.store import dump
from seqswe.runs.trajectory import LEFT_OUT, SHOWN, Recording, compact, trajectory
from seqswe.sandbox import Completed, Limits
from seqswe.testing import experiences

TASK = experiences(1).task(0)
RECALL = Recall(items=(Recalled(text="look there", score=0.5, origins=("a",)),))
STEPS = [
    ("ls", Completed(exit_code=0, stdout=b"a.py\n")),
    ("x" * 9000, Completed(exit_code=124, stdout=b"\xff" * 9000, stderr=b"e", timed_out=True)),
    ("", Completed(exit_code=1, stdout=b"")),
]
ABOUT = {"session": "iid-0", "agent": "noop", "extra": {"memory_before": "m"}}


class Slow:
    """A sandbox in which each command takes a second, or as long as it may."""

    root = "/testbed"

    def __init__(self):
        self.timeouts = []

    def run(self, command, *, timeout=None, env=None, stdin=None):
        self.timeouts.append(timeout)
        return Completed(exit_code=0, stdout=b"", seconds=min(1.0, timeout))


def made(steps=STEPS, attempt=None):
    attempt = attempt or Attempt(message="done", usage=Usage(prompt_tokens=5, cost_usd=0.1))
    return json.loads(dump(trajectory(TASK, RECALL, attempt, steps, ABOUT)))


@pytest.mark.parametrize("steps", [[], STEPS[:1], STEPS])
def test_steps_are_numbered_from_one_and_have_a_source(steps):
    found = made(steps)["steps"]
    assert [s["step_id"] for s in found] == list(range(1, len(steps) + 3))
    assert [s["source"] for s in found] == ["user"] + ["agent"] * (len(steps) + 1)
    assert all(isinstance(s["message"], str) for s in found)


def test_every_observation_answers_a_call_of_its_own_step():
    called = []
    for step in made()["steps"][1:-1]:
        calls = [call["tool_call_id"] for call in step["tool_calls"]]
        assert [r["source_call_id"] for r in step["observation"]["results"]] == calls
        assert all(call["function_name"] == "bash" for call in step["tool_calls"])
        called += calls
    assert len(set(called)) == len(called) == len(STEPS)


def test_the_head_says_what_atif_asks_for():
    found = made()
    assert found["schema_version"] == "ATIF-v1.7"
    assert found["session_id"] == "iid-0"
    assert found["agent"]["name"] == "noop"
    assert found["agent"]["version"]
    metrics = found["final_metrics"]
    assert metrics["total_steps"] == len(found["steps"])
    assert (metrics["total_prompt_tokens"], metrics["total_cost_usd"]) == (5, 0.1)


def test_an_unknown_cost_is_null():
    assert made(attempt=Attempt())["final_metrics"]["total_cost_usd"] is None


def test_the_first_step_holds_the_issue_and_what_was_recalled():
    first = made()["steps"][0]
    assert first["message"] == TASK.problem_statement
    assert first["extra"]["recalled"][0]["text"] == "look there"


def test_long_commands_and_outputs_are_cut():
    step = made()["steps"][2]
    assert len(step["tool_calls"][0]["arguments"]["command"]) == SHOWN
    assert len(step["observation"]["results"][0]["content"]) == SHOWN
    assert step["observation"]["results"][0]["extra"] == {"exit_code": 124, "timed_out": True}


def test_how_long_a_command_took_is_not_in_it():
    quick = [("ls", Completed(exit_code=0, stdout=b"", seconds=0.1))]
    slow = [("ls", Completed(exit_code=0, stdout=b"", seconds=9.0))]
    assert made(quick) == made(slow)


def test_a_recording_notes_commands_in_order():
    box = Recording(Slow(), Limits())
    box.run(["git", "log"])
    box.run("ls | head")
    assert [command for command, _ in box.steps] == ["git log", "ls | head"]


def test_commands_share_the_seconds_of_the_task():
    slow = Slow()
    box = Recording(slow, Limits(task_seconds=2.5, command_seconds=2.0))
    box.run("a", timeout=30)
    box.run("b")
    box.run("c")
    with pytest.raises(RolloutError, match=r"its 2\.5 s are used up") as caught:
        box.run("d")
    assert caught.value.cause == "agent_out_of_budget"
    assert slow.timeouts == [2.5, 1.5, 0.5]
    assert len(box.steps) == 3


def done(out=b"", code=0, **more):
    return Completed(exit_code=code, stdout=out, **more)


def test_compact_tells_commands_from_output():
    steps = [
        ("ls\npwd", done(b"$ a\nb\n")),
        ("make", done(b"x", 2)),
        ("sleep 9", done(timed_out=True)),
    ]
    assert compact(steps) == (
        "$ ls\n> pwd\n  $ a\n  b\n$ make\n  x\n  [exit 2]\n$ sleep 9\n  [timed out]\n"
    )
    assert compact([]) == ""


def test_compact_keeps_both_ends_of_a_long_trajectory():
    steps = [(f"step {number}", done(b"y" * 5000)) for number in range(100)]
    text = compact(steps, 8000)
    assert len(text) <= 8000
    assert text.startswith("$ step 0\n  yyy")
    assert "\n$ step 99\n" in text
    assert "steps left out" in text
    assert "$ step 50\n" not in text
    assert compact(steps[:1], 40) == LEFT_OUT
    assert len(compact(steps[:1], 9)) == 9


def test_a_read_aside_takes_time_and_is_no_step():
    recording = Recording(Slow(), Limits(task_seconds=1.0))
    recording.aside("git cat-file --batch")
    assert recording.steps == []
    with pytest.raises(RolloutError, match="used up"):
        recording.run("true")
