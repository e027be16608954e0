"""Any MCP memory server as a backend: the official SDK's client, and servers good and bad."""

import gc
import sys
import warnings
from pathlib import Path
from typing import ClassVar

import pytest

from seqswe.errors import MissingError, RolloutError, UsageError
from seqswe.memory import build_memory
from seqswe.testing import MemoryContract, experiences
from seqswe.testing.memory import answers, tell

pytest.importorskip("mcp", reason="needs the extra seqswe[mcp]")
SERVER = f"{sys.executable} {Path(__file__).with_name('mcp_server.py')}"
STORE = "memory_backends.stores.mcp_store:McpStore"


class TestMcp(MemoryContract):
    """Our own server, as one that keeps texts."""

    memory = STORE
    options: ClassVar = {"command": f"{SERVER} plain"}
    many = 60


def asked(tmp_path, kind, **options):
    memory = build_memory(STORE, tmp_path, command=f"{SERVER} {kind}", **options)
    return answers(tell(memory, experiences(3)), 3)


def test_a_server_that_dies_is_a_failure_of_the_memory_and_says_why(tmp_path):
    with pytest.raises(RolloutError, match="it has no licence") as caught:
        asked(tmp_path, "dies")
    assert caught.value.cause == "memory_failed"


def test_so_is_one_that_does_not_answer(tmp_path):
    with pytest.raises(RolloutError, match="MCP server") as caught:
        asked(tmp_path, "mute", seconds=0.5)
    assert caught.value.cause == "memory_failed"


def test_where_two_tools_would_do_one_is_named(tmp_path):
    with pytest.raises(UsageError, match="which tool is to search") as caught:
        asked(tmp_path, "two")
    assert "--memory-option search=" in caught.value.hint
    named = asked(tmp_path, "two", search="memory_search")
    assert named == asked(tmp_path, "plain")


@pytest.mark.parametrize("kind", ["graph", "plain"])
def test_records_that_the_server_was_never_given_are_dropped(tmp_path, kind):
    told = asked(tmp_path / "honest", kind)
    assert any(recall.items for recall in told)
    assert asked(tmp_path / "lies", f"{kind} lies") == told


def test_the_log_is_closed_with_the_session(tmp_path, recwarn):
    warnings.simplefilter("always", ResourceWarning)
    memory = build_memory(STORE, tmp_path, command=f"{SERVER} plain")
    answers(tell(memory, experiences(3)), 3)
    memory._session.close()
    del memory
    gc.collect()
    assert not [w for w in recwarn if "server.log" in str(w.message)]


@pytest.mark.parametrize("command", ["no-such-server --x", "", "'"])
def test_a_command_that_is_not_there_is_said_at_once(tmp_path, command):
    with pytest.raises((MissingError, UsageError)) as caught:
        build_memory(STORE, tmp_path, command=command)
    assert caught.value.hint
