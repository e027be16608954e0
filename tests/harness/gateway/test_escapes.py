"""From inside a real container with the gateway mounted, nothing but the gateway is reached."""

import json
import os
import socket
import threading
from dataclasses import replace
from textwrap import dedent

import pytest

from harness.gateway import RolloutId
from harness.sandboxes.relay import PORT
from seqswe.errors import RolloutError
from tests.harness.gateway.conftest import ROLLOUT

pytestmark = pytest.mark.docker
HEAD = "import socket, sys, os, json\nsocket.setdefaulttimeout(5)\n"


class Inside:
    """A container whose agent may ask the gateway: `inside.python("print(1)")`."""

    def __init__(self, sandbox, session):
        self.sandbox, self.session = sandbox, session

    def python(self, program, **how):
        done = self.sandbox.run(["python3", "-c", HEAD + dedent(program)], **how)
        assert done.ok, done.stderr.decode()
        return done.text.strip()

    def http(self, first_line, body=b"{}", token=None, headers=""):
        """The first bytes of what the gateway answers to a request, by its first line."""
        token = self.session.token if token is None else token
        lines = f"{first_line}\r\nhost: x\r\nx-api-key: {token}\r\nconnection: close\r\n{headers}"
        data = f"{lines}content-length: {len(body)}\r\n\r\n".encode() + body
        return self.python(
            f"""
            end = socket.create_connection(("127.0.0.1", {PORT}))
            end.sendall({data!r})
            got = b""
            while piece := end.recv(65536):
                got += piece
            print(got.decode("utf-8", "replace"))
            """
        )

    def fails(self, program):
        """Runs a program that is to fail with an OSError; returns what it said."""
        return self.python(
            f"try:\n{_indented(program)}\nexcept OSError as e:\n    print('refused', e)\n"
            "else:\n    print('REACHED')"
        )


def _indented(program):
    return "\n".join("    " + line for line in dedent(program).strip().splitlines())


@pytest.fixture
def inside(docker, lay, enter):
    with enter(rollout=RolloutId(arm="iid", seed=0, position=0, instance_id="x__1")) as client:
        spec = replace(lay(0, memory_mb=512, pids=64), model=client.door.access)
        sandbox = docker.open(spec)
        try:
            yield Inside(sandbox, client.session)
        finally:
            sandbox.close()


def ask(inside, **more):
    body = json.dumps({"model": "m", "messages": [], "max_tokens": 1, **more}).encode()
    return inside.http("POST /v1/messages HTTP/1.1", body)


def test_the_gateway_is_reached(inside, provider):
    answer = ask(inside)
    assert "200 OK" in answer
    assert '"output_tokens": 20' in answer
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    "address",
    ["192.0.2.1", "10.0.0.1", "172.17.0.1", "172.18.0.1", "192.168.0.1", "169.254.169.254"],
)
def test_no_other_host_is_reached(inside, address):
    for port in (80, 443, 2375):
        assert inside.fails(f"socket.create_connection(({address!r}, {port}))").startswith(
            "refused"
        )


def test_the_hosts_services_are_not_reached(inside):
    """Neither on its loopback, nor by any of its addresses, nor by an abstract socket."""
    listener = socket.create_server(("0.0.0.0", 0))
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind("\0seqswe-test-of-escapes")
    abstract.listen()
    port = listener.getsockname()[1]
    addresses = {"127.0.0.1", "127.0.0.2", "172.17.0.1", "0.0.0.0"}
    addresses |= {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
    try:
        for address in addresses:
            family = "AF_INET6" if ":" in address else "AF_INET"
            said = inside.fails(f"socket.socket(socket.{family}).connect(({address!r}, {port}))")
            assert said.startswith("refused"), address
        said = inside.fails("socket.socket(socket.AF_UNIX).connect('\\0seqswe-test-of-escapes')")
        assert said.startswith("refused")
    finally:
        listener.close()
        abstract.close()


def test_there_is_no_name_service_and_no_package_index(inside):
    for name in ("example.com", "pypi.org", "api.anthropic.com", "host.docker.internal"):
        assert inside.fails(f"socket.getaddrinfo({name!r}, 443)").startswith("refused")
    done = inside.sandbox.run("python3 -m pip download --no-deps six", timeout=120)
    assert not done.ok


def test_ipv6_vsock_packets_and_netlink_lead_nowhere(inside):
    for program in (
        "socket.create_connection(('2001:db8::1', 80))",
        "socket.create_connection(('fe80::1%lo', 80))",
        "socket.socket(40, socket.SOCK_STREAM).connect((2, 1024))",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)",
        "socket.socket(31, socket.SOCK_STREAM)",
    ):
        assert inside.fails(program).startswith("refused"), program
    interfaces = inside.python("print(*(name for _, name in socket.if_nameindex()))")
    assert interfaces == "lo"


@pytest.mark.parametrize(
    "first_line",
    [
        "CONNECT example.com:443 HTTP/1.1",
        "CONNECT 127.0.0.1:22 HTTP/1.1",
        "GET http://example.com/ HTTP/1.1",
        "POST http://127.0.0.1:2375/containers/create HTTP/1.1",
        "POST https://api.anthropic.com/v1/messages HTTP/1.1",
        "GET /v1/models HTTP/1.1",
        "POST /v1/files HTTP/1.1",
        "POST /v1/../v1/messages HTTP/1.1",
        "POST /v1/messages/../../etc HTTP/1.1",
        "POST /v1/%2e%2e/messages HTTP/1.1",
        "POST //evil.example/v1/messages HTTP/1.1",
        "GET /@evil.example/ HTTP/1.1",
    ],
)
def test_the_gateway_is_no_proxy(inside, provider, first_line):
    status = inside.http(first_line).split(" ")[1]
    assert status in ("400", "404", "405")
    assert provider.asked == []


def test_tools_and_servers_of_the_provider_do_not_come_through(inside, provider):
    search = {"type": "web_search_20250305", "name": "web_search"}
    server = {"type": "url", "url": "https://mcp.example/", "name": "x"}
    assert "200 OK" in ask(inside, tools=[search], mcp_servers=[server])
    assert provider.asked[0].body == {"model": "m", "messages": [], "max_tokens": 1}
    image = {"type": "image", "source": {"type": "url", "url": "https://evil.example/?secret"}}
    said = ask(inside, messages=[{"role": "user", "content": [image]}])
    assert "the provider would fetch it" in said
    assert len(provider.asked) == 1


def test_another_model_and_another_rollouts_token_do_not_come_through(inside, provider):
    assert "is not m" in ask(inside, model="expensive")
    other = f"seqswe-{ROLLOUT.arm}-0-3"
    assert "401" in inside.http("POST /v1/messages HTTP/1.1", token=other)
    assert provider.asked == []


def test_keys_are_not_to_be_found_inside(inside, provider):
    key = provider.environ()["OPENAI_API_KEY"]
    found = inside.sandbox.run(
        f"env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null; grep -rs {key[:20]} /inbox /gateway"
    )
    assert key.encode() not in found.stdout


def test_the_mount_holds_a_socket_and_nothing_can_be_written_to_it(inside):
    assert inside.python("print(*os.listdir('/gateway'))") == "s"
    for program in (
        "open('/gateway/x', 'w')",
        "os.unlink('/gateway/s')",
        "os.chmod('/gateway/s', 0)",
        "os.rename('/gateway/s', '/tmp/s')",
    ):
        assert inside.fails(program).startswith("refused")


def test_the_relay_cannot_be_ended_and_outlives_a_purge(inside, provider):
    inside.sandbox.run("kill -9 -1; kill -9 1 2 3 4 5 6 7 8 9", timeout=20)
    inside.sandbox.end_processes()
    inside.python(
        """
        for pid in range(1, 50):
            try:
                if pid != os.getpid():
                    os.kill(pid, 9)
            except OSError:
                pass
        """
    )
    assert "200 OK" in ask(inside)


def test_the_relay_counts_against_nobodys_processes(docker, lay, enter):
    counts = []
    program = dedent(
        """
        import os, time
        made = 0
        try:
            while made < 500:
                if os.fork() == 0:
                    time.sleep(60)
                    os._exit(0)
                made += 1
        except OSError:
            pass
        print(made)
        """
    )
    with enter() as client:
        for model in (None, client.door.access):
            sandbox = docker.open(replace(lay(0, pids=32), model=model))
            counts.append(int(sandbox.run(["python3", "-c", program], timeout=60).text))
            sandbox.close()
    assert counts[0] == counts[1] > 10


def test_a_flood_of_connections_does_not_block_others_for_good(inside, provider):
    inside.python(
        f"""
        held = []
        for _ in range(300):
            try:
                held.append(socket.create_connection(("127.0.0.1", {PORT}), 1))
            except OSError:
                break
        print(len(held))
        """
    )
    assert "200 OK" in ask(inside)


def test_what_is_sent_is_not_bounded_by_a_buffer(inside, provider):
    """Two megabytes there, and as much as comes back."""
    body = inside.python(
        f"""
        message = {{"role": "user", "content": "x" * 2000000}}
        body = json.dumps({{"model": "m", "messages": [message]}})
        end = socket.create_connection(("127.0.0.1", {PORT}))
        end.sendall(("POST /v1/messages HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n"
                     "x-api-key: {inside.session.token}\\r\\n"
                     "content-length: %d\\r\\n\\r\\n" % len(body) + body).encode())
        got = b""
        while piece := end.recv(65536):
            got += piece
        print(got.decode()[:15])
        """
    )
    assert body.startswith("HTTP/1.1 200 OK")
    assert len(provider.asked[0].body["messages"][0]["content"]) == 2_000_000


def test_a_sandbox_without_a_model_has_no_way_at_all(docker, lay, enter):
    with enter():
        sandbox = docker.open(lay(0))
        done = sandbox.run(["ls", "/gateway"])
        assert not done.ok
        assert sandbox.model_url == ""
        listing = sandbox.run("ls /inbox/init/main; cat /proc/net/tcp").text
        sandbox.close()
    assert "relay.py" not in listing
    assert "0100007F:2007" not in listing, "nobody listens"


def test_many_rollouts_at_a_time_reach_their_own_gateway(docker, lay, open_gateway, enter):
    gateway, seen = open_gateway(), {}

    def rollout(number):
        name = RolloutId(arm="iid", seed=0, position=number, instance_id=f"x__{number}")
        with enter(gateway, rollout=name) as client:
            sandbox = docker.open(replace(lay(0), model=client.door.access))
            try:
                for _ in range(number + 1):
                    ask(Inside(sandbox, client.session))
            finally:
                sandbox.close()
            seen[number] = client.session.usage.requests

    threads = [threading.Thread(target=rollout, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {0: 1, 1: 2, 2: 3}


def test_a_sandbox_whose_relay_has_ended_is_of_no_use_and_says_so(inside, docker):
    """Else an agent without its model would look like one that knows no answer."""
    container = inside.sandbox._container
    processes = docker.client.api.top(container.id, "-eo pid,args")["Processes"]
    pids = sorted(int(pid) for pid, command in processes if "/inbox/init" in command)
    assert len(pids) == 2, processes
    os.kill(pids[1], 9)
    with pytest.raises(RolloutError) as caught:
        inside.sandbox.run("sleep 20")
    assert caught.value.cause == "sandbox_failed"
