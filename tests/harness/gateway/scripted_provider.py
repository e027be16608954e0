"""A model provider for tests: speaks four protocols, counts what it was asked, breaks on demand.

It has a thread of its own and needs no network: `with ScriptedProvider() as provider`. Its answers
come from `provider.says`, called with the number of the request and its body; a `Turn` is a text
or a shell command. `provider.faults` are taken one for each request, before anything is answered.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What the model says: a text, and a command if there is one."""

    text: str = "done"
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with one request."""

    status: int = 0
    """Answered instead."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"error": {"message": "no"}}'
    cut: bool = False
    """The connection is closed in the middle of the stream."""
    stall: float = 0.0
    """Seconds of silence in the middle of the stream."""
    garble: bool = False
    """One event is no JSON."""
    giant: int = 0
    """Bytes of an answer that never comes to an end before them."""
    no_usage: bool = False
    drop: bool = False
    """The connection is closed without an answer."""


@dataclass
class Asked:
    """A request that came."""

    target: str
    headers: Mapping[str, str]
    body: Any


INPUT, CACHED, CREATED, OUTPUT, REASONING = 100, 40, 10, 20, 5
"""Tokens of every answer: uncached, cached, put into a cache (messages), out, of which thought."""


class ScriptedProvider:
    """The server; `url` has no path."""

    def __init__(
        self, says: Callable[[int, Any], Turn] | None = None, faults: tuple[Fault, ...] = ()
    ) -> None:
        self.says = says or (lambda number, body: Turn())
        self.faults = list(faults)
        self.always: Fault | None = None
        self.asked: list[Asked] = []
        self.answered = 0
        """Requests that were answered as they should be."""
        self.delay = 0.0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> ScriptedProvider:
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it: from now on nobody answers."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def environ(self, key: str = "") -> dict[str, str]:
        """Variables by which the gateway finds it."""
        key = key or "sk-canary-0123456789abcdef"
        return {
            "OPENAI_BASE_URL": f"{self.url}/v1",
            "ANTHROPIC_BASE_URL": self.url,
            "GOOGLE_GEMINI_BASE_URL": self.url,
            "OPENAI_API_KEY": key,
            "ANTHROPIC_API_KEY": key,
            "GEMINI_API_KEY": key,
        }

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=512)
        self._loop.run_until_complete(site.start())
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.url = f"http://127.0.0.1:{port}"
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        data = await request.read()
        body = json.loads(data) if data else None
        self.asked.append(Asked(request.raw_path, dict(request.headers), body))
        number = len(self.asked)
        fault = self.faults.pop(0) if self.faults else self.always or Fault()
        if self.delay:
            await asyncio.sleep(self.delay)
        if fault.drop:
            request.transport.abort()  # type: ignore[union-attr]
            return web.Response()
        if fault.status:
            return web.Response(
                status=fault.status,
                headers={"content-type": "application/json", **fault.headers},
                body=fault.body.replace(b"$KEY", _key(request).encode()),
            )
        turn = self.says(number, body)
        api = API_OF[next(part for part in API_OF if part in request.path)]
        streams = request.path.endswith(":streamGenerateContent") or (body or {}).get("stream")
        if not streams:
            answer = api(turn, body)[0]
            if fault.no_usage:
                answer.pop("usage", None)
            if fault.giant:
                answer["padding"] = "x" * fault.giant
            self.answered += 1
            return web.json_response(answer)
        return await self._stream(request, api(turn, body)[1], fault)

    async def _stream(self, request, events, fault):
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        half = len(events) // 2
        for index, (name, event) in enumerate(events):
            if fault.no_usage and isinstance(event, dict):
                event = _without_usage(event)
                if event is None:
                    continue
            if index == half:
                if fault.cut:
                    request.transport.abort()
                    return response
                if fault.garble:
                    await response.write(b"data: {no json\xff}\n\n")
                if fault.giant:
                    for _ in range(fault.giant >> 16):
                        await response.write(b"x" * (1 << 16))
                await asyncio.sleep(fault.stall)
            text = event if isinstance(event, str) else json.dumps(event)
            head = f"event: {name}\n" if name else ""
            await response.write(f"{head}data: {text}\n\n".encode())
        await response.write_eof()
        self.answered += 1
        return response


def _key(request: web.Request) -> str:
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    return bearer or request.headers.get("x-api-key") or request.headers.get("x-goog-api-key", "")


def _without_usage(event):
    event = {k: v for k, v in event.items() if k not in ("usage", "usageMetadata")}
    for inner in ("response", "message"):
        if isinstance(event.get(inner), dict):
            event[inner] = {k: v for k, v in event[inner].items() if k != "usage"}
    return None if event.get("choices") == [] else event


def _chat(turn: Turn, body: Any):
    usage = {
        "prompt_tokens": INPUT + CACHED,
        "completion_tokens": OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED},
        "completion_tokens_details": {"reasoning_tokens": REASONING},
    }
    message: dict[str, Any] = {"role": "assistant", "content": turn.text}
    if turn.command:
        function = {"name": "bash", "arguments": json.dumps({"command": turn.command})}
        message["tool_calls"] = [
            {"index": 0, "id": "call_1", "type": "function", "function": function}
        ]
    end = "tool_calls" if turn.command else "stop"
    base = {"id": "c", "object": "chat.completion.chunk", "model": body["model"]}
    events = [
        ("", {**base, "choices": [{"index": 0, "delta": message, "finish_reason": None}]}),
        ("", {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": end}]}),
    ]
    if (body.get("stream_options") or {}).get("include_usage"):
        events.append(("", {**base, "choices": [], "usage": usage}))
    events.append(("", "[DONE]"))
    choice = {"index": 0, "message": message, "finish_reason": end}
    return {**base, "object": "chat.completion", "choices": [choice], "usage": usage}, events


def _responses(turn: Turn, body: Any):
    usage = {
        "input_tokens": INPUT + CACHED,
        "output_tokens": OUTPUT,
        "input_tokens_details": {"cached_tokens": CACHED},
        "output_tokens_details": {"reasoning_tokens": REASONING},
    }
    part = {"type": "output_text", "text": turn.text}
    output = [{"type": "message", "role": "assistant", "content": [part]}]
    whole = {"id": "r", "object": "response", "status": "completed", "output": output}
    whole["usage"] = usage  # type: ignore[assignment]
    created = {"id": "r", "status": "in_progress", "usage": None}
    events = [
        ("response.created", {"type": "response.created", "response": created}),
        (
            "response.output_text.delta",
            {"type": "response.output_text.delta", "delta": turn.text},
        ),
        ("response.completed", {"type": "response.completed", "response": whole}),
    ]
    return whole, events


def _messages(turn: Turn, body: Any):
    usage = {
        "input_tokens": INPUT,
        "cache_read_input_tokens": CACHED,
        "cache_creation_input_tokens": CREATED,
        "output_tokens": OUTPUT,
    }
    content: list[dict[str, Any]] = [{"type": "text", "text": turn.text}]
    if turn.command:
        given = {"command": turn.command}
        content.append({"type": "tool_use", "id": "toolu_1", "name": "bash", "input": given})
    whole = {"id": "m", "type": "message", "role": "assistant", "content": content}
    whole |= {"stop_reason": "tool_use" if turn.command else "end_turn", "usage": usage}
    start = {**whole, "content": [], "usage": {**usage, "output_tokens": 1}}
    text = {"type": "text_delta", "text": turn.text}
    delta = {"stop_reason": "end_turn"}
    events = [
        ("message_start", {"type": "message_start", "message": start}),
        ("ping", {"type": "ping"}),
        ("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": text}),
        (
            "message_delta",
            {"type": "message_delta", "delta": delta, "usage": {"output_tokens": OUTPUT}},
        ),
        ("message_stop", {"type": "message_stop"}),
    ]
    return whole, events


def _gemini(turn: Turn, body: Any):
    usage = {
        "promptTokenCount": INPUT + CACHED,
        "cachedContentTokenCount": CACHED,
        "candidatesTokenCount": OUTPUT - REASONING,
        "thoughtsTokenCount": REASONING,
    }
    first = {"candidates": [{"content": {"role": "model", "parts": [{"text": turn.text}]}}]}
    last = {
        "candidates": [{"content": {"parts": []}, "finishReason": "STOP"}],
        "usageMetadata": usage,
    }
    whole = {
        "candidates": [{**first["candidates"][0], "finishReason": "STOP"}],
        "usageMetadata": usage,
    }
    return whole, [("", first), ("", last)]


API_OF = {
    "/chat/completions": _chat,
    "/responses": _responses,
    "/messages": _messages,
    "/v1beta/models/": _gemini,
}
