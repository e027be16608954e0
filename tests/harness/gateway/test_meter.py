"""Tokens and cost are what the wire says, by one convention for four APIs."""

import json

import pytest

from tests.harness.gateway.conftest import APIS
from tests.harness.gateway.scripted_provider import (
    CACHED,
    CREATED,
    INPUT,
    OUTPUT,
    REASONING,
    Fault,
)


def expected(api):
    created = CREATED if api == "messages" else 0
    cost = (INPUT * 10 + CACHED * 1 + created * 12.5 + OUTPUT * 100) / 1e6
    reasoning = 0 if api == "messages" else REASONING
    return created, reasoning, pytest.approx(cost)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("way", ["whole", "stream"])
def test_tokens_and_cost_equal_what_the_provider_counted(enter, api, way):
    with enter() as client:
        for _ in range(2):
            answer = getattr(client, way)(api)
            assert answer.status == 200, answer.body
            assert not answer.cut
    usage = client.session.usage
    created, reasoning, cost = expected(api)
    assert (usage.requests, usage.attempts) == (2, 2)
    assert (usage.input, usage.cached_input) == (2 * INPUT, 2 * CACHED)
    assert (usage.cache_creation, usage.output) == (2 * created, 2 * OUTPUT)
    assert usage.reasoning == 2 * reasoning
    assert usage.cost_usd / 2 == cost
    assert usage.prompt_tokens == 2 * (INPUT + CACHED + created)
    assert client.session.failure is None


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("way", ["whole", "stream"])
def test_an_answer_without_usage_makes_the_sum_unknown_and_never_smaller(enter, provider, api, way):
    if (api, way) == ("gemini", "whole"):
        pytest.skip("it always tells")
    provider.faults = [Fault(), Fault(no_usage=True)]
    with enter() as client:
        for _ in range(2):
            assert getattr(client, way)(api).status == 200
    usage = client.session.usage
    assert (usage.input, usage.output, usage.cost_usd) == (None, None, None)
    assert client.session.spent.tokens > 0, "budgets count it by its bytes"


def test_a_chat_stream_is_asked_for_its_usage_and_the_client_does_not_see_that(enter, provider):
    with enter() as client:
        plain = client.stream("chat")
        asked = client.stream("chat", stream_options={"include_usage": True})
    assert provider.asked[0].body["stream_options"] == {"include_usage": True}
    assert b'"usage"' not in plain.body
    assert plain.body.endswith(b"data: [DONE]\n\n")
    assert b'"usage"' in asked.body


def test_streams_pass_byte_for_byte(enter, provider):
    with enter() as client:
        for api in APIS:
            got = client.stream(api, stream_options={"include_usage": True}).body
            events = [e.partition(b"data: ")[2] for e in got.split(b"\n\n") if e]
            assert all(e == b"[DONE]" or json.loads(e) for e in events)
            assert len(events) >= 2


def test_without_a_price_the_cost_is_unknown(enter, tmp_path):
    prices = tmp_path / "none.toml"
    prices.write_text("")
    with enter(prices=prices, allow_unpriced=True) as client:
        client.whole("chat")
    assert client.session.usage.cost_usd is None
    assert client.session.usage.output == OUTPUT


def test_a_refused_request_costs_nothing_and_counts(enter, provider):
    provider.faults = [Fault(status=400)]
    with enter() as client:
        assert client.whole("messages").status == 400
        assert client.whole("messages").status == 200
    assert client.session.usage.requests == 2
    assert client.session.usage.output == OUTPUT
    assert client.session.failure is None, "a wrong request is the agent's own doing"
