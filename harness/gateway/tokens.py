"""Tokens as the wire tells them, by one convention for four APIs.

Anthropic's messages count what was read from a cache, or written to one, apart from
`input_tokens`; OpenAI and Gemini count it inside. Gemini counts thoughts apart from the answer;
the others inside. What is not told is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seqswe.agent import API

MOST = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCount:
    """Of one answer; None is unknown. `reasoning` is a part of `output`, the others are apart."""

    input: int | None = None
    cached_input: int | None = None
    cache_creation: int | None = None
    output: int | None = None
    reasoning: int | None = None

    @property
    def total(self) -> int | None:
        """All tokens in and out; None if a part is unknown."""
        parts = (self.input, self.cached_input, self.cache_creation, self.output)
        return None if None in parts else sum(part or 0 for part in parts)


NOTHING = TokenCount(input=0, cached_input=0, cache_creation=0, output=0, reasoning=0)
"""Of a request that was refused: nobody is billed for an error."""


def read_usage(api: API, usage: Mapping[str, Any], *, complete: bool = True) -> TokenCount:
    """Read an API's usage object. Of an answer that was cut, what it put out is unknown."""
    read = {"messages": _messages, "gemini": _gemini}.get(api, _openai)(usage)
    if complete:
        return read
    return TokenCount(
        input=read.input, cached_input=read.cached_input, cache_creation=read.cache_creation
    )


def usage_in(api: API, message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The usage that an answer, or one event of its stream, tells of; empty if none."""
    if api == "gemini":
        usage = message.get("usageMetadata")
    elif api == "responses":
        inner = message.get("response")
        usage = (inner if isinstance(inner, dict) else message).get("usage")
    elif api == "messages" and message.get("type") == "message_start":
        inner = message.get("message")
        usage = inner.get("usage") if isinstance(inner, dict) else None
    else:
        usage = message.get("usage")
    if not isinstance(usage, dict):
        return {}
    return {name: value for name, value in usage.items() if value is not None}


def _openai(usage: Mapping[str, Any]) -> TokenCount:
    chat = "prompt_tokens" in usage or "completion_tokens" in usage
    sent, back = ("prompt", "completion") if chat else ("input", "output")
    prompt, output = _number(usage, f"{sent}_tokens"), _number(usage, f"{back}_tokens")
    details = _table(usage, f"{sent}_tokens_details")
    cached = _number(details, "cached_tokens", absent=0)
    return TokenCount(
        input=None if prompt is None or cached is None else max(0, prompt - cached),
        cached_input=cached,
        cache_creation=0,
        output=output,
        reasoning=_number(_table(usage, f"{back}_tokens_details"), "reasoning_tokens", absent=0),
    )


def _messages(usage: Mapping[str, Any]) -> TokenCount:
    return TokenCount(
        input=_number(usage, "input_tokens"),
        cached_input=_number(usage, "cache_read_input_tokens", absent=0),
        cache_creation=_number(usage, "cache_creation_input_tokens", absent=0),
        output=_number(usage, "output_tokens"),
        reasoning=0,
    )


def _gemini(usage: Mapping[str, Any]) -> TokenCount:
    prompt, tools = (
        _number(usage, "promptTokenCount"),
        _number(usage, "toolUsePromptTokenCount", absent=0),
    )
    cached = _number(usage, "cachedContentTokenCount", absent=0)
    thoughts = _number(usage, "thoughtsTokenCount", absent=0)
    # An answer of nothing but thoughts leaves the first number out.
    answer = _number(usage, "candidatesTokenCount", absent=0 if thoughts else None)
    known = None not in (prompt, tools, cached)
    return TokenCount(
        input=max(0, (prompt or 0) + (tools or 0) - (cached or 0)) if known else None,
        cached_input=cached,
        cache_creation=0,
        output=None if answer is None or thoughts is None else answer + thoughts,
        reasoning=thoughts,
    )


def _table(usage: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = usage.get(name)
    return table if isinstance(table, dict) else {}


def _number(usage: Mapping[str, Any], name: str, absent: int | None = None) -> int | None:
    """A count; None for what is no count, such as -1 or true."""
    value = usage.get(name, absent)
    if value is None:
        return absent
    return value if type(value) is int and 0 <= value <= MOST else None
