"""`mcp`: earlier issues in any MCP memory server, started here over stdio (extra `mcp`, MIT).

Two kinds of server are understood. A knowledge graph (`create_entities`, `search_nodes`), as the
official one: each record is an entity whose name is the record's number. Its search is for the
whole query as a part of a text, so it is asked for one word of the issue at a time, and an entity
counts more the fewer share the word. Any other with a tool that writes a text and one that finds
texts by a query: each text begins with its record's number, and the records named in an answer
are those found, in its order.

A server is believed only what it shows: each record that was written is searched for by its own
words (or name), and one that is not found, or an answer in words of failure, is a failure of the
memory.

The server's state lies in a folder of its own (HOME, working folder and MEMORY_FILE_PATH) and is
a cache: it is filled from the records when it is first asked.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import log
from pathlib import Path
from tempfile import mkdtemp
from time import sleep
from typing import Any, ClassVar

from memory_backends.shared.mcp_session import McpSession, text_of, words_of
from memory_backends.shared.nearest import nearest
from memory_backends.shared.records import RecordMemory
from memory_backends.shared.text import READ_CHARS, clean, words
from seqswe import plugins
from seqswe.errors import RolloutError, UsageError
from seqswe.instance import Task

COMMAND = "mcp-server-memory"
"""What `npm install --global @modelcontextprotocol/server-memory` puts on the PATH."""
KEPT = 2_000
"""Characters of a record that are written to the server."""
WORDS, SHORTEST = 12, 4
"""Words of an issue that a graph is searched for, the longest ones, and their least length."""
BATCH = 200
WAITS = (0.0, 0.1, 0.5, 2.0)
"""Seconds before each look for what was written, for servers that index it on the side."""
FAILURE = re.compile(
    r"\W*(?:\w*(?:error|exception)|fail(?:ed|ure)|fatal|panic|traceback|unable|cannot|could not"
    r"|timed? ?out|unauthori[sz]ed|forbidden|denied|unavailable|not (?:ready|allowed))\b",
    re.IGNORECASE,
)
REFUSED = re.compile(
    r"""["'](?:is_?)?error["']\s*:\s*(?!null|none|false|["']{2})\S"""
    r"""|["'](?:success|ok)["']\s*:\s*false|["']status["']\s*:\s*["'](?:error|fail)""",
    re.IGNORECASE,
)
"""Words of failure at the start of an answer, and fields of failure anywhere in one."""
NAMED = re.compile(r"\[record ([0-9]{1,9})\]")
ENTITY = re.compile(r"^record ([0-9]{1,9})$", re.MULTILINE)
WRITES = re.compile(r"write|add|store|save|remember|create|put", re.IGNORECASE)
SEARCHES = re.compile(r"search|find|recall|query|retrieve", re.IGNORECASE)


class McpStore(RecordMemory):
    """Ranks by any MCP memory server (extra `mcp`).

    command: starts the server; write, search: its tools, found by their names if empty.
    """

    requires: ClassVar[str] = "a command that starts an MCP memory server (command=)"

    def __init__(
        self,
        home: Path,
        *,
        command: str = COMMAND,
        write: str = "",
        search: str = "",
        seconds: float = 60.0,
        **options: Any,
    ) -> None:
        super().__init__(home, **options)
        plugins.require("mcp", "mcp", "memory 'mcp'")
        self._command, self._seconds = words_of(command), seconds
        self._names = write, search
        self._session: McpSession | None = None
        self._store: Graph | TextStore | None = None
        self._written = 0

    def reindex(self) -> None:
        """Stop the server; a new one starts when it is asked."""
        if self._session is not None:
            self._session.close()
        self._session, self._store, self._written = None, None, 0

    def rank(self, task: Task) -> Sequence[tuple[int, float]]:
        """Rank as the server finds; of equals the later record comes first."""
        query = clean(task.problem_statement[:READ_CHARS])
        if not self.records or not query.strip():
            return []
        store = self._open()
        for at in range(self._written, len(self.records), BATCH):
            texts = [record.document[:KEPT] for record in self.records[at : at + BATCH]]
            numbered = dict(enumerate(texts, at))
            store.write(numbered)
            check_kept(store, numbered)
            self._written = at + len(texts)
        return nearest(lambda wanted: store.search(query), self.k, self._written)

    def _open(self) -> Graph | TextStore:
        if self._store is None:
            self.home.mkdir(parents=True, exist_ok=True)
            folder = Path(mkdtemp(prefix="server-", dir=self.home))
            self._session = McpSession(self._command, folder, self._seconds)
            tools = self._session.tools()
            if {"create_entities", "search_nodes"} <= set(tools):
                self._store = Graph(self._session)
            else:
                self._store = TextStore(self._session, tools, *self._names)
        return self._store


def check_kept(store: Graph | TextStore, texts: Mapping[int, str]) -> None:
    """Raise RolloutError("memory_failed") if a text that was just written cannot be found."""
    for number, text in texts.items():
        if not _found(store, number, text):
            raise RolloutError(
                "memory_failed",
                f"the MCP server took record {number} and does not find it: it keeps nothing, or "
                "its search is for something else",
            )


def _found(store: Graph | TextStore, number: int, text: str) -> bool:
    for seconds in WAITS:
        sleep(seconds)
        if store.finds(number, text):
            return True
    return False


class Graph:
    """A server that keeps entities with observations."""

    def __init__(self, session: McpSession) -> None:
        self._session, self._size = session, 0

    def write(self, texts: Mapping[int, str]) -> None:
        """Create an entity for each text."""
        entities = [
            {"name": f"record {number}", "entityType": "issue", "observations": [text]}
            for number, text in texts.items()
        ]
        self._session.call("create_entities", {"entities": entities})
        self._size += len(texts)

    def search(self, query: str) -> list[tuple[int, float]]:
        """Score entities by the rarity of the query's words that they hold."""
        scores: dict[int, float] = defaultdict(float)
        by_length = sorted(
            {w for w in words(query) if len(w) >= SHORTEST}, key=lambda w: (-len(w), w)
        )
        for word in by_length[:WORDS]:
            numbers = self._named(word)
            for number in numbers:
                scores[number] += log(1 + self._size / len(numbers))
        return [(number, round(score, 6)) for number, score in scores.items()]

    def finds(self, number: int, text: str) -> bool:
        """Whether a record can be found by one of its words, as it is looked for later."""
        shown = text.lower()
        wanted = max((word for word in words(text) if word in shown), key=len, default="")
        return len(wanted) < SHORTEST or number in self._named(wanted)

    def _named(self, word: str) -> list[int]:
        answer = self._session.call("search_nodes", {"query": word})
        found = answer.structured_content
        if not isinstance(found, Mapping) or not isinstance(found.get("entities"), list):
            raise RolloutError("memory_failed", f"search_nodes: {text_of(answer)[:200]!r}")
        names = "\n".join(str(entity["name"]) for entity in found["entities"])
        return _numbers(ENTITY, names, self._size)


class TextStore:
    """A server with one tool that keeps a text and one that finds texts by a query."""

    def __init__(
        self, session: McpSession, tools: Mapping[str, Mapping[str, Any]], write: str, search: str
    ) -> None:
        self._session, self._size = session, 0
        self._write = write or _tool(tools, WRITES, "write")
        self._search = search or _tool(tools, SEARCHES, "search")
        self._text, self._query = (_argument(tools, t) for t in (self._write, self._search))

    def write(self, texts: Mapping[int, str]) -> None:
        """Write each text by a call of its own."""
        for number, text in texts.items():
            answer = self._session.call(self._write, {self._text: f"[record {number}] {text}"})
            _check_answer(self._write, text_of(answer))
        self._size += len(texts)

    def search(self, query: str) -> list[tuple[int, float]]:
        """Score the records named in the answer: the first 1, the second 1/2, and so on."""
        answer = text_of(self._session.call(self._search, {self._query: query[:KEPT]}))
        numbers = _numbers(NAMED, answer, self._size)
        if not numbers:
            _check_answer(self._search, answer)
        return [(number, 1 / place) for place, number in enumerate(numbers, 1)]

    def finds(self, number: int, text: str) -> bool:
        """Whether a record can be found by its own words."""
        return not words(text) or number in dict(self.search(text))


def _check_answer(tool: str, answer: str) -> None:
    """Raise RolloutError for an answer that says in words that the tool failed."""
    if FAILURE.match(answer) or REFUSED.search(answer):
        raise RolloutError("memory_failed", f"tool {tool} answered {answer[:200]!r}")


def _numbers(form: re.Pattern[str], text: str, size: int) -> list[int]:
    """Read the record numbers in a text, once each, without those that were never written."""
    return [n for n in dict.fromkeys(map(int, form.findall(text))) if n < size]


def _tool(tools: Mapping[str, Any], kind: re.Pattern[str], option: str) -> str:
    matches = [name for name in tools if kind.search(name)]
    if len(matches) != 1:
        raise UsageError(
            f"memory 'mcp': which tool is to {option}? The server has {', '.join(tools) or 'none'}",
            f"Name it: --memory-option {option}=...",
        )
    return matches[0]


def _argument(tools: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """Return the name of the one text that a tool takes. Raises UsageError."""
    schema = tools.get(name, {})
    properties = schema.get("properties", {})
    required = schema.get("required", properties)
    wanted = [key for key in required if properties[key].get("type") == "string"]
    if len(wanted) != 1 or set(schema.get("required", wanted)) != set(wanted):
        names = ", ".join(properties) or "nothing"
        raise UsageError(
            f"memory 'mcp': tool {name!r} does not take one text ({names})",
            f"Name another of its tools: {', '.join(tools)}.",
        )
    return str(wanted[0])
