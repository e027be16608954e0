"""The host's end of a container's main process: one connection, any number of commands.

An `exec` of the engine costs fifty times what starting a process inside does.
"""

from __future__ import annotations

import itertools
import json
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_RDWR
from time import monotonic
from typing import Any

from harness.sandboxes.supervisor import END, ERR, FRAME, OUT
from seqswe.errors import RolloutError

HEADER = struct.Struct(">BxxxL")
"""Before each piece of an attached stream: which stream, how many bytes."""
GRACE_SECONDS = 10
"""Seconds after which a killed container counts as gone."""
TICK = 1.0
"""Seconds between two looks at what no deadline counts."""
ERROR_BYTES = 300
"""Last bytes kept of the main process's own errors."""


class CommandOutput:
    """The output of a command so far; `done` is set once it is complete."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.streams = {OUT: bytearray(), ERR: bytearray()}
        self.end: dict[str, Any] = {}
        """Exit code and more; empty if the connection ended first."""


class Channel:
    """Sends orders to `supervisor` and collects the output. Safe between threads."""

    def __init__(self, attached: Any) -> None:
        """`attached`: docker-py's socket, attached before the container's start.

        If it is attached later, bytes that arrive with the HTTP headers stay in a buffer above it.
        """
        self._attached = attached
        # Held, because a response that is garbage collected closes its connection.
        self._response: Any = getattr(attached, "_response", attached)
        self._socket = getattr(attached, "_sock", attached)
        self._socket.settimeout(None)
        self._file = self._socket.makefile("rb")
        self._numbers = itertools.count()
        self._pending: dict[int, CommandOutput] = {}
        self._errors = b""
        self._ended = False
        self._sending = threading.Lock()
        threading.Thread(target=self._listen, name="channel", daemon=True).start()

    def ask(
        self,
        wait_seconds: float,
        give_up: Callable[[], None],
        waited: Callable[[], float] | None = None,
        **order: Any,
    ) -> CommandOutput:
        """Carry out an order; after `wait_seconds` call `give_up`, which must end the container.

        waited: seconds so far that no deadline counts; the order is given more while they grow.
        Raises RolloutError("sandbox_failed") if the container went away.
        """
        output, number = CommandOutput(), next(self._numbers)
        self._pending[number] = output
        if self._ended:
            output.done.set()
        self._tell(number=number, **order)
        if waited:
            wait_seconds = self._extending(output, number, wait_seconds, waited)
        if not output.done.wait(wait_seconds):
            give_up()
            output.done.wait(GRACE_SECONDS)
        if not output.end:
            why = self._errors.decode("utf-8", "replace").strip()
            raise RolloutError(
                "sandbox_failed", f"the container went away under a command {why}".rstrip()
            )
        return output

    def _tell(self, **order: Any) -> None:
        # If the other end is gone, or was closed on this side, listening ends too.
        with self._sending, suppress(OSError, ValueError):
            self._socket.sendall(json.dumps(order).encode() + b"\n")

    def _extending(
        self, output: CommandOutput, number: int, seconds: float, waited: Callable[[], float]
    ) -> float:
        """Wait and pass on what no deadline counts; returns the seconds that are left to wait."""
        until, before = monotonic() + seconds, waited()
        while not output.done.wait(min(TICK, max(0.0, until - monotonic()))):
            more = waited() - before
            before, until = before + more, until + more
            if more > 0:
                self._tell(number=number, extend=more)
            elif monotonic() >= until:
                return 0.0
        return 0.0

    def close(self) -> None:
        """End the connection, and with it the container's standard input."""
        with suppress(OSError, ValueError):
            self._socket.shutdown(SHUT_RDWR)

    def _listen(self) -> None:
        unread = bytearray()
        try:
            while header := self._file.read(HEADER.size):
                stream, length = HEADER.unpack(header)
                data = self._file.read(length)
                if stream == OUT:
                    unread += data
                    self._hear(unread)
                else:
                    self._errors = (self._errors + data)[-ERROR_BYTES:]
        except (OSError, ValueError, KeyError, struct.error):
            pass  # the container is gone or being removed, or what came was none of its answers
        finally:
            self._ended = True
            for output in list(self._pending.values()):
                output.done.set()
            for each in (self._response, self._file, self._attached):
                with suppress(OSError, ValueError):
                    each.close()

    def _hear(self, unread: bytearray) -> None:
        """Take whole frames out of the bytes that have arrived."""
        at = 0
        while len(unread) >= at + FRAME.size:
            number, what, length = FRAME.unpack_from(unread, at)
            end = at + FRAME.size + length
            if len(unread) < end:
                break
            data, at = unread[at + FRAME.size : end], end
            if what == END:
                output = self._pending.pop(number)
                output.end = json.loads(data)
                output.done.set()
            else:
                self._pending[number].streams[what] += data
        del unread[:at]
