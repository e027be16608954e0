"""What passes the gateway, what is taken out of it, and what is refused."""

import json
import socket
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.gateway.clean import clean
from harness.gateway.routes import Refused, Route
from harness.gateway.wire import parse_request
from tests.harness.gateway.conftest import APIS, BODIES

FUNCTION = {
    "chat": {"type": "function", "function": {"name": "bash"}},
    "responses": {"type": "function", "name": "bash"},
    "messages": {"name": "bash", "input_schema": {}},
    "gemini": {"functionDeclarations": [{"name": "bash"}]},
}
FETCHING = [
    ("messages", {"type": "web_search_20250305", "name": "web_search"}),
    ("messages", {"type": "web_fetch_20250910", "name": "web_fetch"}),
    ("messages", {"type": "code_execution_20250825", "name": "code_execution"}),
    ("messages", {"type": "mcp_toolset", "mcp_server_name": "x"}),
    ("messages", {"type": "computer_20250124", "name": "computer"}),
    ("messages", {"type": "advisor_of_tomorrow", "name": "advisor"}),
    ("responses", {"type": "web_search"}),
    ("responses", {"type": "web_search_preview_2025_03_11"}),
    ("responses", {"type": "file_search", "vector_store_ids": ["v"]}),
    ("responses", {"type": "code_interpreter", "container": {"type": "auto"}}),
    ("responses", {"type": "mcp", "server_url": "https://mcp.example/", "server_label": "x"}),
    ("responses", {"type": "computer_use_preview"}),
    ("responses", {"type": "image_generation"}),
    ("responses", {"type": "shell", "environment": {"type": "container_auto"}}),
    ("responses", {"type": "namespace", "name": "n", "tools": [{"type": "mcp"}]}),
    ("chat", {"type": "web_search"}),
    ("chat", {"type": "mcp", "server_url": "https://mcp.example/"}),
    ("gemini", {"googleSearch": {}}),
    ("gemini", {"google_search": {}}),
    ("gemini", {"googleSearchRetrieval": {}}),
    ("gemini", {"urlContext": {}}),
    ("gemini", {"url_context": {}}),
    ("gemini", {"codeExecution": {}}),
    ("gemini", {"fileSearch": {}}),
    ("gemini", {"functionDeclarations": [{"name": "f"}], "googleMaps": {}}),
]


@pytest.mark.parametrize(("api", "tool"), FETCHING, ids=lambda value: str(value)[:60])
def test_a_tool_that_runs_at_the_provider_is_taken_out(enter, provider, api, tool):
    own = FUNCTION[api]
    with enter() as client:
        assert client.whole(api, tools=[own, tool]).status == 200
        noted = client.gateway.notes[0]["removed"]
    sent = json.dumps(provider.asked[0].body)
    assert json.dumps(own) in sent, "the agent's own tools stay"
    for name in ("search", "fetch", "mcp", "container", "rl_context", "xecution", "Maps"):
        assert name not in sent
    assert len(noted) == 1


@pytest.mark.parametrize(
    ("api", "field", "value"),
    [
        ("messages", "mcp_servers", [{"type": "url", "url": "https://mcp.example/"}]),
        ("messages", "container", {"skills": []}),
        ("chat", "web_search_options", {"search_context_size": "low"}),
        ("chat", "plugins", [{"id": "web"}]),
        ("chat", "models", ["other"]),
        ("gemini", "model", "models/other"),
        ("responses", "service_tier", "priority"),
        ("messages", "speed", "fast"),
        ("chat", "provider", {"order": ["cheap"]}),
        ("chat", "fallbacks", ["other"]),
        ("responses", "fallbacks", ["other"]),
        ("messages", "api_base", "https://evil.example/"),
        ("gemini", "tools", {"googleSearch": {}}),
        ("gemini", "tools", {"google_search": {}, "codeExecution": {}}),
        ("chat", "tools", {"type": "web_search"}),
        ("responses", "tools", {"type": "mcp", "server_url": "https://evil.example/"}),
    ],
)
def test_a_field_that_fetches_or_chooses_is_taken_out(enter, provider, api, field, value):
    with enter() as client:
        assert client.whole(api, **{"model": "m", field: value}).status == 200
    assert field not in provider.asked[0].body


UNKNOWN = ["web", "extra_body", "search_of_tomorrow", "inference_geo", "serviceTier", "audio"]


@pytest.mark.parametrize("api", APIS)
def test_a_field_that_is_not_known_does_not_go_out_and_is_noted(enter, provider, api):
    told = {name: {"enabled": True} for name in UNKNOWN}
    with enter() as client:
        assert client.whole(api, **told).status == 200
        assert sorted(client.gateway.notes[0]["removed"]) == sorted(UNKNOWN)
    assert not provider.asked[0].body.keys() & told.keys()


@pytest.mark.parametrize(
    ("api", "tool"),
    [
        ("chat", {"googleSearch": {}}),
        ("chat", {"type": "function", "googleSearch": {}}),
        ("chat", {"type": "function", "function": None, "web_search": {"enable": True}}),
        ("chat", {"function": {}, "url_context": {}}),
        ("responses", {"name": "f", "web_search": {}}),
        ("messages", {"web_fetch": {}}),
        ("messages", {"type": "custom", "mcp_server": "x"}),
    ],
    ids=str,
)
def test_a_tool_is_what_it_says_and_nothing_else(enter, provider, api, tool):
    with enter() as client:
        assert client.whole(api, tools=[FUNCTION[api], tool]).status == 200
        assert client.gateway.notes[0]["removed"]
    assert provider.asked[0].body["tools"] == [FUNCTION[api]]


def test_a_known_tool_loses_what_is_not_known_of_it(enter, provider):
    with enter() as client:
        client.whole("chat", tools=[{**FUNCTION["chat"], "googleSearch": {}}])
    assert provider.asked[0].body["tools"] == [FUNCTION["chat"]]


SENT = {
    "chat": (
        *("stream", "temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "stop"),
        *("reasoning_effort", "parallel_tool_calls", "response_format", "metadata", "verbosity"),
        *("reasoning", "thinking", "enable_thinking", "prompt_cache_key", "user", "usage"),
    ),
    "responses": (
        *("instructions", "reasoning", "store", "include", "text", "client_metadata"),
        *("prompt_cache_key", "parallel_tool_calls", "max_output_tokens", "truncation"),
    ),
    "messages": (
        *("system", "metadata", "thinking", "context_management", "output_config", "temperature"),
        *("stop_sequences", "top_k", "top_p", "cache_control"),
    ),
    "gemini": ("systemInstruction", "generationConfig", "toolConfig", "safetySettings", "labels"),
}
"""What clients of these APIs say of how a model is to answer."""


@pytest.mark.parametrize("api", APIS)
def test_what_says_how_to_answer_passes_as_it_is(api):
    body = {**BODIES[api][1], **dict.fromkeys(SENT[api], "x")}
    kept, removed = clean(Route(api=api, target="", model="m"), body)
    assert (kept, removed) == (body, ())


@pytest.mark.parametrize("api", APIS)
def test_a_tool_of_one_alone_is_a_list_of_one(enter, provider, api):
    with enter() as client:
        assert client.whole(api, tools=FUNCTION[api]).status == 200
    assert provider.asked[0].body["tools"] == [FUNCTION[api]]


def test_what_was_taken_out_makes_no_line_that_nobody_can_read(enter):
    with enter() as client:
        client.whole("chat", tools=[{"type": f"{n} {'x' * 90}"} for n in range(20_000)])
        client.whole("gemini", tools=[{"x" * 9_000_000: {}}])
        assert all(len(json.dumps(note)) < 10_000 for note in client.gateway.notes)


def test_a_choice_of_a_tool_that_was_taken_out_goes_with_it(enter, provider):
    search = {"type": "web_search_20250305", "name": "web_search"}
    choice = {"type": "tool", "name": "web_search"}
    with enter() as client:
        client.whole("messages", tools=[search], tool_choice=choice)
        client.whole("messages", tools=[FUNCTION["messages"], search], tool_choice=choice)
        client.whole("messages", tools=[FUNCTION["messages"]], tool_choice={"type": "any"})
    bodies = [asked.body for asked in provider.asked]
    assert "tools" not in bodies[0]
    assert "tool_choice" not in bodies[0]
    assert "tool_choice" not in bodies[1]
    assert bodies[2]["tool_choice"] == {"type": "any"}


def _messages(*parts):
    return {"messages": [{"role": "user", "content": list(parts)}]}


IMAGE = {"type": "url", "url": "https://evil.example/x.png"}


@pytest.mark.parametrize(
    ("api", "more"),
    [
        ("messages", _messages({"type": "image", "source": IMAGE})),
        ("messages", _messages({"type": "document", "source": {"type": "file", "file_id": "f"}})),
        (
            "messages",
            _messages({"type": "tool_result", "content": [{"type": "image", "source": IMAGE}]}),
        ),
        ("messages", {"system": [{"type": "image", "source": IMAGE}]}),
        ("messages", _messages({"type": "image", "source": {"type": "bucket", "id": "x"}})),
        (
            "messages",
            _messages(
                {
                    "type": "document",
                    "source": {"type": "content", "content": [{"type": "image", "source": IMAGE}]},
                }
            ),
        ),
        ("chat", _messages({"type": "image_url", "image_url": {"url": "http://evil/"}})),
        ("chat", _messages({"type": "video_url", "video_url": {"url": "http://evil/"}})),
        ("chat", _messages({"type": "file", "file": {"file_id": "f"}})),
        ("responses", {"input": [{"type": "input_image", "image_url": "http://evil/"}]}),
        (
            "responses",
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "h"}]}]},
        ),
        ("responses", {"input": [{"type": "x", "output": [{"file_id": "f"}]}]}),
        ("responses", {"previous_response_id": "resp_1"}),
        ("responses", {"conversation": "conv_1"}),
        ("responses", {"prompt": {"id": "pmpt_1"}}),
        ("responses", {"background": True}),
        ("responses", {"input": [{"type": "item_reference", "id": "rs_1"}]}),
        ("gemini", {"contents": [{"parts": [{"fileData": {"fileUri": "https://evil/"}}]}]}),
        ("gemini", {"contents": {"parts": {"file_data": {"file_uri": "https://evil/"}}}}),
        ("gemini", {"cachedContent": "cachedContents/1"}),
        ("gemini", {"tools": "googleSearch"}),
        ("responses", {"tools": [{"type": "namespace", "tools": "mcp"}]}),
        (
            "gemini",
            {
                "contents": [
                    {"parts": [{"functionResponse": {"parts": [{"fileData": {"fileUri": "h"}}]}}]}
                ]
            },
        ),
    ],
    ids=lambda value: json.dumps(value)[:70],
)
def test_what_the_provider_would_have_to_fetch_or_remember_is_refused(enter, provider, api, more):
    with enter() as client:
        answer = client.whole(api, **more)
    assert answer.status == 400
    assert b"the gateway does not forward" in answer.body
    assert provider.asked == []
    assert client.session.usage.requests == 0


@pytest.mark.parametrize(
    ("api", "more"),
    [
        (
            "messages",
            _messages({"type": "image", "source": {"type": "base64", "data": "x"}}),
        ),
        (
            "messages",
            _messages({"type": "tool_use", "name": "get", "input": {"source": IMAGE}}),
        ),
        (
            "chat",
            _messages({"type": "image_url", "image_url": {"url": "data:image/png;base64,x"}}),
        ),
        ("responses", {"input": [{"type": "input_image", "image_url": "data:image/png,x"}]}),
        ("responses", {"input": "look at https://example.com/x.png"}),
    ],
    ids=lambda value: json.dumps(value)[:70],
)
def test_what_is_sent_along_or_only_talked_about_passes(enter, provider, api, more):
    with enter() as client:
        assert client.whole(api, **more).status == 200


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/models"),
        ("GET", "/v1/chat/completions"),
        ("DELETE", "/v1/responses"),
        ("POST", "/v1/files"),
        ("POST", "/v1/messages/batches"),
        ("POST", "/v1/messages/count_tokens"),
        ("POST", "/v1/messages?beta=false"),
        ("POST", "/v1/messages/"),
        ("POST", "//v1/messages"),
        ("POST", "/v1/../v1/messages"),
        ("POST", "/v1/%6Dessages"),
        ("POST", "/v1/messages%2f..%2ffiles"),
        ("POST", "/v1/messages#x"),
        ("POST", "/v1/chat/completions?x=http://evil/"),
        ("POST", "/v1beta/models/m:embedContent"),
        ("POST", "/v1beta/models/../files:generateContent"),
        ("POST", "/v1beta/models/m%2f..%2fx:generateContent"),
        ("POST", "/v1beta/models/m:generateContent?key=x"),
        ("POST", "/v1beta/tunedModels/m:generateContent"),
        ("GET", "http://evil.example/v1/messages"),
        ("POST", "http://evil.example/v1/messages"),
        ("POST", "https://api.anthropic.com/v1/messages"),
        ("POST", "*"),
        ("OPTIONS", "*"),
        ("CONNECT", "evil.example:443"),
        ("CONNECT", "api.anthropic.com:443"),
    ],
)
def test_nothing_but_the_fixed_paths_passes(enter, provider, method, target):
    with enter() as client:
        answer = client.ask(method, target, BODIES["messages"][1])
    assert answer.status in (400, 404, 405)
    assert provider.asked == []


@pytest.mark.parametrize("api", APIS)
def test_only_the_models_that_are_allowed_are_asked(enter, provider, api):
    target, body = BODIES[api]
    with enter(side_models=("small",), allow_unpriced=True) as client:
        other = client.post(target.replace("/m:", "/big:"), {**body, "model": "big"})
        small = client.post(target.replace("/m:", "/small:"), {**body, "model": "small"})
    assert (other.status, small.status) == (400, 200)
    assert b"the model 'big' is not m or small" in other.body
    assert len(provider.asked) == 1


def test_an_agent_may_only_use_the_apis_that_it_named(enter, provider):
    with enter(apis=("responses",)) as client:
        assert client.whole("chat").status == 404
        assert client.whole("responses").status == 200


def test_the_key_of_the_client_is_a_token_and_the_real_one_goes_out(enter, provider):
    with enter() as client:
        token = client.session.token
        for headers in ({"x-api-key": token}, {"x-goog-api-key": token}):
            assert client.post(*BODIES["messages"], headers=headers).status == 200
        for headers in ({}, {"x-api-key": "other"}, {"authorization": "Bearer é"}):
            assert client.post(*BODIES["messages"], headers=headers).status == 401
    key = provider.environ()["ANTHROPIC_API_KEY"]
    assert {asked.headers["x-api-key"] for asked in provider.asked} == {key}
    assert all(token not in str(asked) for asked in provider.asked)


def test_no_other_header_leaves_the_machine(enter, provider):
    with enter() as client:
        headers = {
            "x-api-key": client.session.token,
            "cookie": "a=b",
            "x-forwarded-for": "10.0.0.1",
            "authorization": "Bearer sk-of-somebody",
            "anthropic-version": "2023-06-01",
            "host": "evil.example",
        }
        client.post(*BODIES["messages"], headers=headers)
    sent = {name.lower(): value for name, value in provider.asked[0].headers.items()}
    assert sent.keys() <= {
        *("host", "content-type", "content-length", "x-api-key", "anthropic-version"),
        *("accept", "accept-encoding"),
    }
    assert "evil" not in sent["host"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"m"',
        b"{",
        b'{"model": "m", "model": "other"}',
        b'{"model": "m", "messages": [], "tools": [], "tools": [{"type": "web_search"}]}',
        b'{"model": "m", "temperature": NaN}',
        b'{"model": "m", "messages": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"model": "m", "messages": ' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"model": "m", "messages": ' + b'{"content":' * 400 + b"1" + b"}" * 400 + b"}",
        b'{"model": "m", "max_tokens": ' + b"9" * 5000 + b"}",
        b'{"model": ["m"]}',
        b"\xff\xfe{}",
        b'{"model": "m", "messages": [], "tools": ["web_search"]}',
    ],
    ids=lambda body: repr(body[:50]),
)
def test_a_body_that_could_be_read_in_two_ways_or_in_none_is_refused(enter, provider, body):
    with enter() as client:
        answer = client.post("/v1/messages", body)
    assert answer.status == 400
    assert answer.json["type"] == "error"
    assert provider.asked == []


WORDS = ["type", "tools", "name", "content", "source", "url", "file_id", "image_url", "parts"]
WORDS += ["tool_choice", "input", "messages", "system", "contents", "output", "stream", "model"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5)
    ),
    max_leaves=25,
)


@pytest.mark.parametrize("api", APIS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=8))
def test_whatever_is_asked_is_passed_or_refused_and_never_a_bug(api, body):
    """A bug of the gateway would be no verdict, which an agent might prefer to its own."""
    try:
        parsed = parse_request(json.dumps(body).encode())
        kept, _ = clean(Route(api=api, target="", model="m"), parsed)
    except Refused:
        return
    assert parse_request(json.dumps(kept).encode()) == kept, "it goes out as it was checked"


def test_a_header_that_is_no_text_is_left_out(enter, provider):
    with enter() as client:
        headers = {"x-api-key": client.session.token, "user-agent": "caf\udce9", "accept": "a/b"}
        assert client.post(*BODIES["messages"], headers=headers).status == 200
    assert client.session.failure is None
    sent = {name.lower(): value for name, value in provider.asked[0].headers.items()}
    assert sent["accept"] == "a/b"
    assert "user-agent" not in sent


def test_what_was_checked_is_what_goes_out(enter, provider):
    text = 'café \U0001f600 \\ " \u2028 \x7f'
    with enter() as client:
        client.whole("chat", messages=[{"role": "user", "content": text}], top_p=0.1, n=1)
    assert provider.asked[0].body["messages"][0]["content"] == text
    assert provider.asked[0].body["top_p"] == 0.1


@pytest.mark.parametrize("smuggled", ["upgrade: websocket", "content-encoding: gzip"])
def test_no_other_protocol_is_spoken(enter, provider, smuggled):
    name, _, value = smuggled.partition(": ")
    with enter() as client:
        headers = {"x-api-key": client.session.token, name: value}
        assert client.post(*BODIES["messages"], headers=headers).status in (400, 405, 415)
    assert provider.asked == []


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02" * 1000,
        b"GET / HTTP/1.1\r\n" + b"x: " + b"y" * 100_000 + b"\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=lambda data: repr(data[:40]),
)
def test_what_is_no_http_disturbs_nobody(enter, provider, data):
    with enter() as client:
        with socket.socket(socket.AF_UNIX) as end:
            end.settimeout(20)
            end.connect(str(client.door.access.socket))
            end.sendall(data)
            end.shutdown(socket.SHUT_WR)
            while end.recv(1000):
                pass
        assert client.whole("messages").status == 200
    assert len(provider.asked) == 1


def test_many_connections_leave_room_for_other_rollouts(enter, open_gateway, provider):
    gateway = open_gateway()
    with enter(gateway) as greedy, enter(gateway) as other:
        held = []
        for _ in range(200):
            end = socket.socket(socket.AF_UNIX)
            end.connect(str(greedy.door.access.socket))
            held.append(end)
        assert other.whole("messages").status == 200
        for end in held:
            end.close()
        until = time.monotonic() + 10
        while greedy.whole("messages").status != 200:
            assert time.monotonic() < until


def test_a_door_is_shut_while_no_agent_works(open_gateway, enter, provider):
    gateway = open_gateway()
    with enter(gateway) as client:
        assert client.ask("HEAD", "/").status == 200
    client.door = gateway.open_door()
    assert client.whole("messages").status == 400
    assert provider.asked == []
