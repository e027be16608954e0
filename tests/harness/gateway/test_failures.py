"""What a provider may do, and what becomes of the rollout: tried again, failed, or graded."""

import threading
import time

import pytest

from seqswe.errors import RolloutError
from tests.harness.gateway.conftest import ROLLOUT
from tests.harness.gateway.scripted_provider import OUTPUT, Fault


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 529])
def test_what_passes_is_tried_again_and_the_client_does_not_notice(enter, provider, status):
    provider.faults = [Fault(status=status)] * 2
    with enter() as client:
        assert client.stream("messages").status == 200
    usage = client.session.usage
    assert (usage.requests, usage.attempts, usage.output) == (1, 3, OUTPUT)
    assert client.session.failure is None


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(status=500), id="500"),
        pytest.param(Fault(status=429), id="429"),
        pytest.param(Fault(status=529), id="529"),
        pytest.param(Fault(drop=True), id="no answer"),
    ],
)
def test_a_provider_that_stays_dead_ends_the_rollout_and_is_not_asked_again(enter, provider, fault):
    provider.always = fault
    with enter(tries=3) as client:
        answers = [client.whole("responses") for _ in range(3)]
    assert [a.status for a in answers] == [400] * 3, "no client asks again after a 400"
    assert len(provider.asked) == 3
    cause, detail = client.session.failure
    assert cause == "provider_failed"
    assert "provider" in detail


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_wrong_key_or_account_is_not_tried_again(enter, provider, status):
    provider.always = Fault(status=status, body=b'{"error": "not you"}')
    with enter() as client:
        assert client.whole("messages").status == 400
    assert len(provider.asked) == 1
    assert client.session.failure == (
        "provider_failed",
        f'the provider answered HTTP {status}: {{"error": "not you"}}',
    )


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "Your credit balance is too low to access the API."),
        (403, "You exceeded your current quota"),
    ],
)
def test_an_account_without_money_is_not_the_agents_fault(enter, provider, status, said):
    provider.faults = [Fault(), *[Fault(status=status, body=said.encode())] * 2]
    with enter() as client:
        assert client.whole("messages").status == 200
        quoted = [{"role": "user", "content": said}]
        assert client.whole("messages", messages=quoted).status == status
        assert client.session.failure is None, "the provider may have quoted the agent"
        assert client.whole("messages").status == 400
    assert client.session.failure == (
        "provider_failed",
        f"the provider answered HTTP {status}: {said}",
    )


@pytest.mark.parametrize("status", [400, 403, 404, 413, 422])
def test_a_request_that_is_wrong_is_the_agents_own_once_the_provider_has_answered(
    enter, provider, status
):
    provider.faults = [Fault(), Fault(status=status)]
    with enter() as client:
        assert [client.whole("chat").status for _ in range(3)] == [200, status, 200]
    assert client.session.failure is None


def test_whoever_goes_on_asking_what_is_refused_is_stopped(enter, provider, monkeypatch):
    monkeypatch.setattr("harness.gateway.session.MOST_REFUSALS", 5)
    with enter() as client:
        for _ in range(6):
            client.post("/v1/files", {})
        assert client.whole("chat").status == 400
    assert client.session.failure[0] == "agent_out_of_budget"
    assert provider.asked == []


def test_retry_after_is_honoured(enter, provider):
    provider.faults = [
        Fault(status=429, headers={"retry-after": "1"}),
        Fault(status=429, headers={"retry-after-ms": "300"}),
    ]
    started = time.monotonic()
    with enter() as client:
        assert client.whole("chat").status == 200
    assert time.monotonic() - started >= 1.3
    assert client.session.waiting.seconds() >= 1.3, "and no clock counts it"


def test_a_provider_that_is_down_for_the_day_is_not_waited_for(enter, provider):
    provider.always = Fault(status=429, headers={"retry-after": "36000"})
    with enter() as client:
        assert client.whole("chat").status == 400
    assert len(provider.asked) == 1
    assert "36,000 s" in client.session.failure[1]


def test_a_cut_stream_reaches_the_client_cut_and_is_forgiven_once_an_answer_comes(enter, provider):
    provider.faults = [Fault(cut=True)]
    with enter() as client:
        answer = client.stream("messages")
        assert answer.cut
        assert client.session.failure[0] == "provider_failed"
        assert client.whole("messages").status == 200
    assert client.session.failure is None
    usage = client.session.usage
    assert usage.output is None, "what the cut answer cost, nobody knows"
    assert usage.input == 200, "what was sent, the stream's first event told"


def test_a_stream_that_was_cut_last_fails_the_rollout(enter, provider):
    provider.faults = [Fault(cut=True)]
    with enter() as client:
        assert client.stream("responses").cut
    assert client.session.failure[0] == "provider_failed"
    assert "broke off" in client.session.failure[1]


def test_a_stream_that_stalls_is_given_up(enter, provider):
    provider.always = Fault(stall=5.0)
    started = time.monotonic()
    with enter(silence_seconds=0.3) as client:
        assert client.stream("messages").cut
    assert time.monotonic() - started < 4
    assert client.session.failure[0] == "provider_failed"


def test_an_answer_that_never_begins_is_asked_for_again(enter, provider):
    provider.delay = 1.0
    with enter(silence_seconds=0.2, tries=2) as client:
        assert client.whole("messages").status == 400
    assert len(provider.asked) == 2
    assert client.session.failure == ("provider_failed", "the provider said nothing for 0.2 s")


def test_a_garbled_event_passes_and_fails_the_rollout_if_nothing_better_follows(enter, provider):
    provider.faults = [Fault(garble=True)]
    with enter() as client:
        answer = client.stream("messages")
        assert b"{no json" in answer.body, "what came is passed on"
        assert "no JSON" in client.session.failure[1]
        client.stream("messages")
    assert client.session.failure is None
    assert client.session.usage.output == 2 * OUTPUT


def test_a_giant_answer_is_given_up(enter, provider, monkeypatch):
    monkeypatch.setattr("harness.gateway.upstream.MAX_RESPONSE", 1 << 20)
    provider.faults = [Fault(giant=2 << 20), Fault(giant=4 << 20)]
    with enter() as client:
        assert client.whole("chat").status == 400
        assert "more than 1,048,576 bytes" in client.session.failure[1]
    with enter() as client:
        assert client.stream("chat").cut


def test_a_giant_request_is_refused(enter, provider, monkeypatch):
    monkeypatch.setattr("harness.gateway.server.MAX_REQUEST", 1 << 20)
    with enter() as client:
        assert client.whole("chat", padding="x" * (2 << 20)).status in (413, 0)
        assert client.whole("chat").status == 200
    assert len(provider.asked) == 1


def test_a_gateway_that_was_killed_fails_the_rollouts_in_hand_and_is_started_again(
    open_gateway, enter, provider
):
    gateway = open_gateway()
    provider.delay = 8.0
    with enter(gateway) as client:
        engine = client.door.engine
        asking = threading.Thread(target=client.whole, args=("chat",))
        asking.start()
        while not provider.asked:
            time.sleep(0.01)
        engine.loop.call_soon_threadsafe(engine.loop.stop)
        asking.join(20)
        assert not asking.is_alive(), "the client is not left waiting"
        while engine.alive:
            time.sleep(0.01)
        provider.delay = 0.0
    assert client.session.failure == ("gateway_failed", "the model gateway has ended")
    stale = client.door
    with pytest.raises(RolloutError, match="has ended"), gateway.session(stale, ROLLOUT):
        pass
    with enter(gateway) as client:
        assert client.whole("chat").status == 200


def test_an_answer_that_the_agent_did_not_wait_for_is_counted(enter, provider):
    provider.delay = 0.5
    with enter() as client:
        asking = threading.Thread(target=client.whole, args=("messages",))
        asking.start()
        while not provider.asked:
            time.sleep(0.01)
    assert client.session.usage.output == OUTPUT
    asking.join()


def test_what_an_ended_agent_still_wanted_to_ask_is_not_sent(enter, provider):
    """Neither what stands in line behind another request, nor what waits for its next try."""
    provider.delay, provider.faults = 0.5, [Fault(status=429, headers={"retry-after": "1"})]
    with enter(rollout_tokens=10_000) as client:
        threads = [threading.Thread(target=client.whole, args=("messages",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        while not provider.asked:
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert len(provider.asked) == 1
    assert client.session.failure is None
    assert client.session.usage.output == 0


def test_a_client_that_leaves_in_the_middle_has_its_answer_counted(enter, provider):
    import socket

    provider.faults = [Fault(stall=0.5)]
    with enter() as client, socket.socket(socket.AF_UNIX) as end:
        end.connect(str(client.door.access.socket))
        body = b'{"model":"m","messages":[],"stream":true}'
        end.sendall(
            b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: "
            + client.session.token.encode()
            + f"\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        end.recv(100)
    assert client.session.usage.output == OUTPUT
    assert client.session.failure is None
