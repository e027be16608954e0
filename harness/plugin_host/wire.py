"""Messages between the harness and a plug-in's process: a length, then as many bytes.

Towards the plug-in they are pickled: it may trust the harness. Back they are JSON, which can build
nothing but plain data.
"""

from __future__ import annotations

import json
import pickle
import socket
import struct
from time import monotonic
from typing import Any

from seqswe.nesting import is_within

HEADER = struct.Struct(">Q")
MAX_BYTES = 32_000_000
"""Of one message from a plug-in."""
MAX_DEPTH = 100
"""Of lists and objects in one another."""
PIECE = 1 << 20


class Closed(Exception):
    """The other side has closed the connection."""


class Oversized(Exception):
    """A message is larger than it may be."""


class Connection:
    """One end. `deadline` is a moment of `time.monotonic`; TimeoutError is raised after it."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    def tell(self, message: Any, deadline: float | None = None) -> None:
        """Send an object to a plug-in's process."""
        self._send(pickle.dumps(message), deadline)

    def told(self) -> Any:
        """Receive an object from the harness. Raises Closed."""
        return pickle.loads(self._receive(None, None))

    def answer(self, message: Any) -> None:
        """Send plain data to the harness. Raises TypeError or ValueError for any other."""
        self._send(json.dumps(message, default=_plain).encode(), None)

    def answered(self, deadline: float) -> dict[str, Any]:
        """Receive plain data from a plug-in's process.

        Raises Closed, Oversized, TimeoutError, and ValueError for what is not a JSON object.
        """
        data = self._receive(MAX_BYTES, deadline)
        try:
            message = json.loads(data)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        if not isinstance(message, dict):
            raise ValueError("it is no JSON object")
        if not is_within(message, MAX_DEPTH):
            raise ValueError("it is nested too deeply")
        return message

    def close(self) -> None:
        """Close this end; safe to call twice."""
        self._socket.close()

    def _send(self, data: bytes, deadline: float | None) -> None:
        view = memoryview(HEADER.pack(len(data)) + data)
        try:
            while view:
                self._socket.settimeout(_left(deadline))
                view = view[self._socket.send(view[:PIECE]) :]
        except (BrokenPipeError, ConnectionResetError):
            raise Closed from None

    def _receive(self, most: int | None, deadline: float | None) -> bytes:
        (size,) = HEADER.unpack(self._exactly(HEADER.size, deadline))
        if most is not None and size > most:
            raise Oversized(f"it is of {size} bytes, and {most} are allowed")
        return self._exactly(size, deadline)

    def _exactly(self, size: int, deadline: float | None) -> bytes:
        data = bytearray()
        while len(data) < size:
            self._socket.settimeout(_left(deadline))
            try:
                piece = self._socket.recv(min(PIECE, size - len(data)))
            except ConnectionResetError:
                raise Closed from None
            if not piece:
                raise Closed
            data += piece
        return bytes(data)


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _plain(value: Any) -> Any:
    """A number of numpy as one of Python, which JSON can hold."""
    item = getattr(value, "item", None)
    if callable(item):
        return item()
    raise TypeError(f"{type(value).__name__} is not JSON serializable")
