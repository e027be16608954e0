"""Structured answers against a real server: which way it knows, and what is no provider's fault."""

import pytest

from seqswe.errors import RolloutError
from seqswe.models.endpoint import Endpoint
from seqswe.models.meter import Meter
from seqswe.models.openai import Chat
from seqswe.models.structured import KnownWays
from seqswe.testing import Says, ScriptedModel
from seqswe.testing.model import UNKNOWN_FORMAT

ASK = [{"role": "user", "content": "What is it?"}]
SCHEMA = {
    "type": "object",
    "properties": {"words": {"type": "array", "items": {"type": "string", "maxLength": 9}}},
    "required": ["words"],
    "additionalProperties": False,
}
BAD = Says(status=400, text="what is a response_format?")


def chat(server, ways=None, retries=0, **more):
    endpoint = Endpoint(server.url, wait=0.001, retries=retries)
    return Chat(endpoint, "scripted", Meter(), ways=ways, **more)


def asked(server):
    """The way of each request, in order."""
    return [body.get("response_format", {}).get("type", "text") for body in server.requests]


@pytest.mark.parametrize("unknown", [BAD, UNKNOWN_FORMAT, Says(status=422, text="no")])
@pytest.mark.parametrize(
    ("formats", "tried"),
    [
        (("json_schema", "json_object"), ["json_schema"]),
        (("json_object",), ["json_schema", "json_object"]),
        ((), ["json_schema", "json_object", "text"]),
    ],
)
def test_the_strictest_way_that_an_endpoint_knows_is_found_once(formats, tried, unknown):
    ways = KnownWays()
    with ScriptedModel("{}", formats=formats, unknown=unknown) as server:
        for _ in range(3):
            # Each rollout has a client of its own; what one found, the run knows.
            assert chat(server, ways).chat(ASK, schema=SCHEMA).text == "{}"
        assert asked(server) == [*tried, tried[-1], tried[-1]]
        assert server.calls == 3


def test_the_schema_is_sent_in_the_form_of_each_way():
    with ScriptedModel("{}", formats=("json_object",)) as server:
        chat(server).chat(ASK, schema=SCHEMA)
    strict, loose = (body["response_format"] for body in server.requests)
    assert strict["json_schema"]["strict"] is True
    # Providers with a strict mode refuse bounds of texts.
    assert strict["json_schema"]["schema"]["properties"]["words"]["items"] == {"type": "string"}
    assert strict["json_schema"]["schema"]["required"] == ["words"]
    assert loose == {"type": "json_object", "schema": SCHEMA}


def test_without_a_schema_nothing_is_tried_or_found():
    ways = KnownWays()
    with ScriptedModel("x", formats=()) as server:
        chat(server, ways).chat(ASK)
        chat(server, ways).chat(ASK, schema=SCHEMA)
    assert asked(server) == ["text", "json_schema", "json_object", "text"]


def test_a_provider_that_is_down_is_tried_again_and_no_way_is_ruled_out():
    ways, down = KnownWays(), [Says(status=503, text="overloaded")] * 2
    with ScriptedModel(lambda _: down.pop() if down else "{}") as server:
        assert chat(server, ways, retries=4).chat(ASK, schema=SCHEMA).text == "{}"
        chat(server, ways).chat(ASK, schema=SCHEMA)
    assert asked(server) == ["json_schema"] * 4


def test_what_is_refused_in_every_way_is_a_failure_and_nothing_is_remembered():
    ways, refuse = KnownWays(), [Says(status=400, text="prompt too long")] * 3
    with ScriptedModel(lambda _: refuse.pop() if refuse else "{}") as server:
        with pytest.raises(RolloutError, match="prompt too long") as caught:
            chat(server, ways).chat(ASK, schema=SCHEMA)
        assert caught.value.cause == "provider_failed"
        chat(server, ways).chat(ASK, schema=SCHEMA)
    assert asked(server) == ["json_schema", "json_object", "text", "json_schema"]


def test_once_a_way_is_known_a_refusal_is_the_providers():
    bad = []
    with ScriptedModel(lambda _: bad[0] if bad else "{}") as server:
        model = chat(server, retries=4)
        model.chat(ASK, schema=SCHEMA)
        bad.append(BAD)
        with pytest.raises(RolloutError) as caught:
            model.chat(ASK, schema=SCHEMA)
    assert caught.value.cause == "provider_failed"
    assert server.tries == 2


def test_a_plain_question_is_retried_whatever_a_server_says_of_its_own_fault():
    bad = [UNKNOWN_FORMAT]
    with ScriptedModel(lambda _: bad.pop() if bad else "x") as server:
        assert chat(server, retries=1).chat(ASK).text == "x"


@pytest.mark.parametrize(("most", "sent"), [(0, 50), (20, 20), (80, 50)])
def test_an_answer_is_bounded_by_the_smaller_of_both_bounds(most, sent):
    with ScriptedModel("x") as server:
        chat(server, most_tokens=most).chat(ASK, max_tokens=50)
    assert server.requests[0]["max_tokens"] == sent
