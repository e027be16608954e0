"""mem0, the real library, keeps the contract."""

from importlib.util import find_spec

import pytest

from seqswe.testing import MemoryContract

if not find_spec("mem0"):  # not imported here: how it is imported decides on its telemetry
    pytest.skip("needs the extra seqswe[mem0]", allow_module_level=True)


class TestMem0(MemoryContract):
    memory = "memory_backends.mem0_store:Mem0"
    many = 200

    def test_it_talks_to_nobody(self, tmp_path):
        self.build(tmp_path)
        from mem0.memory import telemetry

        assert not telemetry.MEM0_TELEMETRY
