"""opencode: events on standard output, one part of an answer each."""

from __future__ import annotations

from typing import Any

from harness.agents.recipes.transcripts.account import Account, objects, table


def read(transcript: str, events: str, account: Account) -> None:
    """The events are the transcript: what it keeps itself is a database."""
    for line in objects(transcript):
        part = table(line.get("part"))
        kind = line.get("type")
        if kind == "step_start":
            account.act()
        elif kind == "text":
            account.more(str(part.get("text", "")))
        elif kind == "reasoning":
            account.more(reasoning=str(part.get("text", "")))
        elif kind == "tool_use":
            _tool(part, account)
        elif kind == "step_finish":
            tokens = table(part.get("tokens"))
            cached = table(tokens.get("cache")).get("read")
            account.took(
                prompt=_sum(tokens.get("input"), cached, table(tokens.get("cache")).get("write")),
                completion=_sum(tokens.get("output"), tokens.get("reasoning")),
                cached=cached,
            )
            for name in ("input", "output", "reasoning"):
                account.usage[name] = account.usage.get(name, 0) + _sum(tokens.get(name))
        elif kind == "error":
            error = table(line.get("error"))
            message = table(error.get("data")).get("message") or error.get("name")
            account.error = str(message or "it failed")[:500]


def _tool(part: dict[str, Any], account: Account) -> None:
    number, state = str(part.get("callID", "")), table(part.get("state"))
    account.call(number, str(part.get("tool", "")), state.get("input"))
    failed = True if state.get("status") == "error" else None
    account.result(number, str(state.get("output", state.get("error", ""))), is_error=failed)


def _sum(*counts: Any) -> int:
    return sum(count for count in counts if type(count) is int)
