"""A provider for tests: speaks the four APIs, plays a script of shell commands, counts its tokens.

It keeps no state between requests: how far the script is, it sees by the tool results that a
request holds. So any number of agents may talk to it, in any order.

    python -m tests.harness.agents.recipes.scripted_model 8123      # to try a CLI by hand
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep
from typing import Any

SHELLS = {
    "Bash": "command",
    "bash": "command",
    "run_shell_command": "command",
    "exec_command": "cmd",
    "shell_command": "command",
    "shell": "command",
}
"""Names of tools that run a shell command, and of its argument."""
SUBMIT = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
EDIT = """It needs a note.

notes.txt
```
<<<<<<< SEARCH
=======
touched
>>>>>>> REPLACE
```
"""
Script = Callable[[str], list[str]]
"""From everything that a model was told to the commands it plays."""


def usual(_: str) -> list[str]:
    """Look around, and change a file."""
    return ["ls", "echo '# touched' >> README.md"]


@dataclass(frozen=True)
class ProviderFault:
    """What is amiss with one answer: its status, or the stream of an answer that began well."""

    status: int = 0
    cut: bool = False
    """Half of it, and the connection is closed."""
    stall: float = 0.0
    """Half of it, and then nothing for so many seconds."""
    garbled: bool = False
    """An event in it is no JSON."""

    @property
    def spoils(self) -> bool:
        """Whether less comes than was announced."""
        return self.cut or bool(self.stall)

    def spoilt(self, data: bytes) -> bytes:
        """The answer's bytes as they are sent; as many as before, or half of them."""
        if self.garbled:
            middle = len(data) // 2
            start = data.rfind(b"data: {", 0, middle) + len(b"data: ")
            return data[:start] + b"!" * 3 + data[start + 3 :]
        return data[: len(data) // 2] if self.spoils else data


SOUND = ProviderFault()


@dataclass
class Ledger:
    """What the provider was asked, and what it counted."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, path: str, body: dict[str, Any], tokens: tuple[int, int]) -> None:
        with self.lock:
            self.requests.append({"path": path, "input": tokens[0], "output": tokens[1]})
            self.bodies.append(body)

    @property
    def input(self) -> int:
        return sum(each["input"] for each in self.requests)

    @property
    def output(self) -> int:
        return sum(each["output"] for each in self.requests)


@dataclass
class Turn:
    """One answer: a call of a tool, or the last words."""

    text: str
    tool: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    number: int = 0
    namespace: str = ""

    @property
    def tokens(self) -> int:
        return 10 + len(self.text) // 4 + len(json.dumps(self.arguments)) // 4


def play(script: Script, told: str, tools: list[tuple[str, str]], done: int) -> Turn:
    """The next turn: the memory first if it is a tool, then the script's commands."""
    memory = [(n, s) for n, s in tools if n.endswith("memory_search")]
    shell = next(((n, s) for n, s in tools if n in SHELLS), ("", ""))
    turns = [Turn("I look into the memory.", n, {"query": ""}, 0, s) for n, s in memory[:1]]
    if shell[0]:
        name, space = shell
        for command in script(told):
            given: dict[str, Any] = {SHELLS[name]: command}
            if name in ("bash", "Bash", "run_shell_command"):
                given["description"] = "a step of the script"
            if name == "run_shell_command":
                given["is_background"] = False
            turns.append(Turn("Next step.", name, given, 0, space))
    if tools == [("bash", "")]:  # mini's, which has to say that it is done
        turns.append(Turn("It is done.", "bash", {"command": SUBMIT}))
    if not tools and "<<<<<<< SEARCH" in told:  # aider's way to edit
        return Turn(EDIT)
    if done < len(turns):
        turns[done].number = done
        return turns[done]
    return Turn("The script is done.", number=done)


def flat(value: Any) -> str:
    """Every text of a request."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "\n".join(flat(inner) for inner in value.values())
    if isinstance(value, list):
        return "\n".join(flat(inner) for inner in value)
    return ""


class Api:
    """How one API is read and answered."""

    def view(self, body: dict[str, Any]) -> tuple[list[tuple[str, str]], int]:
        raise NotImplementedError

    def plain(self, body: dict[str, Any], turn: Turn, tokens: tuple[int, int]) -> Any:
        raise NotImplementedError

    def events(self, body: dict[str, Any], turn: Turn, tokens: tuple[int, int]) -> Iterator[Any]:
        raise NotImplementedError


class Chat(Api):
    def view(self, body):
        tools = [(t["function"]["name"], "") for t in body.get("tools", [])]
        return tools, sum(m["role"] == "tool" for m in body["messages"])

    def _message(self, turn):
        message: dict[str, Any] = {"role": "assistant", "content": turn.text}
        if turn.tool:
            function = {"name": turn.tool, "arguments": json.dumps(turn.arguments)}
            call = {"id": f"call_{turn.number}", "type": "function", "function": function}
            message["tool_calls"] = [call]
        return message

    def plain(self, body, turn, tokens):
        reason = "tool_calls" if turn.tool else "stop"
        choice = {"index": 0, "message": self._message(turn), "finish_reason": reason}
        return {
            "id": f"chatcmpl-{turn.number:04}",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [choice],
            "usage": self._usage(tokens),
        }

    def _usage(self, tokens):
        total = sum(tokens)
        return dict(zip(("prompt_tokens", "completion_tokens"), tokens, strict=True)) | {
            "total_tokens": total
        }

    def events(self, body, turn, tokens):
        base = {
            "id": f"chatcmpl-{turn.number:04}",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": body["model"],
        }
        message = self._message(turn)
        for index, call in enumerate(message.get("tool_calls", [])):
            call["index"] = index
        yield {**base, "choices": [{"index": 0, "delta": message, "finish_reason": None}]}
        reason = "tool_calls" if turn.tool else "stop"
        yield {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
        if body.get("stream_options", {}).get("include_usage"):
            yield {**base, "choices": [], "usage": self._usage(tokens)}
        yield "[DONE]"


class Messages(Api):
    def view(self, body):
        tools = [(t["name"], "") for t in body.get("tools", [])]
        parts = [
            part
            for message in body["messages"]
            if isinstance(message["content"], list)
            for part in message["content"]
        ]
        return tools, sum(part.get("type") == "tool_result" for part in parts)

    def _content(self, turn):
        content: list[dict[str, Any]] = [{"type": "text", "text": turn.text}]
        if turn.tool:
            call = {"type": "tool_use", "id": f"toolu_{turn.number:04}", "name": turn.tool}
            content.append({**call, "input": turn.arguments})
        return content

    def plain(self, body, turn, tokens):
        return {
            "id": f"msg_{turn.number:04}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": self._content(turn),
            "stop_reason": "tool_use" if turn.tool else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": tokens[0], "output_tokens": tokens[1]},
        }

    def events(self, body, turn, tokens):
        whole = self.plain(body, turn, tokens)
        usage = {"input_tokens": tokens[0], "output_tokens": 1}
        start = {**whole, "content": [], "stop_reason": None, "usage": usage}
        yield {"type": "message_start", "message": start}
        for index, part in enumerate(whole["content"]):
            at = {"index": index}
            if part["type"] == "text":
                empty = {"type": "text", "text": ""}
                delta = {"type": "text_delta", "text": part["text"]}
            else:
                empty = {**part, "input": {}}
                delta = {"type": "input_json_delta", "partial_json": json.dumps(part["input"])}
            yield {"type": "content_block_start", **at, "content_block": empty}
            yield {"type": "content_block_delta", **at, "delta": delta}
            yield {"type": "content_block_stop", **at}
        ended = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
        yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": tokens[1]}}
        yield {"type": "message_stop"}


class Responses(Api):
    def view(self, body):
        tools = []
        for tool in body.get("tools", []):
            if tool.get("type") == "namespace":
                tools += [(t["name"], tool["name"]) for t in tool["tools"]]
            elif "name" in tool:
                tools.append((tool["name"], ""))
        items = body["input"] if isinstance(body["input"], list) else []
        return tools, sum(item.get("type") == "function_call_output" for item in items)

    def _items(self, turn):
        content = [{"type": "output_text", "text": turn.text, "annotations": []}]
        message = {"type": "message", "id": f"m{turn.number}", "role": "assistant"}
        items: list[dict[str, Any]] = [{**message, "status": "completed", "content": content}]
        if turn.tool:
            call = {"type": "function_call", "id": f"f{turn.number}", "status": "completed"}
            call |= {"call_id": f"call_{turn.number}", "name": turn.tool}
            call |= {"namespace": turn.namespace} if turn.namespace else {}
            items.append({**call, "arguments": json.dumps(turn.arguments)})
        return items

    def plain(self, body, turn, tokens):
        return {
            "id": f"resp_{turn.number:04}",
            "object": "response",
            "created_at": 0,
            "model": body["model"],
            "status": "completed",
            "output": self._items(turn),
            "usage": {
                "input_tokens": tokens[0],
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": tokens[1],
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": sum(tokens),
            },
        }

    def events(self, body, turn, tokens):
        whole = self.plain(body, turn, tokens)
        begun = {**whole, "status": "in_progress", "output": [], "usage": None}
        yield {"type": "response.created", "response": begun}
        for index, item in enumerate(whole["output"]):
            yield {"type": "response.output_item.added", "output_index": index, "item": item}
            yield {"type": "response.output_item.done", "output_index": index, "item": item}
        yield {"type": "response.completed", "response": whole}


class Gemini(Api):
    def view(self, body):
        tools = [
            (function["name"], "")
            for tool in body.get("tools", [])
            for function in tool.get("functionDeclarations", [])
        ]
        parts = [part for content in body["contents"] for part in content["parts"]]
        return tools, sum("functionResponse" in part for part in parts)

    def plain(self, body, turn, tokens):
        parts: list[dict[str, Any]] = [{"text": turn.text}]
        if turn.tool:
            parts.append({"functionCall": {"name": turn.tool, "args": turn.arguments}})
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
        counts = {"promptTokenCount": tokens[0], "candidatesTokenCount": tokens[1]}
        return {
            "candidates": [{**candidate, "finishReason": "STOP"}],
            "usageMetadata": {**counts, "totalTokenCount": sum(tokens)},
            "modelVersion": "scripted",
        }

    def events(self, body, turn, tokens):
        yield self.plain(body, turn, tokens)


APIS = {
    "/chat/completions": Chat(),
    "/messages": Messages(),
    "/responses": Responses(),
    "GenerateContent": Gemini(),
    "generateContent": Gemini(),
}


def _handler(
    script: Script, ledger: Ledger, faults: Iterator[ProviderFault]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        fault = SOUND

        def log_message(self, *_: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self._send(b"", "text/plain")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or "{}")
            with ledger.lock:
                self.fault = next(faults, SOUND)
            if self.fault.status:
                self._refuse(self.fault.status)
                return
            path = self.path.partition("?")[0]
            api = next((api for end, api in APIS.items() if path.endswith(end)), None)
            if api is None:
                self.send_error(404)
                return
            tools, done = api.view(body)
            told = flat(body)
            turn = play(script, told, tools, done)
            tokens = (len(told) // 4, turn.tokens)
            body.setdefault("model", path.rpartition("/")[2].partition(":")[0])
            ledger.add(path, body, tokens)
            if body.get("stream") or "streamGenerateContent" in path:
                named = isinstance(api, Messages | Responses)
                text = "".join(_event(e, named=named) for e in api.events(body, turn, tokens))
                self._send(text.encode(), "text/event-stream")
            else:
                self._send(json.dumps(api.plain(body, turn, tokens)).encode(), "application/json")

        def _send(self, data: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(self.fault.spoilt(data))
            if self.fault.spoils:
                self.wfile.flush()
                sleep(self.fault.stall)
                self.close_connection = True

        def _refuse(self, status: int) -> None:
            data = json.dumps({"error": {"type": "api_error", "message": f"HTTP {status}"}})
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data.encode())

    return Handler


def _event(event: Any, *, named: bool) -> str:
    data = event if isinstance(event, str) else json.dumps(event)
    return f"event: {event['type']}\ndata: {data}\n\n" if named else f"data: {data}\n\n"


@contextmanager
def scripted_model(
    script: Script = usual, port: int = 0, faults: Iterable[ProviderFault] = ()
) -> Iterator[tuple[str, Ledger]]:
    """Serve until the block ends; yields the address, without a path, and the ledger.

    faults: of the first requests, one each, endless ones of all.
    """
    ledger = Ledger()
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(script, ledger, iter(faults)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", ledger
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    with scripted_model(port=int(sys.argv[1])) as (url, _):
        sys.stderr.write(f"{url}\n")
        threading.Event().wait()
