"""Claude Code: one line for each block of a message; those of one answer share the message's id."""

from __future__ import annotations

from typing import Any

from harness.agents.recipes.transcripts.account import Account, objects, table, tables, texts

END = "result"


def read(transcript: str, events: str, account: Account) -> None:
    """Read the session's file; how it ended stands in the events on standard output."""
    last = ""
    for line in objects(transcript):
        message = table(line.get("message"))
        if line.get("type") == "assistant":
            number = str(message.get("id", ""))
            _answer(message, account, anew=not number or number != last)
            last = number
        elif line.get("type") == "user":
            last = _reply(message, account, last)
    for line in objects(events):
        if line.get("type") == END:
            _end(line, account)


def _answer(message: dict[str, Any], account: Account, *, anew: bool) -> None:
    blocks = tables(message.get("content"))
    said = "\n".join(str(b.get("text", "")) for b in blocks if b.get("type") == "text")
    thought = "\n".join(str(b.get("thinking", "")) for b in blocks if b.get("type") == "thinking")
    if anew:
        account.act(said, reasoning=thought, model=str(message.get("model", "")))
    else:  # a further block of the same answer
        account.more(said, reasoning=thought)
    for block in blocks:
        if block.get("type") == "tool_use":
            account.call(str(block.get("id", "")), str(block.get("name", "")), block.get("input"))
    usage = table(message.get("usage"))
    cached = usage.get("cache_read_input_tokens")
    parts = [usage.get("input_tokens"), cached, usage.get("cache_creation_input_tokens")]
    prompt = sum(part for part in parts if isinstance(part, int))
    account.took(prompt=prompt, completion=usage.get("output_tokens"), cached=cached)


def _reply(message: dict[str, Any], account: Account, last: str) -> str:
    """Results of tools, or what the user said, which ends an answer."""
    results = [b for b in tables(message.get("content")) if b.get("type") == "tool_result"]
    for block in results:
        failed = True if block.get("is_error") is True else None
        number = str(block.get("tool_use_id", ""))
        account.result(number, texts(block.get("content")), is_error=failed)
    if not results:
        account.say("user", texts(message.get("content")))
        return ""
    return last


def _end(line: dict[str, Any], account: Account) -> None:
    if line.get("is_error") is True:  # `subtype` says success even then
        account.error = str(line.get("result") or line.get("subtype") or "it failed")[:500]
    account.count(table(line.get("usage")))
