"""The model client against a real server: answers, refusals, timeouts, retries, meter, keys."""

import json

import pytest

from seqswe.errors import RolloutError, UsageError
from seqswe.models.endpoint import Endpoint
from seqswe.models.meter import MemoryUsage, Meter
from seqswe.models.openai import BATCH, Chat, Embeddings
from seqswe.testing import Says, ScriptedModel

ASK = [{"role": "system", "content": "Answer."}, {"role": "user", "content": "What is it?"}]


def chat(server, meter=None, **settings):
    settings = {"wait": 0.001, "seconds": 5.0, **settings}
    return Chat(Endpoint(server.url, **settings), "scripted", meter or Meter(), seed=7)


def counted(server):
    return MemoryUsage(
        calls=server.calls,
        prompt_tokens=server.prompt_tokens,
        completion_tokens=server.completion_tokens,
    )


def failing(model, cause):
    with pytest.raises(RolloutError) as caught:
        model.chat(ASK)
    assert caught.value.cause == cause
    return caught.value.message


def test_an_answer_and_what_is_sent():
    meter = Meter()
    with ScriptedModel("It is a test.") as server:
        reply = chat(server, meter, key="secret").chat(ASK, max_tokens=9)
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("It is a test.", 4, 4)
    assert server.requests == [
        {"model": "scripted", "messages": ASK, "max_tokens": 9, "temperature": 0, "seed": 7}
    ]
    assert server.keys == {"secret"}
    assert (
        meter.usage == counted(server) == MemoryUsage(calls=1, prompt_tokens=4, completion_tokens=4)
    )


@pytest.mark.parametrize(("finish", "cut"), [("stop", False), ("length", True)])
def test_an_answer_says_whether_it_was_cut_off(finish, cut):
    with ScriptedModel(Says(text="half an", finish=finish)) as server:
        assert chat(server).chat(ASK).cut is cut


def test_without_a_key_none_is_sent():
    with ScriptedModel("x") as server:
        chat(server).chat(ASK)
    assert server.keys == {""}


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_passes_is_tried_again(status):
    said = [
        Says(text="busy", status=status, headers={"Retry-After": "0"}),
        Says(raw="{half"),
        "at last",
    ]
    meter = Meter()
    with ScriptedModel(lambda _: said.pop(0)) as server:
        assert chat(server, meter).chat(ASK).text == "at last"
    assert server.tries == 3
    assert meter.usage == counted(server)


def test_an_endpoint_that_stays_down_is_the_providers_failure():
    with ScriptedModel(Says(text="overloaded", status=503)) as server:
        said = failing(chat(server, retries=2), "provider_failed")
    assert server.tries == 3
    assert said.endswith("answered HTTP 503: overloaded")


def test_a_refused_request_is_not_repeated_and_its_key_not_told():
    quoted = Says(text="wrong key sk-123", status=401)
    with ScriptedModel(quoted) as server:
        said = failing(chat(server, key="sk-123"), "provider_failed")
    assert server.tries == 1
    assert said.endswith("HTTP 401: wrong key …")


@pytest.mark.parametrize("before", ["x" * 297, "x" * 77])
@pytest.mark.parametrize("status", [200, 401])
def test_no_part_of_a_key_is_told_where_the_answer_is_cut(before, status):
    quoted = f"{before}sk-123456"
    with ScriptedModel(Says(text=quoted, raw=quoted, status=status)) as server:
        said = failing(chat(server, key="sk-123456", retries=0), "provider_failed")
    assert "sk-" not in said


def test_a_redirect_is_final_and_says_where_to():
    moved = Says(text="moved", status=307, headers={"Location": "https://x/v2"})
    with ScriptedModel(moved) as server, pytest.raises(RolloutError) as caught:
        chat(server).chat(ASK)
    assert server.tries == 1
    assert caught.value.message.endswith("HTTP 307: what was asked for is at https://x/v2")
    assert "--memory-model-url" in caught.value.hint


def test_a_timeout_is_the_providers_failure():
    with ScriptedModel(Says(text="late", seconds=0.4)) as server:
        said = failing(chat(server, seconds=0.05, retries=1), "provider_failed")
        assert said.endswith("did not answer within 0.05 s")
        assert server.tries == 2


def test_nobody_there_is_the_providers_failure():
    with ScriptedModel() as server:
        pass
    assert "cannot be reached: ConnectError" in failing(chat(server, retries=1), "provider_failed")


@pytest.mark.parametrize(
    ("says", "cause", "detail"),
    [
        (Says(refusal="I must not."), "memory_failed", "the model refused: I must not."),
        (Says(finish="content_filter"), "memory_failed", "the model refused: its content filter"),
        (Says(raw="<html>"), "provider_failed", "answered no JSON object: <html>"),
        (Says(raw="[]"), "provider_failed", "answered no JSON object"),
        (Says(text="x", usage=False), "provider_failed", "does not report usage.prompt_tokens"),
    ],
)
def test_a_bad_answer_is_a_typed_failure_and_metered_all_the_same(says, cause, detail):
    meter = Meter()
    with ScriptedModel(says) as server:
        assert detail in failing(chat(server, meter, retries=1), cause)
    assert meter.usage == counted(server)


@pytest.mark.parametrize("body", ["{}", '{"choices": []}', '{"choices": [1]}', '{"choices": [{}]}'])
def test_an_answer_without_a_message_is_the_providers_failure(body):
    usage = '{"usage": {"prompt_tokens": 1, "completion_tokens": 1}, '
    raw = usage + (body[1:] if len(body) > 2 else '"x": 1}')
    with ScriptedModel(Says(raw=raw)) as server:
        assert "without a message" in failing(chat(server), "provider_failed")


def test_an_answer_that_is_not_a_text_is_empty():
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    raw = json.dumps({"choices": [{"message": {"content": None}}], "usage": usage})
    with ScriptedModel(Says(raw=raw)) as server:
        assert chat(server).chat(ASK).text == ""


def test_text_that_no_request_can_carry_is_sent_all_the_same():
    with ScriptedModel("x") as server:
        chat(server).chat([{"role": "user", "content": "caf\udce9 \ud800"}])
    assert server.requests[0]["messages"][0]["content"] == "caf? ?"


def test_the_budget_ends_a_task():
    meter = Meter(budget=20)
    with ScriptedModel("one two three") as server:
        model = chat(server, meter)
        for _ in range(3):
            model.chat(ASK)
        assert (
            failing(model, "memory_out_of_budget")
            == "the memory used 21 of its 20 tokens for one task"
        )
        meter.next_task()
        model.chat(ASK)
    assert server.tries == 4
    assert meter.usage == counted(server)


def test_prices_make_a_cost_and_no_prices_none():
    meter = Meter(price_in=2.0, price_out=10.0)
    meter.add(1_000_000, 100_000)
    meter.add(500_000)
    assert meter.usage.cost_usd == 4.0
    assert meter.usage.calls == 2
    free = Meter()
    free.add(5, 5)
    assert free.usage.cost_usd is None


def test_seconds_are_booked_by_what_was_done():
    meter = Meter()
    with meter.timing("record"):
        pass
    with pytest.raises(ValueError), meter.timing("recall"):
        raise ValueError
    assert meter.usage.recall_seconds >= 0
    assert meter.usage.calls == 0


def test_embeddings_come_in_order_and_in_batches():
    meter = Meter()
    texts = [f"word{number}" for number in range(BATCH + 3)]
    with ScriptedModel() as server:
        embed = Embeddings(Endpoint(server.url), "small", meter)
        found = embed([*texts, ""])
        assert found[:2] == [embed([texts[0]])[0], embed([texts[1]])[0]]
        assert embed([]) == []
    assert len(found) == BATCH + 4
    assert server.requests[0]["model"] == "small"
    assert meter.usage == counted(server)
    assert meter.usage.calls == 4


def test_vectors_made_again_are_counted_and_not_charged():
    meter = Meter(budget=3)
    with ScriptedModel() as server:
        embed = Embeddings(Endpoint(server.url), "small", meter)
        embed.again(["six words that were paid before"] * (BATCH + 1))
        assert meter.usage.prompt_tokens > 3
        embed(["three more words"])
        assert meter.usage == counted(server)
        with pytest.raises(RolloutError) as caught:
            embed(["more"])
    assert caught.value.cause == "memory_out_of_budget"


@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "ftp://x", "http://", "http://x:port", "x y"]
)
def test_what_is_no_url_is_refused(url):
    with pytest.raises(UsageError, match="is not http"):
        Endpoint(url)


@pytest.mark.parametrize("key", ["sk-1\n23", "schlüssel", "sk-\x00"])
def test_a_key_that_no_header_can_carry_is_refused_without_repeating_it(key):
    with pytest.raises(UsageError, match="no header can carry") as caught:
        Endpoint("http://x/v1", key=key)
    assert key not in caught.value.message + caught.value.hint


def test_a_url_with_a_password_is_refused_without_repeating_it():
    with pytest.raises(UsageError) as caught:
        Endpoint("https://me:hunter2@host/v1")
    assert "hunter2" not in caught.value.message + caught.value.hint
