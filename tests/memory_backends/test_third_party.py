"""A memory outside the project is one short file, found by `module:attribute`."""

from pathlib import Path

import pytest

from seqswe.memory import Memory, build_memory
from seqswe.testing import MemoryContract, ScriptedModel, check_memory

EXAMPLE = "tests.memory_backends.example_backend:Overlap"


class TestExample(MemoryContract):
    memory = EXAMPLE
    many = 1000


def test_it_is_at_most_60_lines():
    lines = Path(__file__).with_name("example_backend.py").read_text().splitlines()
    assert len(lines) <= 60


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
