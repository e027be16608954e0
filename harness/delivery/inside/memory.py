"""The memory as an agent reaches it: a command, and an MCP server over standard input and output.

    memory search WORD...     what is remembered about these words, best first
    memory read NAME          one entry in full
    memory write TEXT         keep a note for later tasks (without TEXT: from standard input)
    memory mcp                serve the same three as MCP tools

It works on one folder: `recalled/` holds what was recalled for this task, `written/` the notes of
this task, `calls` one line for each use. The same file runs in a sandbox, where it is copied to,
and on the host, where `harness.delivery.http` imports it.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
from typing import Any, TextIO

WRITE_BYTES = 8000
"""UTF-8 bytes of all notes of one task together."""
SHOWN = 10
"""Entries that a search lists."""
LINE = 160
"""Characters of a line that a search shows."""
CALLS = ("search", "read", "write")
VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Revisions of the protocol whose handshake and tools this server speaks."""
WORD = re.compile(r"\w+")
ABOUT = (
    "What was learned from earlier tasks in this codebase. Search it before you start, and write "
    "down what later tasks should know."
)


def _tool(name: str, text: str, argument: str, meaning: str) -> dict[str, Any]:
    return {
        "name": "memory_" + name,
        "description": text,
        "inputSchema": {
            "type": "object",
            "properties": {argument: {"type": "string", "description": meaning}},
            "required": [argument],
        },
    }


TOOLS = [
    _tool(
        "search",
        "Search the memory of earlier tasks. Lists entries by name, best first.",
        "query",
        "Words to look for; empty lists everything.",
    ),
    _tool("read", "Read one entry of the memory in full.", "name", "Name as a search lists it."),
    _tool("write", "Keep a note for later tasks.", "text", "What later tasks should know."),
]


class Refused(Exception):
    """A call that cannot be answered, and why."""


class Store:
    """The entries of one task: those recalled, and the notes it writes."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def call(self, name: str, argument: str) -> str:
        """Search, read or write, and count it. Raises Refused."""
        self._count(name)
        answer = {"search": self.search, "read": self.read, "write": self.write}[name]
        return answer(argument)

    def search(self, query: str) -> str:
        """List entries that share words with the query, best first, one line each; all for ""."""
        entries = self._entries()
        if not entries:
            return "The memory is empty."
        wanted = set(_words(query))
        texts = [(name, text, set(_words(text))) for name, text in entries]
        weight = {
            word: math.log(1 + len(texts) / (1 + sum(word in has for _, _, has in texts)))
            for word in wanted
        }
        scored = [(sum(weight[w] for w in wanted & has), name, text) for name, text, has in texts]
        matches = [s for s in scored if s[0] > 0] if wanted else scored
        if not matches:
            return "Nothing is remembered about that. An empty search lists everything."
        # Stable: among equals the order of the recall stays.
        matches.sort(key=lambda entry: -entry[0])
        lines = [f"{name}  {_shown(text, weight)}" for _, name, text in matches[:SHOWN]]
        if len(matches) > SHOWN:
            lines.append(f"({len(matches) - SHOWN} more)")
        return "\n".join(lines)

    def read(self, name: str) -> str:
        """Return one entry. Raises Refused for a name that no search lists."""
        texts = dict(self._entries())
        if name.strip() not in texts:
            raise Refused(f"there is no entry {name!r}; a search lists the names")
        return texts[name.strip()]

    def write(self, text: str) -> str:
        """Keep a note. Raises Refused for an empty one and beyond the budget."""
        if not text.strip():
            raise Refused("an empty note says nothing")
        data = text.encode("utf-8", "replace")
        left = WRITE_BYTES - sum(len(note.encode()) for note in self.notes())
        if len(data) > left:
            raise Refused(f"{left} bytes are left for notes, this one has {len(data)}")
        folder = os.path.join(self.folder, "written")
        os.makedirs(folder, exist_ok=True)
        number = len(os.listdir(folder)) + 1
        with open(os.path.join(folder, f"note-{number}.md"), "xb") as file:
            file.write(data)
        return f"Kept as note-{number}; later tasks can find it."

    def notes(self) -> list[str]:
        """Return what was written, in order, within the budget."""
        kept, left = [], WRITE_BYTES
        for name in sorted(_names(self.folder, "written"), key=_number):
            text = _text(os.path.join(self.folder, "written", name), left)
            left -= len(text.encode())
            if text.strip() and left >= 0:
                kept.append(text)
        return kept

    def calls(self) -> dict[str, int]:
        """Count the calls of each kind."""
        lines = _text(os.path.join(self.folder, "calls"), 1000000).split()
        return {name: lines.count(name) for name in CALLS}

    def _entries(self) -> list[tuple[str, str]]:
        entries = []
        for kind in ("recalled", "written"):
            for name in sorted(_names(self.folder, kind), key=_number):
                path = os.path.join(self.folder, kind, name)
                entries.append((name[: -len(".md")], _text(path, 1000000)))
        return entries

    def _count(self, name: str) -> None:
        with open(os.path.join(self.folder, "calls"), "a") as file:
            file.write(name + "\n")


class Server:
    """MCP (Model Context Protocol) over a store: one JSON-RPC message in, at most one out."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def answer(self, message: Any) -> dict[str, Any] | None:
        """Answer a message; None for a notification."""
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            return _error(None, -32600, "not a request")
        if "id" not in message:
            return None
        number, method, params = message["id"], message["method"], message.get("params")
        params = params if isinstance(params, dict) else {}
        if method == "initialize":
            return _result(number, self._hello(params.get("protocolVersion")))
        if method == "ping":
            return _result(number, {})
        if method == "tools/list":
            return _result(number, {"tools": TOOLS})
        if method != "tools/call":
            return _error(number, -32601, "unknown method " + method)
        return self._call(number, params)

    def serve(self, source: TextIO, target: TextIO) -> None:
        """Answer line by line until the input ends."""
        for line in source:
            try:
                response = self.answer(json.loads(line))
            except ValueError:
                response = _error(None, -32700, "not JSON")
            if response is not None:
                target.write(json.dumps(response) + "\n")
                target.flush()

    def _hello(self, wanted: Any) -> dict[str, Any]:
        return {
            "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[-1],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "memory", "version": "1"},
            "instructions": ABOUT,
        }

    def _call(self, number: Any, params: dict[str, Any]) -> dict[str, Any]:
        text, failed = called(self.store, params.get("name"), params.get("arguments"))
        if text is None:
            return _error(number, -32602, f"unknown tool {params.get('name')!r}")
        content = [{"type": "text", "text": text}]
        return _result(number, {"content": content, "isError": failed})


def called(store: Store, name: Any, arguments: Any) -> tuple[str | None, bool]:
    """Call a tool; returns its text (None if it does not exist) and whether it refused."""
    for tool in TOOLS:
        if tool["name"] == name:
            (argument,) = tool["inputSchema"]["required"]
            value = arguments.get(argument, "") if isinstance(arguments, dict) else ""
            try:
                return store.call(name[len("memory_") :], str(value)), False
            except (Refused, OSError) as error:
                return str(error), True
    return None, True


def main(arguments: list[str], store: Store) -> int:
    """Run the command line; returns 1 after a refusal and 2 for an unknown command."""
    kind, rest = (arguments or [""])[0], arguments[1:]
    if kind == "mcp":
        Server(store).serve(sys.stdin, sys.stdout)
        return 0
    if kind not in CALLS or (kind == "read" and len(rest) != 1):
        sys.stderr.write((__doc__ or "").split("\n\n")[1] + "\n")
        return 2
    text = " ".join(rest) if rest or kind != "write" else sys.stdin.read()
    try:
        sys.stdout.write(store.call(kind, text) + "\n")
    except (Refused, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _names(folder: str, kind: str) -> list[str]:
    try:
        names = os.listdir(os.path.join(folder, kind))
    except OSError:
        return []
    return [name for name in names if name.endswith(".md")]


def _number(name: str) -> tuple[int, str]:
    digits = re.sub(r"\D", "", name)
    return int(digits or 0), name


def _text(path: str, limit: int) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(max(limit, 0)).decode("utf-8", "replace")
    except OSError:
        return ""


def _words(text: str) -> list[str]:
    return [word.lower() for word in WORD.findall(text) if len(word) > 1]


def _shown(text: str, weight: dict[str, float]) -> str:
    """Return the first line and, if another has more of the words, that one."""
    lines = [line.strip() for line in text.split("\n") if line.strip()] or [""]
    best = max(lines, key=lambda line: sum(weight.get(word, 0) for word in set(_words(line))))
    first = lines[0][:LINE]
    return first if best is lines[0] else f"{first} ... {best[:LINE]}"


def _result(number: Any, result: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "result": result}


def _error(number: Any, code: int, text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": text}}


def place() -> str:
    """Return the memory's folder, which lies beside the folder that holds this file."""
    return os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "memory")


if __name__ == "__main__":
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    if sys.argv[1:2] == ["collect"]:  # by the harness, which sends this source anew
        store = Store(sys.argv[2])
        json.dump({"calls": store.calls(), "notes": store.notes()}, sys.stdout)
        sys.exit()
    sys.exit(main(sys.argv[1:], Store(place())))
