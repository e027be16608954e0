"""A relay from a port of 127.0.0.1 to the gateway's socket, since no agent asks a socket itself.

In a container it is a child of `supervisor`, with which it is sent there: it needs nothing but
Python 3.7, has no rights, and runs as another user than any command, so that none can end it and
none is short of processes for it. In the local sandbox it is a thread.
"""

from __future__ import annotations

import errno
import os
import selectors
import signal
import socket
import threading
import time
from contextlib import suppress

PORT = 8199
"""In a container, whose ports are its own."""
PIECE = 1 << 16
MOST_CONNECTIONS = 64
CONNECT_SECONDS = 5.0
CROWDED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
CROWDED_SECONDS = 0.05
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Way:
    """One direction of a connection, with at most one piece under way."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source, self.sink = source, sink
        self.data = b""
        self.ended = False

    def read(self) -> None:
        """Take the next piece. Raises OSError."""
        self.data = self.source.recv(PIECE)
        self.ended = not self.data
        if self.ended:
            self.sink.shutdown(socket.SHUT_WR)

    def write(self) -> None:
        """Pass on what the other side takes. Raises OSError."""
        self.data = self.data[self.sink.send(self.data) :]


class Relay:
    """Passes on connections until its listener is closed."""

    def __init__(self, listener: socket.socket, target: str) -> None:
        self._listener, self._target = listener, target
        self._selector = selectors.DefaultSelector()
        self._ways: dict[socket.socket, tuple[Way, Way]] = {}
        """By socket: the way that it is the source of, and the one that it is the sink of."""
        listener.setblocking(False)
        self._selector.register(listener, READ)

    def serve(self) -> None:
        """Serve until the listener is shut down."""
        while True:
            for key, events in self._selector.select():
                if key.fileobj is not self._listener:
                    self._move(key.fileobj, events)  # type: ignore[arg-type]
                elif not self._accept():
                    while self._ways:
                        self._close(next(iter(self._ways)))
                    self._selector.close()
                    self._listener.close()
                    return

    def _accept(self) -> bool:
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return True
        except OSError as error:
            time.sleep(CROWDED_SECONDS)
            return error.errno in CROWDED  # else the listener was shut down
        gateway = socket.socket(socket.AF_UNIX)
        try:
            if len(self._ways) >= 2 * MOST_CONNECTIONS:
                raise OSError("too many connections")
            gateway.settimeout(CONNECT_SECONDS)
            gateway.connect(self._target)
        except OSError:
            client.close()
            gateway.close()
            return True
        # Else an answer in two pieces waits for 40 ms between them.
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        there, back = Way(client, gateway), Way(gateway, client)
        self._ways[client], self._ways[gateway] = (there, back), (back, there)
        for each in (client, gateway):
            each.setblocking(False)
            self._selector.register(each, READ)
        return True

    def _move(self, each: socket.socket, events: int) -> None:
        if each not in self._ways:  # closed by an earlier event
            return
        out, in_ = self._ways[each]
        try:
            if events & WRITE and in_.data:
                in_.write()
            if events & READ and not out.data and not out.ended:
                out.read()
        except BlockingIOError:
            pass
        except OSError:
            self._close(each)
            return
        if out.ended and in_.ended and not in_.data:
            self._close(each)
            return
        for one in (out.source, out.sink):
            self._watch(one)

    def _watch(self, each: socket.socket) -> None:
        out, in_ = self._ways[each]
        wanted = (READ if not out.data and not out.ended else 0) | (WRITE if in_.data else 0)
        try:
            if wanted:
                self._selector.modify(each, wanted)
            else:
                self._selector.unregister(each)
        except KeyError:
            if wanted:
                self._selector.register(each, wanted)

    def _close(self, each: socket.socket) -> None:
        for one in (self._ways[each][0].source, self._ways[each][0].sink):
            del self._ways[one]
            with suppress(KeyError):
                self._selector.unregister(one)
            one.close()


def listen(port: int) -> socket.socket:
    """A listener on 127.0.0.1; on a free port for 0."""
    listener = socket.socket(socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(MOST_CONNECTIONS)
    return listener


def start_child(target: str) -> int:
    """In a container: relay in a child of this process, without its rights and its streams."""
    from .namespaces import keep_rights

    listener = listen(PORT)
    child = os.fork()
    if child:
        listener.close()
        return child
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        keep_rights(0)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        Relay(listener, target).serve()
    finally:
        os._exit(1)


class RelayThread:
    """A relay on a free port of this machine."""

    def __init__(self, target: str) -> None:
        self._listener = listen(0)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        relay = Relay(self._listener, target)
        threading.Thread(target=relay.serve, name="relay", daemon=True).start()

    def close(self) -> None:
        """End it with every connection; safe to call twice."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
