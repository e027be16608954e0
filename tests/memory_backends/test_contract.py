"""Every memory that ships keeps the contract that its authors hand to others."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from memory_backends.shared.records import NAME, RecordMemory
from seqswe.testing import MemoryContract, experiences


class TestNothing(MemoryContract):
    memory = "memory_backends.controls.none:Nothing"
    learns = False
    budget = ""


class TestNative(MemoryContract):
    memory = "memory_backends.stores.native:Native"
    learns = False  # only what an agent says that it wrote
    budget = ""


class TestEpisodic(MemoryContract):
    memory = "memory_backends.retrieval.episodic:Episodic"
    stored_budget = "max_stored_bytes"


class TestHistoryAndExperience(MemoryContract):
    memory = "memory_backends.retrieval.history_and_experience:HistoryAndExperience"
    stored_budget = "max_stored_bytes"
    many = 1000


class TestVectors(MemoryContract):
    memory = "memory_backends.retrieval.vectors:Vectors"
    stored_budget = "max_stored_bytes"
    many = 3000


class TestChroma(MemoryContract):
    memory = "memory_backends.retrieval.chroma:Chroma"
    stored_budget = "max_stored_bytes"
    many = 500


class TestRecency(MemoryContract):
    memory = "memory_backends.controls.recency:Recency"
    stored_budget = "max_stored_bytes"


class TestPopularity(MemoryContract):
    memory = "memory_backends.controls.popularity:Popularity"
    keeps_notes = False  # it holds no word of anybody
    stored_budget = "max_stored_bytes"


class TestRandomChoice(MemoryContract):
    memory = "memory_backends.controls.random_choice:RandomChoice"
    stored_budget = "max_stored_bytes"


class TestFullHistory(MemoryContract):
    memory = "memory_backends.controls.full_history:FullHistory"
    stored_budget = "max_stored_bytes"


class TestOracle(MemoryContract):
    memory = "memory_backends.controls.oracle:Oracle"
    stored_budget = "max_stored_bytes"


class TestGitHistory(MemoryContract):
    memory = "memory_backends.controls.git_history:GitHistory"
    learns = False
    many = 1000


class TestPlacebo(MemoryContract):
    memory = "memory_backends.controls.placebo:Placebo"
    learns = False
    many = 1000

    @pytest.fixture(autouse=True)
    def _source(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("source")
        other_codebase(RecordMemory(folder)).save(folder)
        self.source = folder / NAME

    def settings(self):
        return {"source": str(self.source)}


class Asking(MemoryContract):
    """A memory that asks a model: a server that answers by a script."""

    keeps_notes = False  # it recalls what it made of them

    many = 30

    @pytest.fixture(autouse=True)
    def _model(self, model):
        self.model_url = model.url


class TestAwm(Asking):
    memory = "memory_backends.distilled.awm:Awm"


class TestAwmRule(MemoryContract):
    memory = "memory_backends.distilled.awm_rule:AwmRule"
    keeps_notes = False
    many = 1000


class TestCer(Asking):
    memory = "memory_backends.distilled.cer:Cer"


class TestReasoningBank(Asking):
    memory = "memory_backends.distilled.reasoning_bank:ReasoningBank"


class TestAce(Asking):
    memory = "memory_backends.distilled.ace:Ace"


class TestDynamicCheatsheet(Asking):
    memory = "memory_backends.distilled.dynamic_cheatsheet:DynamicCheatsheet"
    sequence = 0  # it writes its sheet anew each time, and so is every snapshot


class TestFiles(Asking):
    memory = "memory_backends.distilled.files:Files"
    sequence = 0  # files are written anew, at any place


def other_codebase(memory):
    for experience in experiences(10):
        memory.record(replace(experience, task=replace(experience.task, repo="other/house")))
    return memory


def test_all_that_are_registered_are_tested():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    registered = set(project["project"]["entry-points"]["seqswe.memory"].values())
    # By their text: those of an extra are skipped as a whole where it is missing.
    kits = "".join(path.read_text() for path in Path(__file__).parent.rglob("test_*.py"))
    assert registered <= set(re.findall(r'memory = "(memory_backends[\w.]+:\w+)"', kits))
