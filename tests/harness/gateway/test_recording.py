"""Recorded requests and answers, compared after normalising, and keys that are nowhere."""

import json
import socket
from contextlib import suppress
from threading import Thread

import pytest

from seqswe.errors import UsageError
from seqswe.models.scrub import Scrubber
from seqswe.runs.recordings import Normalizer, differences
from tests.harness.gateway.conftest import APIS, ROLLOUT
from tests.harness.gateway.scripted_provider import Fault, Turn


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "recordings"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("way", ["whole", "stream"])
def test_what_was_recorded_is_answered_byte_for_byte(enter, provider, folder, api, way):
    provider.says = lambda number, body: Turn(text=f"answer {number}")
    with enter(record=folder) as client:
        first = [getattr(client, way)(api) for _ in range(3)]
    provider.stop()
    with enter(replay=folder, environ={}, prices=None) as again:
        second = [getattr(again, way)(api) for _ in range(3)]
    assert second == first
    assert again.session.usage == client.session.usage
    assert again.session.usage.cost_usd, "what it cost then is known without prices"


def test_refusals_and_broken_streams_come_again_as_they_were(enter, provider, folder):
    provider.faults = [Fault(status=400), Fault(cut=True)]
    with enter(record=folder) as client:
        first = [client.stream("messages") for _ in range(3)]
    provider.stop()
    with enter(replay=folder, environ={}) as again:
        second = [client.stream("messages") for client in [again] * 3]
    assert [(a.status, a.cut) for a in second] == [(400, False), (200, True), (200, False)]
    assert [a.status for a in first] == [a.status for a in second]
    assert first[0].body == second[0].body
    assert again.session.usage == client.session.usage


def test_a_rollout_that_is_tried_again_is_recorded_anew(enter, provider, folder):
    for text in ("first", "second"):
        provider.says = lambda number, body, text=text: Turn(text=text)
        with enter(record=folder) as client:
            client.whole("chat")
            if text == "first":
                client.whole("chat")
    files = sorted(folder.rglob("*.json"))
    assert [f.name for f in files] == ["0001.json"]
    assert "second" in files[0].read_text()


def test_what_a_recipe_drops_and_blanks_may_differ(enter, provider, folder):
    rules = {
        "replay_drop": ("/metadata", "/input/*/id"),
        "replay_blank": (r"\d{4}-\d\d-\d\d", r"Chunk ID: \w+"),
    }

    def ask(client, day, chunk, number):
        item = {"id": number, "output": f"Chunk ID: {chunk} ok"}
        more = {"metadata": {"session": number}, "instructions": f"Today is {day}."}
        return client.whole("responses", input=[item], **more)

    with enter(record=folder, **rules) as client:
        ask(client, "2026-01-01", "ab12", 1)
    with enter(replay=folder, **rules) as again:
        assert ask(again, "2026-11-27", "ff00", 2).status == 200
    assert again.session.failure is None


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({"top_p": 0.5}, "/top_p: recorded nothing, now 0.5"),
        ({"input": ["b"]}, '/input/0: recorded "a", now "b"'),
        ({"input": ["a", "b"]}, '/input/1: recorded nothing, now "b"'),
        ({"input": []}, '/input/0: recorded "a", now nothing'),
        ({"input": {"a": 1}}, '/input: recorded ["a"], now {"a": 1}'),
        ({"stream": True}, "/stream: recorded nothing, now true"),
    ],
)
def test_a_difference_is_an_error_that_shows_it(enter, provider, folder, more, shown):
    with enter(record=folder) as client:
        client.whole("responses", input=["a"])
    with enter(replay=folder) as again:
        answer = again.whole("responses", **{"input": ["a"], **more})
    assert answer.status == 400
    assert again.session.failure == (
        "recording_differs",
        f"request 1 of {ROLLOUT.name} differs at {shown}",
    )


def test_a_request_more_than_was_recorded_is_an_error(enter, folder):
    with enter(record=folder) as client:
        client.whole("chat")
    with enter(replay=folder) as again:
        assert [again.whole("chat").status for _ in range(2)] == [200, 400]
    assert again.session.failure[0] == "recording_differs"
    assert "nothing was recorded for request 2" in again.session.failure[1]


def test_a_damaged_recording_is_an_error(enter, folder):
    with enter(record=folder) as client:
        client.whole("chat")
    next(folder.rglob("*.json")).write_text('{"target": 1}')
    with enter(replay=folder) as again:
        assert again.whole("chat").status == 400
    assert again.session.failure[0] == "recording_differs"


@pytest.mark.parametrize(
    "edited",
    [
        {"status": 99999},
        {"status": 0},
        {"content_type": "text/plain\r\nx-forged: 1"},
        {"content_type": "é"},
        {"cost_usd": -5.0},
        {"cost_usd": 1e300},
        {"answer": "\ud800"},
        {"answer_base64": "a"},
        {"answer_base64": "é"},
    ],
    ids=str,
)
def test_a_recording_that_was_edited_into_no_answer_is_an_error(enter, folder, edited):
    with enter(record=folder) as client:
        client.whole("chat")
    (path,) = folder.rglob("*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | edited))
    with enter(replay=folder) as again:
        assert again.whole("chat").status == 400
    assert again.session.failure[0] == "recording_differs"


def test_tokens_addresses_and_places_are_not_part_of_a_recording(open_gateway, enter, folder):
    def ask(gateway, number, root):
        door = gateway.open_door()
        url = f"http://127.0.0.1:{number}"
        with gateway.session(
            door, ROLLOUT, url, guessable=False, places={root: "<sandbox>"}
        ) as session:
            from tests.harness.gateway.conftest import Client

            said = f"{session.token} at {url} in {root}/testbed"
            client = Client(session, door)
            answer = client.whole("chat", messages=[{"role": "user", "content": said}])
            return answer.status, session.token

    _, token = ask(open_gateway(record=folder), 1000, "/tmp/a")
    status, other = ask(open_gateway(replay=folder), 2000, "/tmp/b")
    assert status == 200
    assert token != other, "in a sandbox that is not alone, a token cannot be guessed"
    assert token not in next(folder.rglob("*.json")).read_text()


CANARY = "sk-canary-0123456789abcdef"


@pytest.mark.parametrize("api", APIS)
def test_a_provider_that_quotes_the_key_gives_it_to_nobody(enter, provider, folder, api):
    def says(number, body):
        return Turn(text=f"your key is {CANARY}")

    provider.says = says
    provider.faults = [
        Fault(status=400, body=b'{"error": {"message": "bad key $KEY"}}'),
        Fault(),
        Fault(),
        Fault(status=401, body=b'{"error": {"message": "bad key $KEY"}}'),
    ]
    with enter(record=folder) as client:
        answers = [client.whole(api), client.whole(api), client.stream(api), client.whole(api)]
    assert provider.asked[0].headers
    everything = [a.body.decode() for a in answers]
    everything += [json.dumps(client.gateway.notes), repr(client.session), str(client.gateway)]
    everything += [repr(client.gateway.settings), str(client.session.failure)]
    everything += [path.read_text() for path in folder.rglob("*.json")]
    for text in everything:
        assert CANARY not in text
    assert "[key]" in answers[1].body.decode()


def test_a_key_in_pieces_is_found():
    scrubber, key = Scrubber(["secret-key-1234"]), b"secret-key-1234"
    data = b"a secret-key-1234 secret-ke secret-key-123" + key + key[:7]
    for size in range(1, len(data) + 1):
        pieces = scrubber.pieces()
        got = b"".join(pieces.feed(data[at : at + size]) for at in range(0, len(data), size))
        assert got + pieces.end() == data.replace(key, b"[key]"), size


def test_nothing_is_held_back_but_what_may_be_a_key():
    pieces = Scrubber(["secret-key-1234"]).pieces()
    assert pieces.feed(b"data: hello\n\n") == b"data: hello\n\n"
    assert pieces.feed(b"data: secr") == b"data: "
    assert pieces.feed(b"et\n\n") == b"secret\n\n"


def test_a_short_key_makes_no_holes():
    assert Scrubber(["key", ""]).text("the key of a keyboard") == "the key of a keyboard"


@pytest.mark.parametrize(
    ("drop", "value", "left"),
    [
        (("/a",), {"a": 1, "b": 2}, {"b": 2}),
        (("/a/b",), {"a": {"b": 1, "c": 2}}, {"a": {"c": 2}}),
        (("/a/*/id",), {"a": [{"id": 1, "x": 1}, {"id": 2}]}, {"a": [{"x": 1}, {}]}),
        (("/*/id",), {"a": {"id": 1}, "b": {"id": 2}}, {"a": {}, "b": {}}),
        (("/a/0",), {"a": [1, 2]}, {"a": [2]}),
        (("/a/id",), {"a": "text"}, {"a": "text"}),
        ((), {"a": [1.5, None, True]}, {"a": [1.5, None, True]}),
    ],
)
def test_pointers_drop_what_they_point_at(drop, value, left):
    assert Normalizer(drop)(value, {}) == left


@pytest.mark.parametrize("wrong", [{"drop": ("a",)}, {"blank": ("(",)}])
def test_a_rule_that_is_none_is_refused(wrong):
    with pytest.raises(UsageError):
        Normalizer(**wrong)


def test_a_number_and_its_like_are_not_the_same():
    assert list(differences({"a": 1}, {"a": True}))
    assert list(differences({"a": 1}, {"a": 1})) == []


def test_the_password_of_a_proxy_is_nowhere(enter, folder, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        address = f"http://user:{CANARY[-6:]}@127.0.0.1:{proxy.getsockname()[1]}"
        monkeypatch.setenv("https_proxy", address)
        Thread(target=_refuse_all, args=(proxy,), daemon=True).start()
        environ = {"OPENAI_BASE_URL": "https://provider.example/v1"}
        with enter(environ=environ, tries=1, record=folder) as client:
            answer = client.whole("chat")
    assert client.session.failure[0] == "provider_failed"
    assert "407" in client.session.failure[1]
    for text in (client.session.failure[1], answer.body.decode(), str(client.gateway.notes)):
        assert CANARY[-6:] not in text


def _refuse_all(proxy):
    with suppress(OSError):
        while True:
            connection, _ = proxy.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n")
