"""A LangGraph store, the real library, keeps the contract."""

import pytest

from seqswe.testing import MemoryContract

pytest.importorskip("langgraph.store.memory", reason="needs the extra seqswe[langgraph]")


class TestLangGraph(MemoryContract):
    memory = "memory_backends.stores.langgraph_store:LangGraph"
    many = 200
