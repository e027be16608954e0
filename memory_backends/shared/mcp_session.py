"""A running MCP server over stdio, for synchronous callers."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from seqswe import plugins
from seqswe.errors import MissingError, RolloutError, UsageError

GRACE_SECONDS = 10.0
"""Seconds that a server has to end once its input is closed."""


class McpSession:
    """One server and its client, in a thread with a loop of their own.

    Every failure of the server is raised as RolloutError("memory_failed") with the last line that
    the server wrote.
    """

    def __init__(self, command: list[str], folder: Path, seconds: float) -> None:
        self._log, self._seconds = folder / "server.log", seconds
        self._loop, ready = asyncio.new_event_loop(), Future[Any]()
        held = self._loop.create_task(_hold(ready, partial(_client, command, folder, seconds)))
        # A daemon: a server that hangs must not keep the process from ending.
        thread = Thread(target=_run, args=[self._loop, held], daemon=True)
        thread.start()
        self.close = weakref.finalize(self, _close, self._loop, held, thread)
        self._client = self._await(ready)

    def tools(self) -> dict[str, Mapping[str, Any]]:
        """Return the input schemas of the server's tools by name."""
        listing = self._run(self._client.list_tools())
        return {tool.name: tool.input_schema for tool in listing.tools}

    def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Call a tool; its result has `structured_content` (or None) and `content`."""
        answer = self._run(self._client.call_tool(name, dict(arguments)))
        if answer.is_error:
            raise RolloutError("memory_failed", f"tool {name} refused: {text_of(answer)[:200]}")
        return answer

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._await(asyncio.run_coroutine_threadsafe(coroutine, self._loop))

    def _await(self, future: Future[Any]) -> Any:
        try:
            return future.result(self._seconds)
        except Exception as error:  # the SDK's, the system's and groups of them
            future.cancel()
            self.close()
            lines = self._log.read_text(errors="replace").split("\n") if self._log.exists() else []
            last = next((line for line in reversed(lines) if line.strip()), "it wrote nothing")
            raise RolloutError(
                "memory_failed", f"MCP server: {type(error).__name__}: {error} ({last[:200]})"
            ) from error


def text_of(answer: Any) -> str:
    """Return the text of a tool's result."""
    return "\n".join(part.text for part in answer.content if part.type == "text")


def words_of(command: str) -> list[str]:
    """Split a command line. Raises UsageError, or MissingError if the command does not exist."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"memory option command={command!r}: {error}", "Quote it.") from None
    if not words or not shutil.which(words[0]):
        raise MissingError(
            f"memory 'mcp': there is no command {(words or [''])[0]!r}",
            "Install one, such as: npm install --global @modelcontextprotocol/server-memory; or "
            "give --memory-option command=...",
        )
    return [str(shutil.which(words[0])), *words[1:]]


async def _hold(ready: Future[Any], connect: Callable[[], Any]) -> None:
    # Entered and left in one task, as the SDK's cancel scopes ask for.
    try:
        async with connect() as client:
            ready.set_result(client)
            await asyncio.get_running_loop().create_future()  # until it is cancelled
    except Exception as error:  # noqa: BLE001  (the waiting thread raises it)
        if not ready.done():
            ready.set_exception(error)


@asynccontextmanager
async def _client(command: list[str], folder: Path, seconds: float) -> AsyncIterator[Any]:
    mcp = plugins.require("mcp", "mcp", "memory 'mcp'")
    env = {
        "HOME": str(folder),
        "MEMORY_FILE_PATH": str(folder / "memory.jsonl"),
        "PATH": os.environ.get("PATH", os.defpath),
    }
    server = mcp.StdioServerParameters(
        command=command[0], args=command[1:], env=env, cwd=str(folder)
    )
    with (folder / "server.log").open("w") as log:
        spoken = mcp.stdio_client(server, errlog=log)
        async with mcp.Client(spoken, read_timeout_seconds=seconds) as client:
            yield client


def _run(loop: asyncio.AbstractEventLoop, held: asyncio.Task[None]) -> None:
    with suppress(asyncio.CancelledError), closing(loop):
        loop.run_until_complete(held)


def _close(loop: asyncio.AbstractEventLoop, held: asyncio.Task[None], thread: Thread) -> None:
    with suppress(RuntimeError):  # it has ended by itself
        loop.call_soon_threadsafe(held.cancel)
    thread.join(GRACE_SECONDS)
