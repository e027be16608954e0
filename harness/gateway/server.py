"""HTTP at the end of a sandbox's line: aiohttp reads requests, `forward` answers them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import web

from harness.gateway.asked import Request

MAX_REQUEST = 32 << 20
MOST_CONNECTIONS = 64
MOST_AT_A_TIME = 8
"""Requests of one sandbox: their bodies are in the memory of the run's process."""
KEEPALIVE_SECONDS = 600.0
SILENT = logging.Logger("seqswe.gateway")
"""What an agent sends must not reach the terminal."""
SILENT.addHandler(logging.NullHandler())
Handle = Callable[[Request, "HttpReply"], Awaitable[None]]


class HttpReply:
    """Answers a request of aiohttp's server. A client that has gone is no error."""

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request
        self._gone = False
        self.response: web.StreamResponse | None = None

    async def start(self, status: int, content_type: str, length: int | None) -> None:
        """Send status and headers."""
        self.response = web.StreamResponse(status=status, headers={"content-type": content_type})
        if length is None:
            self.response.enable_chunked_encoding()
        else:
            self.response.content_length = length
        try:
            await self.response.prepare(self._request)
        except ConnectionError:
            self._gone = True

    async def write(self, data: bytes) -> None:
        """Send a piece."""
        if self._gone or not data:
            return
        assert self.response
        try:
            await self.response.write(data)
        except ConnectionError:
            # What the provider still sends is read all the same: it is paid for, and counts.
            self._gone = True

    async def finish(self) -> None:
        """End the answer."""
        if not self._gone and self.response:
            try:
                await self.response.write_eof()
            except ConnectionError:
                self._gone = True

    def abort(self) -> None:
        """Close the connection in the middle of the answer."""
        self._gone = True
        if self._request.transport:
            self._request.transport.abort()


class _Closed(asyncio.Protocol):
    """One connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()


class HttpServer:
    """Makes the protocols of a line's connections."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._lanes = asyncio.Semaphore(MOST_AT_A_TIME)
        self._server = web.Server(
            self._answer, access_log=None, logger=SILENT, keepalive_timeout=KEEPALIVE_SECONDS
        )

    def __call__(self) -> asyncio.BaseProtocol:
        """The protocol of one more connection."""
        if len(self._server.connections) >= MOST_CONNECTIONS:
            return _Closed()
        return self._server()

    async def close(self) -> None:
        """End every connection."""
        await self._server.shutdown(timeout=1.0)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        async with self._lanes:
            return await self._answer_one(request)

    async def _answer_one(self, request: web.BaseRequest) -> web.StreamResponse:
        reply = HttpReply(request)
        problem = _problem(request)
        body = None if problem else await _body(request)
        if problem or body is None:
            status, reason = problem or (413, f"a request of more than {MAX_REQUEST:,} bytes")
            response = web.Response(status=status, text=reason)
            response.force_close()
            return response
        headers = {name.lower(): value for name, value in request.headers.items()}
        await self._handle(
            Request(method=request.method, target=request.raw_path, headers=headers, body=body),
            reply,
        )
        return reply.response or web.Response(status=500)


def _problem(request: web.BaseRequest) -> tuple[int, str] | None:
    if request.method == "CONNECT" or "upgrade" in request.headers:
        return 405, "the gateway is no proxy"
    if request.headers.get("content-encoding", "identity") != "identity":
        return 415, "the gateway reads no compressed requests"
    if (request.content_length or 0) > MAX_REQUEST:
        return 413, f"a request of more than {MAX_REQUEST:,} bytes"
    return None


async def _body(request: web.BaseRequest) -> bytes | None:
    """The body; None for one that is too large."""
    data = bytearray()
    async for piece in request.content.iter_any():
        data += piece
        if len(data) > MAX_REQUEST:
            return None
    return bytes(data)
