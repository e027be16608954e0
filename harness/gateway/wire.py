"""What requests and answers hold: a copy is parsed, and what was checked is what goes out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from harness.gateway.routes import Refused
from harness.gateway.tokens import TokenCount, read_usage, usage_in
from seqswe.agent import API
from seqswe.nesting import is_within

MAX_DEPTH, MAX_PARTS = 100, 1_000_000
MAX_EVENT = 16 << 20
"""Bytes of one event of a stream."""
EVENT_END = re.compile(rb"\r?\n\r?\n")
DONE = b"[DONE]"
ENDS: Mapping[str, frozenset[str]] = {
    "responses": frozenset({"response.completed", "response.incomplete", "response.failed"}),
    "messages": frozenset({"message_stop"}),
}
"""Types of the events that end a stream. Chat ends with `[DONE]`, Gemini with a reason."""
ERRORS = frozenset({"error", "response.failed"})


def parse_request(data: bytes) -> dict[str, Any]:
    """A request's body. Raises Refused for what is no JSON object.

    A name that stands twice is refused: the provider might read the other one. So is what is so
    deep that walking through it would fail. (`manifests.read` takes a hundred times as long for a
    megabyte, which all rollouts would wait for.)
    """
    if data.count(b"[") + data.count(b"{") > MAX_PARTS:
        raise Refused(400, f"the request has more than {MAX_PARTS:,} lists and objects")
    try:
        body = json.loads(data, object_pairs_hook=_table, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the request is no JSON: {str(error)[:200]}") from None
    if not isinstance(body, dict):
        raise Refused(400, "the request is not a JSON object")
    if is_within(body, MAX_DEPTH):
        return body
    raise Refused(400, f"the request is more than {MAX_DEPTH} levels deep")


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return made


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")


def dump(body: Any) -> bytes:
    """JSON as it goes out: the parsed request and no other reading of its bytes."""
    return json.dumps(body, separators=(",", ":")).encode()


class Answer:
    """Follows the bytes of an answer: what they tell of tokens, and whether they are whole.

    sse: a stream of events; hide_usage: whether the event that tells the tokens was asked for by
    the gateway alone, so that the client must not see it.
    """

    def __init__(self, api: API, *, sse: bool, hide_usage: bool = False) -> None:
        self._api, self._sse, self._hide = api, sse, hide_usage
        self._rest = bytearray()
        self._looked_at = 0
        self._usage: dict[str, Any] = {}
        self.complete = False
        self.trouble = ""
        """What is wrong with it; "" if it is as it should be."""

    @property
    def tokens(self) -> TokenCount:
        """The tokens that it told so far; unknown ones are None."""
        if not self._usage:
            return TokenCount()
        return read_usage(self._api, self._usage, complete=self.complete)

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; returns what of them is passed on."""
        self._rest += data
        if not self._sse:
            return data
        passed = []
        while match := EVENT_END.search(self._rest, max(0, self._looked_at - 3)):
            event = bytes(self._rest[: match.end()])
            del self._rest[: match.end()]
            self._looked_at = 0
            if self._follow(event):
                passed.append(event)
        self._looked_at = len(self._rest)
        if len(self._rest) > MAX_EVENT:
            self.trouble = f"an event of more than {MAX_EVENT:,} bytes"
            self._rest.clear()
        return b"".join(passed) if self._hide else data

    def end(self) -> bytes:
        """Nothing more will come; returns what is still to be passed on."""
        rest = bytes(self._rest)
        if not self._sse:
            self._follow_whole(rest)
            return b""
        shown = self._follow(rest) if rest.strip() else True
        if not self.complete and not self.trouble:
            self.trouble = "the stream ended before the answer did"
        return rest if self._hide and shown else b""

    def _follow_whole(self, data: bytes) -> None:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            self.trouble = f"no JSON: {data[:80]!r}"
            return
        for message in value if isinstance(value, list) else [value]:
            if isinstance(message, dict):
                self._usage.update(usage_in(self._api, message))
        self.complete = True

    def _follow(self, event: bytes) -> bool:
        """Take note of one event; whether the client is to see it."""
        lines = [line for line in event.splitlines() if line.startswith(b"data:")]
        data = b"\n".join(line[5:].strip() for line in lines)
        if not data:
            return True
        if data == DONE:
            self.complete = True
            return True
        try:
            message = json.loads(data)
        except (ValueError, RecursionError):
            self.trouble = f"an event that is no JSON: {data[:80]!r}"
            return True
        if not isinstance(message, dict):
            return True
        usage = usage_in(self._api, message)
        self._usage.update(usage)
        kind = message.get("type")
        if kind in ERRORS or (kind is None and message.get("error")):
            self.trouble = f"an error in the stream: {data[:300].decode('utf-8', 'replace')}"
        self.complete = self.complete or self._is_end(message)
        return not (self._hide and usage and not message.get("choices"))

    def _is_end(self, message: Mapping[str, Any]) -> bool:
        if self._api == "gemini":
            choices = message.get("candidates")
            choices = choices if isinstance(choices, list) else []
            return any(isinstance(c, dict) and c.get("finishReason") for c in choices)
        return message.get("type") in ENDS.get(self._api, frozenset())
