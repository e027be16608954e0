"""mem0, the real library, keeps the contract."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from seqswe.testing import MemoryContract, experiences
from seqswe.testing.memory import tell

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
