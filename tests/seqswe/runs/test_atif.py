"""Trajectories are ATIF: what we write passes the check, and what is none does not."""

import copy
from datetime import UTC, datetime

import pytest

from seqswe.agent import Attempt, Usage
from seqswe.errors import ManifestError
from seqswe.instance import Task
from seqswe.memory import Recall, Recalled
from seqswe.runs.atif import check, parse_steps
from seqswe.runs.trajectory import commands_of, trajectory
from seqswe.sandbox import Completed

TASK = Task(
    instance_id="x-1",
    repo="owner/name",
    base_commit="0" * 40,
    created_at=datetime(2024, 1, 1, tzinfo=UTC),
    problem_statement="It fails.",
    position=4,
)
RECALL = Recall(items=(Recalled(text="Earlier", score=1.0, origins=("i0",)),))
ABOUT = {"agent": "own", "session": "iid-0", "extra": {"memory_before": "sha256:0"}}
COMMANDS = [
    ("ls", Completed(exit_code=0, stdout=b"a.py")),
    ("false", Completed(exit_code=1, stdout=b"")),
]
OWN = (
    {
        "step_id": 1,
        "source": "agent",
        "message": "I look.",
        "model_name": "m",
        "tool_calls": [
            {"tool_call_id": "c1", "function_name": "bash", "arguments": {"command": "ls"}},
            {"tool_call_id": "c2", "function_name": "edit", "arguments": {"path": "a", "to": "b"}},
        ],
        "observation": {
            "results": [
                {"source_call_id": "c1", "content": "a.py"},
                {"source_call_id": "c2", "content": "no", "extra": {"is_error": True}},
            ]
        },
        "metrics": {"prompt_tokens": 9, "completion_tokens": 5},
    },
)


def document(attempt, steps=()):
    # As it is read back: tuples are lists then.
    return trajectory(TASK, RECALL, attempt, steps, ABOUT)


@pytest.mark.parametrize(
    ("attempt", "steps"),
    [
        pytest.param(Attempt(), (), id="nothing done"),
        pytest.param(Attempt(message="done", usage=Usage(steps=2)), COMMANDS, id="commands"),
        pytest.param(Attempt(steps=OWN, own_usage={"input": 9}, agent_version="1"), (), id="own"),
    ],
)
def test_what_we_write_is_atif_and_says_where_in_the_stream_it_is(attempt, steps):
    made = document(attempt, steps)
    check(made)
    assert made["extra"]["seqswe"]["task"]["position"] == 4
    assert made["steps"][0]["extra"]["recalled"][0]["origins"] == ("i0",)


def test_an_agents_own_steps_come_in_place_of_its_commands():
    made = document(Attempt(steps=OWN, own_usage={"input": 9}, agent_version="1.2"), COMMANDS)
    assert [step["message"] for step in made["steps"]] == ["It fails.", "I look."]
    assert made["agent"] == {"name": "own", "version": "1.2"}
    assert made["final_metrics"]["extra"]["own_usage"] == {"input": 9}


def test_its_calls_are_what_a_memory_is_told():
    (first, listed), (second, failed) = commands_of(OWN)
    assert (first, listed.stdout, listed.exit_code) == ("ls", b"a.py", 0)
    assert (second, failed.stdout, failed.exit_code) == ("edit(path=a, to=b)", b"no", 1)


def _renumber(step):
    step["step_id"] = 2


def _lonely_result(step):
    step["observation"]["results"][0]["source_call_id"] = "c9"


def _extra_field(step):
    step["colour"] = "red"


def _users_call(step):
    step["source"] = "user"


def _other_source(step):
    step["source"] = "robot"


def _negative(step):
    step["metrics"]["prompt_tokens"] = -1


def _no_arguments(step):
    del step["tool_calls"][0]["arguments"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_renumber, "step 2 is the one at 1"),
        (_lonely_result, "answers no call of its own: 'c9'"),
        (_extra_field, "unknown field 'colour'"),
        (_users_call, "what only an agent's has"),
        (_other_source, "'source' must be"),
        (_negative, "'prompt_tokens' must be"),
        (_no_arguments, "'arguments' is missing"),
    ],
)
def test_steps_that_are_none_are_refused(change, said):
    steps = copy.deepcopy(OWN)
    change(steps[0])
    with pytest.raises(ManifestError, match=said):
        parse_steps(steps)


def test_numbers_of_a_model_that_was_not_asked_are_refused():
    made = document(Attempt(steps=OWN))
    made["steps"][1]["llm_call_count"] = 0
    with pytest.raises(ManifestError, match="was not asked"):
        check(made)
