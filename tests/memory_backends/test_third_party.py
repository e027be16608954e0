"""A memory outside the project is one short file, found by `module:attribute`."""

from dataclasses import replace
from pathlib import Path

import pytest

from seqswe.memory import Memory, build_memory
from seqswe.templates.memory import Overlap
from seqswe.testing import MemoryContract, ScriptedModel, check_memory

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "seqswe" / "templates" / "memory.py"
EXAMPLE = "seqswe.templates.memory:Overlap"


class TestExample(MemoryContract):
    memory = EXAMPLE
    many = 1000


def test_it_is_at_most_60_lines():
    assert len(SOURCE.read_text().splitlines()) <= 60


def test_the_docs_show_it_as_it_is():
    assert f"```python\n{SOURCE.read_text()}```" in (ROOT / "docs" / "own_memory.md").read_text()


class Forgets(Overlap):
    """As the example, but what agents left for their successors is lost."""

    def recall(self, task):
        recall = super().recall(task)
        return replace(recall, items=tuple(replace(item, notes={}) for item in recall.items))


def test_the_kit_says_what_came_of_notes_and_why_they_matter():
    with pytest.raises(AssertionError) as broken:
        check_memory(f"{__name__}:Forgets")
    said = str(broken.value)
    assert "fails test_notes_come_back" in said
    assert "expected: the notes of example__house-000" in said
    assert "+{}" in said, "what came"
    assert "its lift is exactly 0" in said, "why it matters"


def test_options_reach_it(tmp_path):
    memory = build_memory(EXAMPLE, tmp_path, k=3)
    assert isinstance(memory, Memory)
    assert memory.k == 3


class Forgetful:
    """Keeps its state outside what it saves."""

    def __init__(self, home):
        from memory_backends.retrieval.episodic import Episodic

        self.inner = Episodic(home)
        self.recall, self.record = self.inner.recall, self.inner.record

    def save(self, directory):
        pass

    def load(self, directory):
        pass


class Asking(Forgetful):
    """The same, with a model."""

    needs = ("model",)

    def __init__(self, home, *, services):
        super().__init__(home)
        services.model.chat([{"role": "user", "content": "Ready?"}])


def test_the_kit_gives_a_model_to_one_that_needs_it():
    with ScriptedModel("Yes.") as server, pytest.raises(AssertionError):
        check_memory(f"{__name__}:Asking", model_url=server.url)
    assert server.calls


def test_the_kit_catches_one_that_breaks_the_contract():
    with pytest.raises(AssertionError):
        check_memory(f"{__name__}:Forgetful")
