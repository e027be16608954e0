"""A model for tests: a real server on loopback that speaks the OpenAI API and follows a script."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from time import sleep
from types import TracebackType
from typing import Any, Self

DIMENSIONS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """One answer, good or bad.

    text: the message; refusal: what a model says that will not answer; finish: its
    finish_reason; status: HTTP status, with `text` as body where it is an error; raw: a whole
    body in place of JSON; seconds: a pause before answering; usage: whether tokens are reported.
    """

    text: str = ""
    refusal: str | None = None
    finish: str = "stop"
    status: int = 200
    raw: str | None = None
    seconds: float = 0.0
    usage: bool = True
    headers: Mapping[str, str] | None = None


UNKNOWN_FORMAT = Says(
    status=500,
    text='{"error": {"message": "1 validation error: (body, response_format, type): input should '
    'be text or json_object", "type": "internal_server_error"}}',
)
"""How a local server, which calls it its own fault, refuses a `response_format`."""
Answer = str | Says
Script = Callable[[list[dict[str, str]]], Answer]
"""From a request's messages to what is answered."""


class ScriptedModel:
    """An OpenAI-compatible server: `with ScriptedModel(script) as model: ... model.url`.

    Embeddings hash words. A word is a token. What it counts of answers that were read is in
    `calls`, `prompt_tokens` and `completion_tokens`; `requests` holds the bodies, `keys` the
    bearer tokens; `tries` counts requests of any outcome.

    formats: types of `response_format` that it knows; another is answered by `unknown`.
    """

    def __init__(
        self,
        script: Script | str | Says = "",
        *,
        formats: Collection[str] = ("json_schema", "json_object"),
        unknown: Says = UNKNOWN_FORMAT,
    ) -> None:
        self._formats, self._unknown = formats, unknown
        self._script: Script = script if callable(script) else lambda _: script
        self._lock = Lock()
        self.tries = self.calls = self.prompt_tokens = self.completion_tokens = 0
        self.requests: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, body: dict[str, Any], key: str) -> tuple[Says, bytes]:
        """What is sent back for one request."""
        with self._lock:
            self.tries += 1
            self.requests.append(body)
            self.keys.add(key)
            if path.endswith("/embeddings"):
                return self._embedded(body["input"])
            return self._said(body)

    def _said(self, body: dict[str, Any]) -> tuple[Says, bytes]:
        wanted = body.get("response_format", {}).get("type")
        known = wanted is None or wanted in self._formats
        answer = self._script(body["messages"]) if known else self._unknown
        says = Says(text=answer) if isinstance(answer, str) else answer
        if says.status != 200 or says.raw is not None:
            return says, (says.text if says.raw is None else says.raw).encode()
        usage = {
            "prompt_tokens": sum(len(m["content"].split()) for m in body["messages"]),
            "completion_tokens": len((says.text or says.refusal or "").split()),
        }
        message = {"role": "assistant", "content": says.text, "refusal": says.refusal}
        choice = {"index": 0, "message": message, "finish_reason": says.finish}
        return says, self._counted("chat.completion", usage, says, {"choices": [choice]})

    def _embedded(self, texts: Sequence[str]) -> tuple[Says, bytes]:
        usage = {"prompt_tokens": sum(len(text.split()) for text in texts), "completion_tokens": 0}
        data = [
            {"object": "embedding", "index": index, "embedding": vector(text)}
            for index, text in enumerate(texts)
        ]
        return Says(), self._counted("list", usage, Says(), {"data": data})

    def _counted(self, kind: str, usage: dict[str, int], says: Says, rest: dict[str, Any]) -> bytes:
        total = {"total_tokens": sum(usage.values())}
        body = {"id": "scripted", "object": kind, "created": 0, "model": "scripted", **rest}
        if says.usage:
            body["usage"] = {**usage, **total}
            self.calls += 1
            self.prompt_tokens += usage["prompt_tokens"]
            self.completion_tokens += usage["completion_tokens"]
        return json.dumps(body).encode()


def vector(text: str) -> list[float]:
    """DIMENSIONS numbers that depend on the words of a text alone."""
    counts = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()):
        digest = blake2b(word.encode("utf-8", "replace"), digest_size=4).digest()
        counts[int.from_bytes(digest) % DIMENSIONS] += 1.0
    return counts


def _handler(model: ScriptedModel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet for headers and body

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            key = self.headers.get("Authorization", "").removeprefix("Bearer ")
            says, data = model.answer(self.path, body, key)
            sleep(says.seconds)
            try:
                self.send_response(says.status)
                headers = {"Content-Type": "application/json", "Content-Length": str(len(data))}
                for name, value in {**headers, **(says.headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)
                self.wfile.flush()
            except OSError:  # whoever asked did not wait
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler
