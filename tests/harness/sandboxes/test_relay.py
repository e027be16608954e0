"""The relay passes bytes both ways, in any order and at any speed, and ends with its listener."""

import os
import socket
import threading
import time
from contextlib import suppress

import pytest

from harness.sandboxes.relay import MOST_CONNECTIONS, RelayThread

MEGABYTES = 8


class Target:
    """What stands behind the relay: `serve(connection)` is called for each connection."""

    def __init__(self, path, serve):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(128)
        self.serve, self.served = serve, 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.served += 1
                threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        with connection, suppress(OSError):
            self.serve(connection)


def echo(connection):
    while data := connection.recv(1 << 16):
        connection.sendall(data)


@pytest.fixture
def relay(tmp_path):
    made = []

    def make(serve):
        path = tmp_path / "s"
        target = Target(path, serve)
        relay = RelayThread(str(path))
        made.append((target, relay))
        host, _, port = relay.url.removeprefix("http://").partition(":")
        return relay, (host, int(port)), target

    yield make
    for target, relay in made:
        relay.close()
        target.listener.close()


def read_all(end):
    data = bytearray()
    while piece := end.recv(1 << 16):
        data += piece
    return bytes(data)


def test_megabytes_pass_both_ways_and_an_end_of_sending_is_passed_on(relay):
    _, address, _ = relay(echo)
    data = os.urandom(MEGABYTES << 20)
    with socket.create_connection(address) as end:
        sender = threading.Thread(target=lambda: (end.sendall(data), end.shutdown(socket.SHUT_WR)))
        sender.start()
        assert read_all(end) == data
        sender.join()


def test_a_reader_that_is_slow_holds_up_nobody_else(relay):
    _, address, _ = relay(echo)
    slow = socket.create_connection(address)

    def flood():
        with suppress(OSError):  # it is closed in the end
            slow.sendall(b"x" * (64 << 20))

    threading.Thread(target=flood, daemon=True).start()
    time.sleep(0.3)
    started = time.monotonic()
    with socket.create_connection(address) as end:
        end.sendall(b"hello")
        assert end.recv(5) == b"hello"
    assert time.monotonic() - started < 2
    slow.close()


def test_an_answer_that_outlives_the_question_arrives(relay):
    def late(connection):
        read_all(connection)
        time.sleep(0.2)
        connection.sendall(b"late" * 100_000)

    _, address, _ = relay(late)
    with socket.create_connection(address) as end:
        end.sendall(b"question")
        end.shutdown(socket.SHUT_WR)
        assert read_all(end) == b"late" * 100_000


def test_a_connection_that_one_side_breaks_is_broken_on_the_other(relay):
    broken = threading.Event()

    def waits(connection):
        if connection.recv(1) == b"":
            broken.set()

    _, address, _ = relay(waits)
    socket.create_connection(address).close()
    assert broken.wait(5)


def test_connections_beyond_the_most_are_closed_and_later_ones_are_served(relay):
    _, address, target = relay(echo)
    held = [socket.create_connection(address) for _ in range(MOST_CONNECTIONS + 20)]
    time.sleep(0.5)
    assert target.served == MOST_CONNECTIONS
    for end in held:
        end.close()
    time.sleep(0.5)
    with socket.create_connection(address) as end:
        end.sendall(b"hello")
        assert end.recv(5) == b"hello"


def test_without_anybody_behind_it_connections_are_closed(tmp_path):
    relay = RelayThread(str(tmp_path / "nobody"))
    port = int(relay.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as end:
        assert end.recv(1) == b""
    relay.close()


def test_it_ends_with_every_connection(relay):
    made, address, _ = relay(echo)
    end = socket.create_connection(address)
    end.sendall(b"x")
    assert end.recv(1) == b"x"
    made.close()
    made.close()
    assert end.recv(1) == b""
    with pytest.raises(OSError):
        socket.create_connection(address, 1)
