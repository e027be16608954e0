"""How bytes come from a sandbox to the gateway: by a socket that is mounted into it.

A remote engine, and one in a virtual machine, cannot mount a socket of this machine. Another
transport would carry the same bytes as frames over the channel that the supervisor is attached
by: `open` would then give an `access` without a socket, and `attach` would take the sandbox.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

NAME = "s"
BACKLOG = 128
Serve = Callable[[], asyncio.BaseProtocol]
"""Makes what handles one connection, as `loop.create_server` takes it."""


class Line(Protocol):
    """What leads from one sandbox to the gateway."""

    @property
    def socket(self) -> Path:
        """What the sandbox mounts."""
        ...

    def attach(self, sandbox: object) -> None:
        """Called once the sandbox is open."""
        ...

    def close(self) -> None:
        """End it, and every connection."""
        ...


class Transport(Protocol):
    """A way to reach the gateway from sandboxes; its methods belong to one event loop."""

    async def open(self, serve: Serve) -> Line:
        """A new line, for one sandbox; `serve` handles its connections."""
        ...


class SocketTransport:
    """A Unix socket for each sandbox, alone in its folder below `folder`.

    The folder above lets nobody else of this machine in. The socket itself is open to all: a
    sandbox's user has another number, and its root no right to pass over permissions.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, itertools.count()
        folder.chmod(0o700)

    async def open(self, serve: Serve) -> SocketLine:
        """Make the socket and listen."""
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        folder.chmod(0o755)
        handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        listener = socket.socket(socket.AF_UNIX)
        try:
            # By the folder's handle: the path of a socket has 107 bytes at most.
            listener.bind(f"/proc/self/fd/{handle}/{NAME}")
            (folder / NAME).chmod(0o666)
            loop = asyncio.get_running_loop()
            server = await loop.create_unix_server(serve, sock=listener, backlog=BACKLOG)
        except BaseException:
            listener.close()
            raise
        finally:
            os.close(handle)
        return SocketLine(folder, server)


class SocketLine:
    """A socket that is listened to."""

    def __init__(self, folder: Path, server: asyncio.AbstractServer) -> None:
        self.socket = folder / NAME
        self._folder, self._server = folder, server

    def attach(self, sandbox: object) -> None:
        """Nothing: the sandbox has mounted it."""

    def close(self) -> None:
        """Stop listening, and remove the folder."""
        with suppress(RuntimeError):  # the loop has ended
            self._server.close()
        shutil.rmtree(self._folder, ignore_errors=True)
