"""What a command in a container prints, read from the engine's attached stream."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Any

HEADER = struct.Struct(">BxxxL")
"""Before each piece of an attached stream: which stream, how many bytes."""


def frames(api: Any, name: str) -> Iterator[tuple[int, bytes]]:
    """What a command prints: (1, bytes) for its standard output, (2, bytes) for its errors.

    Not with `exec_start(stream=True)`: that reads from the socket below the HTTP client's buffer,
    and loses what had arrived together with the headers, which is everything a quick command says.
    """
    url = api._url("/exec/{0}/start", name)
    response = api._post_json(url, {"Detach": False, "Tty": False}, stream=True, timeout=None)
    api._raise_for_status(response)
    with response:
        while header := response.raw.read(HEADER.size):
            stream, length = HEADER.unpack(header)
            yield stream, response.raw.read(length)


def collect(pieces: Iterable[tuple[int, bytes]], limit: int) -> tuple[bytes, bytes, bool]:
    """Both outputs up to `limit` bytes each; the rest is read and dropped."""
    kept = {1: bytearray(), 2: bytearray()}
    dropped = False
    for stream, chunk in pieces:
        room = limit - len(kept[stream])
        kept[stream].extend(chunk[:room])
        dropped = dropped or len(chunk) > room
    return bytes(kept[1]), bytes(kept[2]), dropped
