"""The server inside, message by message: what is wrong is answered, and nothing ends it."""

import io
import json

import pytest

from harness.delivery.inside.memory import VERSIONS, Server, Store


@pytest.fixture
def server(tmp_path):
    return Server(Store(str(tmp_path)))


def ask(method, **params):
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (ask("server/discover"), -32601),
        (ask("resources/list"), -32601),
        (ask("tools/call", name="rm", arguments={}), -32602),
        (ask("tools/call", name=["memory_read"]), -32602),
        ([], -32600),
        ("ping", -32600),
        ({"id": 1}, -32600),
        ({"id": 1, "method": 3}, -32600),
    ],
)
def test_what_is_wrong_has_a_code(server, message, code):
    assert server.answer(message)["error"]["code"] == code


@pytest.mark.parametrize(
    "params",
    [
        {"name": "memory_read", "arguments": {"name": "/etc/passwd"}},
        {"name": "memory_read", "arguments": {}},
        {"name": "memory_read", "arguments": 3},
        {"name": "memory_read"},
        {"name": "memory_write", "arguments": {"text": " "}},
    ],
)
def test_a_refusal_is_a_result_that_says_so(server, params):
    answer = server.answer(ask("tools/call", **params))["result"]
    assert answer["isError"] is True
    assert answer["content"][0]["text"]


def test_notifications_are_not_answered(server):
    assert server.answer({"jsonrpc": "2.0", "method": "notifications/cancelled"}) is None


@pytest.mark.parametrize("wanted", [*VERSIONS, "1999-01-01", None, 3, ["x"]])
def test_a_version_that_it_speaks_is_kept_and_any_other_answered_with_its_newest(server, wanted):
    said = server.answer(ask("initialize", protocolVersion=wanted))["result"]
    assert said["protocolVersion"] == (wanted if wanted in VERSIONS else VERSIONS[-1])


def test_nonsense_between_messages_does_not_end_it(server):
    lines = ["{", "", "null", json.dumps({**ask("ping"), "params": [1]}), "x"]
    out = io.StringIO()
    server.serve(io.StringIO("\n".join(lines)), out)
    answers = [json.loads(line) for line in out.getvalue().splitlines()]
    codes = [answer.get("error", {}).get("code") for answer in answers]
    assert codes == [-32700, -32700, -32600, None, -32700]
