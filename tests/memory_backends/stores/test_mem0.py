"""mem0, the real library, keeps the contract."""

import json
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from seqswe.errors import UnreadableAnswer
from seqswe.testing import MemoryContract, experiences
from seqswe.testing.memory import tell
from tests.memory_backends.extracting import ExtractingContract

if not find_spec("mem0"):  # not imported here: how it is imported decides on its telemetry
    pytest.skip("needs the extra seqswe[mem0]", allow_module_level=True)


class TestMem0(MemoryContract):
    memory = "memory_backends.stores.mem0_store:Mem0"
    many = 200

    def test_it_talks_to_nobody(self, tmp_path):
        self.build(tmp_path)
        from mem0.memory import telemetry

        assert not telemetry.MEM0_TELEMETRY

    def test_its_folder_outlives_the_first_memory(self, tmp_path):
        """mem0 reads where its folder is only once: it must be no memory's own."""
        home = tmp_path / "first"
        home.mkdir()
        tell(self.build(home), experiences(2)).recall(experiences(2).task(2))
        shutil.rmtree(home)
        from mem0.memory import setup

        assert Path(setup.mem0_dir).is_dir()
        assert not Path(setup.mem0_dir).is_relative_to(tmp_path)


def extracted(messages):
    """What a model makes of mem0's prompt: a fact from the new messages."""
    new = messages[1]["content"].rpartition("## New Messages")[2]
    task, issue = re.search(r"## Task\n(\S+)", new), re.search(r"## Issue\n(.*)", new)
    fact = f"{task[1] if task else '?'} was about {issue[1][:200] if issue else 'nothing'}"
    return json.dumps({"memory": [{"id": "0", "text": fact, "attributed_to": "user"}]})


class TestMem0Extract(ExtractingContract):
    memory = "memory_backends.stores.mem0_extract:Mem0Extract"
    script = staticmethod(extracted)


EXTRACTS = TestMem0Extract.memory


def test_a_fact_names_every_task_that_mem0_showed_its_model(build):
    memory, server = build(extracted)
    story = experiences(3)
    tell(memory, story)
    origins = {item.origins for item in memory.items if item.kind == "fact"}
    first, second, third = (story.at(n).task.instance_id for n in range(3))
    assert {frozenset(each) for each in origins} == {
        frozenset({first}),
        frozenset({first, second}),
        frozenset({first, second, third}),
    }
    asked = server.requests[-1]["messages"][1]["content"]
    assert f"{first} was about" in asked.partition("## Existing Memories")[2]
    assert f"## Current Date\n{story.at(2).task.created_at.date()}" in asked


def test_an_answer_that_cannot_be_read_is_said_and_teaches_nothing(build):
    memory, server = build(lambda _: "I think that went well.")
    with pytest.raises(UnreadableAnswer):
        memory.record(experiences(1).at(0))
    assert not memory.items
    assert server.tries == 2
