"""A Docker engine that goes wrong on demand: a relay to the real one that reads the requests."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

REQUEST = re.compile(rb"(GET|POST|DELETE|HEAD) (?:/v[0-9.]+)?(\S+) HTTP")
ANSWERS = {
    "500": b'HTTP/1.1 500 Oops\r\nContent-Length: 20\r\n\r\n{"message": "broken"}'[:-1],
    "garbage": b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ngarbage",
    "no fields": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "no HTTP": b"\x00\xff\x00 what?\r\n\r\n",
    "half an answer": b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{",
}
FAULTS = (*ANSWERS, "reset", "close")


class FaultyEngine:
    """Listens on a Unix socket; `fault` names what becomes of requests that match `on`."""

    def __init__(self, path: str, engine: str) -> None:
        self.path, self._engine = path, engine
        self.fault, self.on = "", ""
        self.seen: list[str] = []
        self._connections: set[socket.socket] = set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(50)
        self._start(self._accept)

    def break_(self, fault: str, on: str = "") -> None:
        """From now on answer requests that match `on` (all if empty) with a fault."""
        self.fault, self.on = fault, on

    def go_away(self) -> None:
        """Cut every connection, and refuse new ones."""
        self.fault = "close"
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # or the thread that accepts stays
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Cut every connection that is open now."""
        for each in list(self._connections):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._engine)
                self._connections |= {client, server}
                self._start(self._relay, client, server, self._answer)
                self._start(self._relay, server, client, lambda *_: False)

    def _relay(
        self, source: socket.socket, target: socket.socket, stop: Callable[..., bool]
    ) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if stop(source, data):
                    break
                target.sendall(data)
        for each in (target,) if not data else (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_WR if not data else socket.SHUT_RDWR)

    def _answer(self, client: socket.socket, data: bytes) -> bool:
        """Answer a request wrongly, if it is one of those; returns whether the relay ends."""
        request = REQUEST.match(data)
        if request is None:
            return False
        name = f"{request[1].decode()} {request[2].decode()}"
        self.seen.append(name)
        if not self.fault or not re.search(self.on, name):
            return False
        if self.fault == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self.fault in ANSWERS:
            client.sendall(ANSWERS[self.fault])
        elif self.fault == "hang":
            client.recv(1 << 16)
        return True

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()
