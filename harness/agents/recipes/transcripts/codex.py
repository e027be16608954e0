"""Codex: one line for each item of the conversation, in the form of the Responses API."""

from __future__ import annotations

from typing import Any

from harness.agents.recipes.transcripts.account import Account, objects, table, texts
from seqswe.errors import ManifestError
from seqswe.manifests.read import parse_json


def read(transcript: str, events: str, account: Account) -> None:
    """Read the session's file; how it ended stands in the events on standard output."""
    for line in objects(transcript):
        payload = table(line.get("payload"))
        if line.get("type") == "response_item":
            _item(payload, account)
        elif line.get("type") == "event_msg" and payload.get("type") == "token_count":
            usage = table(table(payload.get("info")).get("last_token_usage"))
            account.took(
                prompt=usage.get("input_tokens"),
                completion=usage.get("output_tokens"),
                cached=usage.get("cached_input_tokens"),
            )
    for line in objects(events):
        # An item of type "error" is a warning, such as that the model is not known.
        if line.get("type") == "turn.failed":
            account.error = str(table(line.get("error")).get("message") or "a turn failed")[:500]
        elif line.get("type") == "turn.completed":
            account.count(table(line.get("usage")))


def _item(item: dict[str, Any], account: Account) -> None:
    kind, role = item.get("type"), item.get("role")
    if kind == "message":
        text = texts(item.get("content"))
        if role == "assistant":
            account.act(text)
        else:
            account.say("user" if role == "user" else "system", text)
    elif kind == "reasoning":
        account.act(reasoning=texts(item.get("summary")) or texts(item.get("content")))
    elif kind in ("function_call", "custom_tool_call", "local_shell_call"):
        name = ".".join(str(item[part]) for part in ("namespace", "name") if item.get(part))
        given = item.get("arguments", item.get("input", item.get("action")))
        account.call(str(item.get("call_id", "")), name or str(kind), _arguments(given))
    elif kind in ("function_call_output", "custom_tool_call_output"):
        output = item.get("output")
        account.result(str(item.get("call_id", "")), texts(output) or str(output or ""))


def _arguments(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    try:
        return parse_json(given.encode("utf-8", "replace"), "arguments", "")
    except ManifestError:
        return given
