"""The gateway's event loop, in a thread, and the doors by which sandboxes reach it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from harness.gateway.asked import Reply, Request
from harness.gateway.forward import Forwarder
from harness.gateway.server import HttpServer
from harness.gateway.session import Session, Waiting
from harness.gateway.transport import Line, SocketTransport
from harness.gateway.upstream import Upstream
from seqswe.errors import RolloutError
from seqswe.sandbox import ModelAccess

T = TypeVar("T")
DRAIN_SECONDS = 60.0
"""Given to answers that are under way when an agent has ended: they are paid for, and count."""
CALL_SECONDS = 1.0
"""Between two looks at whether the event loop is still there."""


class Door:
    """Leads from one sandbox to the gateway. It is shut until a session opens it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.waiting = Waiting()
        self.session: Session | None = None
        self.server = HttpServer(self._handle)
        self.line: Line | None = None

    @property
    def access(self) -> ModelAccess:
        """What the sandbox is to be opened with."""
        assert self.line
        return ModelAccess(socket=self.line.socket, waited=self.waiting.seconds)

    def attach(self, sandbox: object) -> None:
        """Called once the sandbox is open, before anything runs in it."""
        assert self.line
        self.line.attach(sandbox)

    async def _handle(self, request: Request, reply: Reply) -> None:
        session = self.session
        if session is None:
            await reply.start(400, "text/plain", 0)
            await reply.finish()
            return
        await self.engine.handle(session, request, reply)


class Engine:
    """An event loop in a thread, and what it does. It is never started again."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.transport = SocketTransport(folder)
        self.forwarder: Forwarder
        self.upstream: Upstream | None = None
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._thread.is_alive()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there. Raises RolloutError("gateway_failed") if the loop has ended."""
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        except RuntimeError:
            coroutine.close()
            raise self._ended() from None
        while True:
            try:
                return future.result(CALL_SECONDS)
            except CancelledError:
                raise self._ended() from None
            except FutureTimeout:
                if not self.alive:
                    coroutine.close()
                    raise self._ended() from None

    async def handle(self, session: Session, request: Request, reply: Reply) -> None:
        """Answer a request of a rollout, which may end while it is under way."""
        task = asyncio.create_task(self._handle(session, request, reply))
        session.tasks.add(task)
        try:
            await task
        finally:
            session.tasks.discard(task)

    async def _handle(self, session: Session, request: Request, reply: Reply) -> None:
        try:
            await self.forwarder.handle(session, request, reply)
        except Exception as error:  # noqa: BLE001  (a bug must not look like a poor agent)
            # Its text might quote a request or a key.
            session.fail("gateway_failed", f"a bug of the gateway: {type(error).__name__}")
            reply.abort()

    async def finish(self, session: Session) -> None:
        """Let the answers of a rollout that are under way come to their end, or end them."""
        session.ended = True
        if session.tasks:
            await asyncio.wait(session.tasks, timeout=DRAIN_SECONDS)
        left = list(session.tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def stop(self) -> None:
        """End the loop and its connections."""
        if self.alive:
            with suppress(RolloutError):
                self.call(self._close())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()

    async def _close(self) -> None:
        if self.upstream:
            await self.upstream.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self.loop.close()

    def _ended(self) -> RolloutError:
        return RolloutError("gateway_failed", "the model gateway has ended")


async def open_door(engine: Engine) -> Door:
    """A door of a loop; to be run in it."""
    door = Door(engine)
    door.line = await engine.transport.open(door.server)
    return door


async def shut(door: Door) -> None:
    """Shut a door for good; to be run in its loop."""
    if door.line:
        door.line.close()
    await door.server.close()
