"""Clients of the official Python SDK reach the memory: over stdio and over HTTP on the host."""

import asyncio
import json
import urllib.error
import urllib.request
from dataclasses import replace

import pytest

from harness.delivery import check, deliver
from harness.delivery.http import serve
from harness.delivery.inside.memory import Store
from seqswe.agent import Attempt
from seqswe.errors import MissingError, UsageError
from seqswe.experiment import DELIVERIES, Experiment
from tests.harness.delivery.test_deliver import RECALL

mcp = pytest.importorskip("mcp", reason="needs the extra seqswe[mcp]")


async def _session(server, mode):
    async with mcp.Client(server, mode=mode) as client:
        tools = await client.list_tools()
        said = [
            await client.call_tool("memory_search", {"query": "comma drops"}),
            await client.call_tool("memory_read", {"name": "002"}),
            await client.call_tool("memory_write", {"text": "ünsafe"}),
            await client.call_tool("memory_read", {"name": "note-1"}),
            await client.call_tool("memory_read", {"name": "../x"}),
        ]
        return [tool.name for tool in tools.tools], said, client.instructions


def talk(server, mode="auto"):
    names, said, instructions = asyncio.run(_session(server, mode))
    assert names == ["memory_search", "memory_read", "memory_write"]
    assert "earlier tasks" in instructions
    texts = [answer.content[0].text for answer in said]
    assert texts[0].startswith("001  Earlier: the parser drops")
    assert texts[1] == RECALL.items[1].text
    assert texts[3] == "ünsafe"
    assert [answer.is_error for answer in said] == [False, False, False, False, True]
    assert "there is no entry '../x'" in texts[4]


USED = {"search": 1, "read": 3, "write": 1}


def test_over_stdio(local, lay):
    box = local.open(lay())
    with deliver("mcp", RECALL, box) as given:
        command = given.recall.env["SEQSWE_MEMORY_COMMAND"]
        talk(mcp.StdioServerParameters(command=command, args=["mcp"]))
    assert given.delivered.used == USED
    assert given.written == ("ünsafe",)


@pytest.mark.docker
def test_over_stdio_into_a_container_without_network(docker, lay):
    box = docker.open(lay())
    user = box.run("id -u").text.strip()
    with deliver("mcp", RECALL, box) as given:
        command = given.recall.env["SEQSWE_MEMORY_COMMAND"]
        run = ["exec", "-i", "-u", f"{user}:{user}", box._container.id, command, "mcp"]
        talk(mcp.StdioServerParameters(command="docker", args=run))
    assert given.delivered.used == USED


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_over_http_on_the_host(local, lay, mode):
    import httpx2

    box = local.open(lay())
    with deliver("mcp-http", RECALL, box) as given:
        env = given.recall.env
        header = {"Authorization": f"Bearer {env['SEQSWE_MEMORY_TOKEN']}"}

        async def client():
            async with httpx2.AsyncClient(headers=header) as http:
                transport = mcp.client.streamable_http.streamable_http_client(
                    env["SEQSWE_MEMORY_URL"], http_client=http
                )
                return await _session(transport, mode)

        names, said, _ = asyncio.run(client())
        config = box.read(env["SEQSWE_MEMORY_MCP"]).decode()
    assert len(names) == 3
    assert said[0].content[0].text.startswith("001  Earlier")
    assert said[4].is_error
    assert given.delivered.used == USED
    assert given.written == ("ünsafe",)
    assert env["SEQSWE_MEMORY_URL"] in config
    with pytest.raises(urllib.error.URLError):
        post(env["SEQSWE_MEMORY_URL"], env["SEQSWE_MEMORY_TOKEN"])


def post(url, token, **headers):
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}'
    given = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        **headers,
    }
    request = urllib.request.Request(url, body, given)
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code


def test_only_who_knows_the_token_and_means_this_host_is_answered(tmp_path):
    with serve(Store(str(tmp_path))) as (url, token), serve(Store(str(tmp_path))) as (_, other):
        assert post(url, token) == 200
        assert post(url, other) == 401
        assert post(url, "") == 401
        assert post(url, token, Host="evil.example") == 421
        assert post(url, token, Origin="http://evil.example") == 403


def test_it_ends_with_the_task_even_if_a_client_stays(tmp_path):
    import http.client

    with serve(Store(str(tmp_path))) as (url, _):
        port = int(url.split(":")[2].split("/")[0])
        idle = http.client.HTTPConnection("127.0.0.1", port)
        idle.connect()
    with pytest.raises(OSError, match="refused"):
        http.client.HTTPConnection("127.0.0.1", port).connect()


HTTP = Experiment(agent="command", delivery="mcp-http", sandbox="docker")


def test_where_nobody_could_reach_it_is_said_before_anything_runs():
    with pytest.raises(UsageError, match="runs inside --sandbox docker, which has no") as caught:
        check(HTTP, DELIVERIES, inside=True)
    assert "--delivery mcp" in caught.value.hint
    check(replace(HTTP, sandbox="local"), DELIVERIES, inside=True)
    with pytest.raises(UsageError, match="'command' has no network") as caught:
        check(HTTP, HostSide.deliveries, inside=False)
    assert "--plugin-network open" in caught.value.hint
    check(replace(HTTP, plugin_network="open"), HostSide.deliveries, inside=False)


class HostSide:
    """Runs here and acts in the sandbox, as an agent whose model is far away would."""

    deliveries = ("prompt", "mcp-http")

    def __init__(self, *, seed):
        pass

    def solve(self, task, recall, sandbox):
        import httpx2

        header = {"Authorization": f"Bearer {recall.env['SEQSWE_MEMORY_TOKEN']}"}

        async def think():
            async with httpx2.AsyncClient(headers=header) as http:
                url = recall.env["SEQSWE_MEMORY_URL"]
                transport = mcp.client.streamable_http.streamable_http_client(url, http_client=http)
                async with mcp.Client(transport) as client:
                    found = await client.call_tool("memory_search", {"query": ""})
                    await client.call_tool("memory_write", {"text": f"saw {task.position}"})
                    return found.content[0].text

        return Attempt(message=asyncio.run(think()))


@pytest.mark.docker
def test_an_agent_on_the_host_asks_a_memory_and_acts_in_a_container(run, docker):
    agent = ("--agent", f"{__name__}:HostSide", "--feedback", "none", "--sandbox", "docker")
    ended = run(*agent, "--delivery", "mcp-http", "--plugin-network", "open", limit=2)
    assert ended.code == 0, ended.err
    first, second = ended.store.journal().rollouts
    assert first.delivered.used == second.delivered.used == {"search": 1, "read": 0, "write": 1}
    folder = ended.store.folder("sequential", 0, 1, second.instance_id)
    said = json.loads((folder / "trajectory.json").read_text())["steps"][-1]["message"]
    assert said.startswith(f"001  Earlier issue {first.instance_id}")
    assert second.recalled_from == (first.instance_id,)


def test_without_the_extra_it_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "mcp", None)
    with pytest.raises(MissingError) as caught:
        check(replace(HTTP, sandbox="local"), DELIVERIES, inside=True)
    assert caught.value.hint == "Install it: pip install 'seqswe[mcp]'."
