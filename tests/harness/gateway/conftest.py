"""A scripted provider, and gateways before it whose sockets are asked by a plain client."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from harness.gateway import GatewaySettings, RolloutId
from harness.gateway.gateway import Gateway
from harness.gateway.limits import Spending
from tests.harness.gateway.scripted_provider import ScriptedProvider

APIS = ("chat", "responses", "messages", "gemini")
PRICES = """
["m"]
input = 10.0
cached_input = 1.0
cache_creation = 12.5
output = 100.0
"""
ROLLOUT = RolloutId(arm="iid", seed=0, position=3, instance_id="house__1")
BODIES = {
    "chat": ("/v1/chat/completions", {"model": "m", "messages": []}),
    "responses": ("/v1/responses", {"model": "m", "input": []}),
    "messages": ("/v1/messages?beta=true", {"model": "m", "messages": [], "max_tokens": 9}),
    "gemini": ("/v1beta/models/m:generateContent", {"contents": []}),
}
STREAMED = {
    "chat": ("/v1/chat/completions", {"stream": True}),
    "responses": ("/v1/responses", {"stream": True}),
    "messages": ("/v1/messages", {"stream": True}),
    "gemini": ("/v1beta/models/m:streamGenerateContent?alt=sse", {}),
}


@pytest.fixture
def provider():
    with ScriptedProvider() as made:
        yield made


@dataclass
class Answered:
    """What a client got; `cut` if the connection broke before the end."""

    status: int
    body: bytes
    cut: bool = False

    @property
    def json(self):
        return json.loads(self.body)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("gateway", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self.path))


@dataclass
class Client:
    """Asks one door: `client.post("/v1/messages", {...})`."""

    session: object
    door: object
    headers: dict = field(default_factory=dict)

    def ask(self, method, target, body=b"", headers=None):
        connection = UnixConnection(self.door.access.socket)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"authorization": f"Bearer {self.session.token}"} if headers is None else headers
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            given = {"host": "gateway", "content-length": str(len(data)), **given}
            for name, value in given.items():
                connection.putheader(name, value.encode("utf-8", "surrogateescape"))
            # A server that refuses at the headers may close before the body is sent: what it
            # answered is there to be read all the same.
            with suppress(BrokenPipeError):
                connection.endheaders(data)
            response = connection.getresponse()
            try:
                return Answered(response.status, response.read())
            except (http.client.IncompleteRead, ConnectionError) as error:
                return Answered(response.status, getattr(error, "partial", b""), cut=True)
        except (http.client.RemoteDisconnected, ConnectionError):
            return Answered(0, b"", cut=True)
        finally:
            connection.close()

    def post(self, target, body, **how):
        return self.ask("POST", target, body, **how)

    def whole(self, api, **more):
        """A plain request of an API, not streamed."""
        target, body = BODIES[api]
        return self.post(target, {**body, **more})

    def stream(self, api, **more):
        """A streamed one."""
        target, streamed = STREAMED[api]
        return self.post(target, {**BODIES[api][1], **streamed, **more})


@pytest.fixture
def open_gateway(provider, tmp_path):
    """`open_gateway(rollout_tokens=100)`: a gateway before the provider, closed at the end."""
    with ExitStack() as stack:
        count = iter(range(99))

        def make(*, spent=None, environ=None, notes=None, **settings):
            folder = tmp_path / f"gateway-{next(count)}"
            folder.mkdir()
            prices = tmp_path / "prices.toml"
            prices.write_text(PRICES)
            given = {
                "model": "m",
                "apis": APIS,
                "prices": prices,
                "wait_seconds": 0.01,
                "environ": provider.environ() if environ is None else environ,
                **settings,
            }
            kept = [] if notes is None else notes
            made = Gateway(GatewaySettings(**given), folder, spent or Spending(), kept.append)
            made.notes = kept
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def enter(open_gateway):
    """`with enter(rollout_tokens=100) as client`: a rollout's client at a gateway of its own."""

    @contextmanager
    def make(gateway=None, rollout=ROLLOUT, **settings):
        gateway = gateway or open_gateway(**settings)
        door = gateway.open_door()
        with gateway.session(door, rollout, "http://127.0.0.1:8199") as session:
            client = Client(session, door)
            client.gateway = gateway
            yield client
        gateway.close_door(door)

    return make
