"""The official knowledge-graph server from npm, as a backend, keeps the contract."""

import shutil

import pytest

from memory_backends.stores.mcp_store import COMMAND
from seqswe.testing import MemoryContract

pytest.importorskip("mcp", reason="needs the extra seqswe[mcp]")
if not shutil.which(COMMAND):
    pytest.skip(f"needs node and the command {COMMAND}", allow_module_level=True)


class TestKnowledgeGraph(MemoryContract):
    memory = "memory_backends.stores.mcp_store:McpStore"
    many = 200
