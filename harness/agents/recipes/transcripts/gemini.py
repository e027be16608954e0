"""Gemini CLI and Qwen Code: lines of two forms, with the parts of Google's API in both."""

from __future__ import annotations

from typing import Any

from harness.agents.recipes.transcripts.account import Account, objects, table, tables, texts

PREFIX, SUFFIX = "<untrusted_context>\n", "\n</untrusted_context>"


def read(transcript: str, events: str, account: Account) -> None:
    """Gemini CLI: a line with an id that was there before says the same message anew."""
    messages: dict[str, dict[str, Any]] = {}
    for line in objects(transcript):
        for message in (line, *tables(table(line.get("$set")).get("messages"))):
            if "id" in message:
                messages[str(message["id"])] = message
    for message in messages.values():
        if message.get("type") == "gemini":
            _answer(message, account)
        elif message.get("type") == "user" and (text := _plain(message.get("content"))):
            account.say("user", text)
    _end(events, account)


def _plain(content: Any) -> str:
    """A user's text; "" for the results of tools, which the answer before holds as well."""
    parts = tables(content)
    return "" if any("functionResponse" in part for part in parts) else texts(content)


def _answer(message: dict[str, Any], account: Account) -> None:
    thoughts = "\n".join(str(t.get("description", "")) for t in tables(message.get("thoughts")))
    account.act(
        texts(message.get("content")), reasoning=thoughts, model=str(message.get("model", ""))
    )
    for call in tables(message.get("toolCalls")):
        number = str(call.get("id", ""))
        account.call(number, str(call.get("name", "")), call.get("args"))
        for part in tables(call.get("result")):
            status = str(call.get("status", ""))[:40]
            account.result(number, _output(part), is_error=True if status == "error" else None)
    tokens = table(message.get("tokens"))
    account.took(
        prompt=tokens.get("input"), completion=tokens.get("output"), cached=tokens.get("cached")
    )


def _output(part: dict[str, Any]) -> str:
    response = table(table(part.get("functionResponse")).get("response"))
    output = str(response.get("output", response.get("error", "")))
    return output.removeprefix(PREFIX).removesuffix(SUFFIX)


def read_qwen(transcript: str, events: str, account: Account) -> None:
    """Qwen Code."""
    for line in objects(transcript):
        parts = tables(table(line.get("message")).get("parts"))
        if line.get("type") == "assistant":
            said = [p for p in parts if "text" in p and not p.get("thought")]
            thoughts = [p for p in parts if "text" in p and p.get("thought")]
            account.act(texts(said), reasoning=texts(thoughts), model=str(line.get("model", "")))
            for call in (table(p.get("functionCall")) for p in parts if "functionCall" in p):
                account.call(str(call.get("id", "")), str(call.get("name", "")), call.get("args"))
            usage = table(line.get("usageMetadata"))
            account.took(
                prompt=usage.get("promptTokenCount"),
                completion=usage.get("candidatesTokenCount"),
                cached=usage.get("cachedContentTokenCount"),
            )
        elif line.get("type") == "tool_result":
            for part in parts:
                number = str(table(part.get("functionResponse")).get("id", ""))
                account.result(number, _output(part))
        elif line.get("type") == "user":
            account.say("user", texts(parts))
    _end(events, account)


def _end(events: str, account: Account) -> None:
    for line in objects(events):
        if line.get("type") == "result":
            if line.get("is_error") is True or line.get("status") == "error":
                error = line.get("error")
                reason = error.get("message") if isinstance(error, dict) else error
                account.error = str(reason or line.get("result") or "it failed")[:500]
            account.count(table(line.get("usage")) or table(line.get("stats")))
