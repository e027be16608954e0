"""What an extra brings and is not there is named, before anything runs."""

import sys

import pytest

from seqswe.errors import MissingError
from seqswe.memory import build_memory
from seqswe.testing import experiences


@pytest.mark.parametrize(
    ("place", "module", "extra"),
    [
        ("memory_backends.stores.mcp_store:McpStore", "mcp", "mcp"),
        ("memory_backends.stores.mem0_store:Mem0", "mem0", "mem0"),
        ("memory_backends.stores.langgraph_store:LangGraph", "langgraph.store.memory", "langgraph"),
        ("memory_backends.stores.langmem_manager:LangMem", "langmem", "langmem"),
        (
            "memory_backends.stores.llamaindex_facts:LlamaIndex",
            "llama_index.core.memory",
            "llamaindex",
        ),
    ],
)
def test_a_missing_extra_is_named(tmp_path, monkeypatch, place, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    services = experiences(0).services("http://127.0.0.1:9/v1")
    with pytest.raises(MissingError) as caught:
        build_memory(place, tmp_path, services)
    assert caught.value.hint == f"Install it: pip install 'seqswe[{extra}]'."
