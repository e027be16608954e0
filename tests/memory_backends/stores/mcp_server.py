"""A memory server over stdio for tests: the project's own, without a budget, in its home."""

import os
import sys
from pathlib import Path

# Not by its package, whose imports would take longer than the test.
sys.path.insert(0, str(Path(__file__).parents[3] / "harness" / "delivery" / "inside"))
import memory

memory.WRITE_BYTES = memory.SHOWN = 10**9
kind = sys.argv[1]
if kind == "dies":
    sys.exit("it has no licence")
if kind == "two":
    memory.TOOLS.append({**memory.TOOLS[0], "name": "memory_find"})
if kind == "mute":
    sys.stdin.read()
LIES = ("record 99999", "record -1", "record", "recording 1", "record " + "9" * 5000)


class Lying(memory.Store):
    """Finds more than it holds."""

    def search(self, query):
        return " ".join(f"[{lie}]" for lie in LIES) + super().search(query)


class Graph(memory.Server):
    """Keeps entities, as the official server does."""

    lies = ()

    def _call(self, number, given):
        asked = given["arguments"]
        if given["name"] == "create_entities":
            self.kept = [*getattr(self, "kept", ()), *asked["entities"]]
            found = asked["entities"]
        else:
            query = asked["query"].lower()
            found = [e for e in self.kept if query in e["observations"][0].lower()]
            found = found and [*({"name": lie} for lie in self.lies), *found]
        answer = {"structuredContent": {"entities": found}, "content": [], "isError": False}
        return {"jsonrpc": "2.0", "id": number, "result": answer}


class Failing(memory.Server):
    """Fails in ways that the protocol does not show: in words, or not at all."""

    calls = 0

    def _call(self, number, given):
        self.calls += 1
        writes = given["name"] == "memory_write"
        said = {
            "locked": "Error: database is locked" if writes else "",
            "json error": '{"success": false, "reason": "quota"}' if writes else "",
            "half": "Saved." if writes and self.calls % 4 == 1 else "",
            "nothing": "Saved." if writes else "Nothing was found.",
            "not ready": "" if writes else "IndexError: index not ready",
        }[kind.replace("_", " ")]
        if not said:
            return super()._call(number, given)
        answer = {"content": [{"type": "text", "text": said}], "isError": False}
        return {"jsonrpc": "2.0", "id": number, "result": answer}


if kind == "graph":
    schema = {"type": "object"}
    memory.TOOLS[:] = [
        {"name": name, "description": "", "inputSchema": schema}
        for name in ("create_entities", "search_nodes")
    ]
lies = sys.argv[2:] == ["lies"]
Graph.lies = LIES if lies else ()
store = (Lying if lies else memory.Store)(os.environ["HOME"])
FAILING = ("locked", "json_error", "half", "nothing", "not_ready")
servers = {"graph": Graph, **dict.fromkeys(FAILING, Failing)}
servers.get(kind, memory.Server)(store).serve(sys.stdin, sys.stdout)
