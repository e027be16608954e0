"""The files that each way of delivery writes below HOME, and the hint that the agent gets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files

from seqswe.memory import Recall

FOLDER = ".seqswe"
"""Below HOME, so that none of it is ever part of the patch."""
COMMAND = f"{FOLDER}/bin/memory"
CONFIG = f"{FOLDER}/mcp.json"
CODEX_BYTES = 32 * 1024
"""Codex reads no more bytes of its instruction files (`project_doc_max_bytes`)."""
INSTRUCTIONS: Mapping[str, int | None] = {
    ".codex/AGENTS.md": CODEX_BYTES,
    ".claude/CLAUDE.md": None,
    ".gemini/GEMINI.md": None,
    ".qwen/QWEN.md": None,
    ".config/opencode/AGENTS.md": None,
    f"{FOLDER}/instructions.md": None,
}
"""Where Codex, Claude Code, Gemini CLI, Qwen Code and opencode look for a user's instructions; the
last is for agents that are told of a file; bytes that each reads."""
HEADING = "# What was learned from earlier tasks in this codebase\n\n"
SHELL_HINT = (
    "You have a memory of earlier tasks in this codebase. `memory search WORDS` lists what is "
    "known, `memory read NAME` shows an entry, `memory write TEXT` keeps a note for later tasks. "
    "Search it before you start."
)
TOOL_HINT = (
    "You have a memory of earlier tasks in this codebase: the tools memory_search, memory_read "
    "and memory_write. Search it before you start."
)
WRAPPER = '#!/bin/sh\nexec python3 -I "$(dirname "$0")/memory.py" "$@"\n'


def source(name: str) -> str:
    """Return the source of a program that runs inside."""
    return (files("harness.delivery") / "inside" / f"{name}.py").read_text(encoding="utf-8")


def instructions(recall: Recall) -> tuple[dict[str, str], bool]:
    """Return instruction files by path, and whether any was cut; none if nothing is recalled."""
    if not recall.text.strip():
        return {}, False
    whole = f"{HEADING}{recall.text}\n"
    data = whole.encode("utf-8", "replace")
    texts = {path: data[:most].decode("utf-8", "ignore") for path, most in INSTRUCTIONS.items()}
    return texts, any(len(data) > most for most in INSTRUCTIONS.values() if most)


def entries(recall: Recall) -> dict[str, str]:
    """Return what was recalled as files of the memory's folder, best first."""
    return {f"recalled/{n:03}.md": item.text for n, item in enumerate(recall.items, 1)}


def programs() -> dict[str, str]:
    """Return the command, which is also an MCP server, and the configuration of MCP clients."""
    server = {"command": f"{{HOME}}/{COMMAND}", "args": ["mcp"]}
    return {COMMAND: WRAPPER, f"{COMMAND}.py": source("memory"), CONFIG: config(server)}


def config(server: Mapping[str, object]) -> str:
    """Return a configuration of MCP clients that names one server, `memory`."""
    return json.dumps({"mcpServers": {"memory": server}}, indent=2) + "\n"
