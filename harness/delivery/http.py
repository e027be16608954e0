"""The memory as an MCP server on the host, over streamable HTTP, for one task.

It answers on the loopback interface alone, to requests with the task's token and a Host header
that names the server. A web page whose name resolves to this machine gets 421, a request without
the token 401.
"""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep
from typing import Any

from harness.delivery.inside.memory import ABOUT, TOOLS, Store, called
from seqswe import plugins
from seqswe.errors import RolloutError

START_SECONDS = 20.0


@contextmanager
def serve(store: Store) -> Iterator[tuple[str, str]]:
    """Serve until the block ends; yields URL and token. Raises MissingError and RolloutError."""
    token = secrets.token_urlsafe(24)
    uvicorn = plugins.require("uvicorn", "mcp", "--delivery mcp-http")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        config = uvicorn.Config(
            _guarded(_app(store, port), token), log_level="critical", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listening]}, name="memory-http", daemon=True
        )
        thread.start()
        try:
            _wait(server, thread)
            yield f"http://127.0.0.1:{port}/mcp", token
        finally:
            server.should_exit = True
            thread.join(START_SECONDS)


def _wait(server: Any, thread: threading.Thread) -> None:
    for _ in range(int(START_SECONDS / 0.01)):
        if server.started:
            return
        if not thread.is_alive():
            break
        sleep(0.01)
    raise RolloutError("harness_failed", "the memory's HTTP server did not start")


def _app(store: Store, port: int) -> Any:
    types, lowlevel = _mcp("types"), _mcp("server.lowlevel")

    async def list_tools(context: Any, params: Any) -> Any:
        return types.ListToolsResult(tools=[types.Tool.model_validate(tool) for tool in TOOLS])

    async def call_tool(context: Any, params: Any) -> Any:
        text, failed = called(store, params.name, params.arguments)
        content = types.TextContent(type="text", text=text or f"unknown tool {params.name!r}")
        return types.CallToolResult(content=[content], is_error=failed)

    server = lowlevel.Server(
        "memory", instructions=ABOUT, on_list_tools=list_tools, on_call_tool=call_tool
    )
    names = [f"127.0.0.1:{port}", f"localhost:{port}"]
    return server.streamable_http_app(
        json_response=True,
        stateless_http=True,
        transport_security=_mcp("server.transport_security").TransportSecuritySettings(
            allowed_hosts=names, allowed_origins=[f"http://{name}" for name in names]
        ),
    )


def _mcp(module: str) -> Any:
    return plugins.require(f"mcp.{module}", "mcp", "--delivery mcp-http")


def _guarded(app: Any, token: str) -> Any:
    """Wrap the application so that it answers only requests with the token."""
    expected = f"Bearer {token}".encode()

    async def guard(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        if scope["type"] == "http" and not secrets.compare_digest(
            headers.get(b"authorization", b""), expected
        ):
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b"the task's token is missing"})
            return
        await app(scope, receive, send)

    return guard
