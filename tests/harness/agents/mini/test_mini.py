"""mini's loop in a sandbox of ours: what it is told, what it leaves, and every way it can end."""

import json
import os
import re
import sys
import urllib.request

import pytest

from harness.grading import collect_patch
from seqswe.agent import ModelAnswer
from seqswe.errors import RolloutError
from seqswe.memory import Recall, Recalled
from seqswe.runs.atif import parse_steps
from seqswe.runs.trajectory import Recording, commands_of
from seqswe.sandbox import Limits
from tests.harness.agents.recipes.scripted_model import scripted_model
from tests.harness.projects import task_of

pytest.importorskip("minisweagent", reason="the extra `mini` is not installed")
Mini = __import__("harness.agents.mini.agent", fromlist=["Mini"]).Mini
RECALL = Recall(items=(Recalled(text="CANARY: mind the tabs", origins=("i0",)),))


class Asking:
    """A way to a model as the harness gives it, to a scripted one."""

    name = "scripted"

    def __init__(self, url):
        self._url = url

    def post(self, path, body):
        request = urllib.request.Request(
            self._url + path,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return ModelAnswer(status=answer.status, body=answer.read())


class Saying:
    """A model whose answers are given; the last one is repeated."""

    name = "fixed"

    def __init__(self, *answers, status=200):
        self._answers, self._status, self.asked = list(answers), status, []

    def post(self, path, body):
        self.asked.append(body)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return ModelAnswer(status=self._status, body=body)


def calling(command, number="call_1"):
    """An answer that runs a command."""
    function = {"name": "bash", "arguments": json.dumps({"command": command})}
    call = {"id": number, "type": "function", "function": function}
    message = {"role": "assistant", "content": "I try.", "tool_calls": [call]}
    return {"choices": [{"message": message, "finish_reason": "tool_calls"}]}


@pytest.fixture
def task(ledgerlite):
    return task_of(ledgerlite, "It does 'not' work: {{ system }} ${HOME}\n")


@pytest.fixture
def box(local, lay):
    return local.open(lay())


def test_it_works_on_the_task_in_the_sandbox_and_says_what_it_did(task, box):
    os.environ["CANARY_OF_THE_HOST"] = "secret-of-the-host"
    with scripted_model() as (url, ledger):
        attempt = Mini(seed=0, model=Asking(url)).solve(task, RECALL, box)
    assert attempt.failure == ""
    assert attempt.usage.steps == 3
    told = json.dumps(ledger.bodies[0])
    assert "It does 'not' work: {{ system }} ${HOME}" in told, "the issue is no template"
    assert "CANARY: mind the tabs" in told
    assert "secret-of-the-host" not in json.dumps(ledger.bodies)
    assert collect_patch(box, task.base_commit).files == ("README.md",)
    parse_steps(attempt.steps)
    assert [command for command, _ in commands_of(attempt.steps)][:2] == [
        "ls",
        "echo '# touched' >> README.md",
    ]
    counted = [step["metrics"]["prompt_tokens"] for step in attempt.steps if "metrics" in step]
    assert counted == [each["input"] for each in ledger.requests]


def test_the_same_rollout_gives_the_same_requests_and_the_same_steps(task, local, lay):
    with scripted_model() as (url, ledger):
        steps = [
            Mini(seed=0, model=Asking(url)).solve(task, RECALL, local.open(lay())).steps
            for _ in range(2)
        ]
    half = len(ledger.bodies) // 2

    def without_place(data):
        return re.sub(r"/[\w./-]+/testbed", "", json.dumps(data))

    assert without_place(steps[0]) == without_place(steps[1])
    assert without_place(ledger.bodies[:half]) == without_place(ledger.bodies[half:])


def test_its_requests_are_a_budget(task, box):
    attempt = Mini(seed=0, model=Saying(calling("true")), step_limit=2).solve(task, RECALL, box)
    assert (attempt.failure, attempt.usage.steps) == ("agent_out_of_budget", 2)


def test_a_command_that_hangs_is_told_to_the_model(task, box):
    model = Saying(calling("sleep 60"), calling("echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT", "c2"))
    attempt = Mini(seed=0, model=model, command_seconds=1).solve(task, RECALL, box)
    assert attempt.failure == ""
    assert "did not end within 1 seconds" in json.dumps(model.asked[1])


def test_the_tasks_seconds_are_a_budget_too(task, box):
    recording = Recording(box, Limits(task_seconds=1.0))
    attempt = Mini(seed=0, model=Saying(calling("sleep 2"))).solve(task, RECALL, recording)
    assert attempt.failure == "agent_out_of_budget"


def test_a_model_that_calls_nothing_ends_it(task, box):
    answer = {"choices": [{"message": {"role": "assistant", "content": "Hm."}}]}
    attempt = Mini(seed=0, model=Saying(answer)).solve(task, RECALL, box)
    assert (attempt.failure, attempt.message) == (
        "agent_crashed",
        "it ended with RepeatedFormatError",
    )


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        pytest.param({"error": {"message": "too long"}}, 400, "400", id="refused"),
        pytest.param(b"<html>", 200, "not JSON", id="no JSON"),
        pytest.param([1], 200, "no object", id="no object"),
        pytest.param({"choices": []}, 200, "no message", id="no message"),
    ],
)
def test_an_answer_that_is_none_ends_it(task, box, answer, status, said):
    attempt = Mini(seed=0, model=Saying(answer, status=status)).solve(task, RECALL, box)
    assert attempt.failure == "agent_crashed"
    assert said in attempt.message


def test_a_broken_sandbox_is_not_its_own_failure(task, box):
    class Broken:
        root = box.root

        def run(self, *_, **__):
            raise RolloutError("sandbox_failed", "gone")

    with pytest.raises(RolloutError, match="gone"):
        Mini(seed=0, model=Saying(calling("ls"))).solve(task, RECALL, Broken())


def test_importing_it_leaves_this_process_as_it_was():
    assert "MSWEA_SILENT_STARTUP" not in os.environ
    assert "litellm" not in sys.modules or "minisweagent.models.litellm_model" not in sys.modules
