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
from typing import Any

from harness.sandboxes.supervisor import END, ERR, FRAME, OUT
from seqswe.errors import RolloutError

HEADER = struct.Struct(">BxxxL")
"""Before each piece of an attached stream: which stream, how many bytes."""
LAST_WORDS = 10
"""Seconds after which a container that was ended counts as gone."""
COMPLAINT = 300
"""Last bytes kept of what the main process itself complains about."""


class Said:
    """What a command has said so far; `done` is set after its last word."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.output = {OUT: bytearray(), ERR: bytearray()}
        self.end: dict[str, Any] = {}
        """Exit code and more; empty where the connection ended first."""


class Channel:
    """Orders to `supervisor` and their answers. Safe between threads."""

    def __init__(self, attached: Any) -> None:
        """`attached`: docker-py's socket, attached before the container's start.

        Attached later, what has arrived with the HTTP headers would lie in a buffer above it.
        """
        self._attached = attached
        # Held, because a response that nobody holds closes its connection.
        self._response: Any = getattr(attached, "_response", attached)
        self._socket = getattr(attached, "_sock", attached)
        self._socket.settimeout(None)
        self._file = self._socket.makefile("rb")
        self._numbers = itertools.count()
        self._asked: dict[int, Said] = {}
        self._complaint = b""
        self._ended = False
        self._sending = threading.Lock()
        threading.Thread(target=self._listen, name="channel", daemon=True).start()

    def ask(self, patience: float, give_up: Callable[[], None], **order: Any) -> Said:
        """Have an order carried out; `give_up` ends the container if it takes `patience` seconds.

        Raises RolloutError("sandbox_failed") where the container went away.
        """
        said, number = Said(), next(self._numbers)
        self._asked[number] = said
        if self._ended:
            said.done.set()
        # Where the other end is gone, or was closed here, listening ends too.
        with self._sending, suppress(OSError, ValueError):
            self._socket.sendall(json.dumps({"number": number, **order}).encode() + b"\n")
        if not said.done.wait(patience):
            give_up()
            said.done.wait(LAST_WORDS)
        if not said.end:
            why = self._complaint.decode("utf-8", "replace").strip()
            raise RolloutError(
                "sandbox_failed", f"the container went away under a command {why}".rstrip()
            )
        return said

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
                    self._complaint = (self._complaint + data)[-COMPLAINT:]
        except (OSError, ValueError, struct.error):
            pass  # the container is gone, or being removed
        finally:
            self._ended = True
            for said in list(self._asked.values()):
                said.done.set()
            for each in (self._response, self._file, self._attached):
                with suppress(OSError, ValueError):
                    each.close()

    def _hear(self, unread: bytearray) -> None:
        """Take whole frames from what has arrived."""
        at = 0
        while len(unread) >= at + FRAME.size:
            number, what, length = FRAME.unpack_from(unread, at)
            end = at + FRAME.size + length
            if len(unread) < end:
                break
            data, at = unread[at + FRAME.size : end], end
            if what == END:
                said = self._asked.pop(number)
                said.end = json.loads(data)
                said.done.set()
            else:
                self._asked[number].output[what] += data
        del unread[:at]
