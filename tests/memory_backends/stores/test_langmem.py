"""LangMem, the real library, keeps the contract."""

import json
import re
from importlib.util import find_spec

import pytest

from seqswe.errors import RolloutError, UnreadableAnswer
from seqswe.testing import experiences
from seqswe.testing.memory import tell
from seqswe.testing.model import Says
from tests.memory_backends.extracting import ExtractingContract

if not find_spec("langmem"):
    pytest.skip("needs the extra seqswe[langmem]", allow_module_level=True)

INSTANCE = re.compile(r'<instance id=(\S+) schema_type="Memory">\n(.*?)\n</instance>', re.DOTALL)


def add(text):
    return {"name": "Memory", "arguments": {"content": text}}


def change(key, text):
    patch = {"op": "replace", "path": "/content", "value": text}
    arguments = {"json_doc_id": key, "planned_edits": "all of it", "patches": [patch]}
    return {"name": "PatchDoc", "arguments": arguments}


def remove(key):
    return {"name": "RemoveDoc", "arguments": {"json_doc_id": key}}


def answer(*calls):
    return json.dumps({"calls": calls})


def about(messages):
    user = messages[1]["content"]
    task, issue = re.search(r"## Task\n(\S+)", user), re.search(r"## Issue\n(.*)", user)
    return f"{task[1] if task else '?'} was about {issue[1][:200] if issue else 'nothing'}"


def extracted(messages):
    """What a model makes of LangMem's prompt: a memory of the task."""
    return answer(add(about(messages)))


class TestLangMem(ExtractingContract):
    memory = "memory_backends.stores.langmem_manager:LangMem"
    script = staticmethod(extracted)


EXTRACTS = TestLangMem.memory


def test_a_memory_names_every_task_whose_memories_the_model_was_shown(build):
    memory, server = build(extracted)
    story = experiences(3)
    tell(memory, story)
    first, second, third = (story.at(n).task.instance_id for n in range(3))
    assert [set(item.origins) for item in memory.items] == [
        {first},
        {first, second},
        {first, second, third},
    ]
    system, user = (message["content"] for message in server.requests[-1]["messages"])
    assert [key for key, _ in INSTANCE.findall(system)] == ["1.0", "0.0"]
    assert '"name": "RemoveDoc"' in system, "the tools as LangMem describes them"
    assert "<session_0>" in user, "nothing random"
    assert len(server.requests) == 3


def test_the_model_changes_and_removes_what_it_was_shown(build):
    def script(messages):
        shown = [key for key, _ in INSTANCE.findall(messages[0]["content"])]
        if len(shown) < 2:
            return extracted(messages)
        return answer(change(shown[0], "Changed."), remove(shown[1]), add(about(messages)))

    memory, server = build(script)
    story = experiences(3)
    tell(memory, story)
    new = about(server.requests[-1]["messages"])
    assert [(item.key, item.text) for item in memory.items] == [("1.0", "Changed."), ("2.2", new)]
    assert all(story.at(2).task.instance_id in item.origins for item in memory.items)


def test_a_model_that_calls_no_tool_leaves_all_as_it_is(build):
    memory, server = build(extracted)
    tell(memory, experiences(1))
    before = list(memory.items)
    server._script = lambda _: answer()
    memory.record(experiences(2).at(1))
    assert memory.items == before
    assert len(memory.recorded) == 2


@pytest.mark.parametrize(
    "said",
    ["I think that went well.", answer(remove("9.9")), answer({"name": "Shell", "arguments": {}})],
    ids=["prose", "a memory that is not there", "a tool that is not there"],
)
def test_an_answer_that_cannot_be_used_is_said_and_teaches_nothing(build, said):
    memory, server = build(said)
    with pytest.raises(UnreadableAnswer):
        memory.record(experiences(1).at(0))
    assert not memory.items
    assert server.tries == 2


def test_a_model_that_fails_fails_the_rollout(build):
    memory, server = build(extracted)
    tell(memory, experiences(1))
    server._script = lambda _: Says(status=401, text="{}")
    with pytest.raises(RolloutError):
        memory.record(experiences(2).at(1))
