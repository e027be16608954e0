"""What is read from a model's answer, and what is said of one that cannot be read."""

import json

import pytest

from memory_backends.shared.asking import Asker, Form
from memory_backends.shared.replies import Malformed, between, json_object, numbers, rows, truth
from memory_backends.shared.schemas import many, record
from seqswe.errors import UnreadableAnswer
from seqswe.models.protocol import Reply

GOOD = '{"items": [{"title": "a", "content": "b"}]}'


@pytest.mark.parametrize(
    "answer",
    [GOOD, f"Here it is:\n```json\n{GOOD}\n```\nDone.", f"{{braces}} first {GOOD} and {{last}}"],
)
def test_json_is_found_in_prose_and_fences(answer):
    assert rows(answer, "items", "title", "content") == [{"title": "a", "content": "b"}]


def test_lists_of_texts_become_numbered_lines_and_other_fields_are_left_out():
    answer = '{"skills": [{"name": " x ", "steps": ["one ", "two"], "more": 1}]}'
    assert rows(answer, "skills", "name", "steps") == [{"name": "x", "steps": "1. one\n2. two"}]


def test_raw_line_breaks_and_lone_surrogates_in_texts_are_borne():
    answer = '{"items": [{"title": "a\nb \\ud800"}]}'
    assert rows(answer, "items", "title") == [{"title": "a\nb ?"}]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("I would rather not.", "no complete JSON object"),
        (GOOD[:-2], 'no list "items"'),
        ("{" * 100_000, "no complete JSON object"),
        ('{"items": "none"}', 'no list "items"'),
        ('{"items": ["a"]}', "is not a JSON object"),
        ('{"items": [{"title": "a"}]}', 'no text "content"'),
        ('{"items": [{"title": 5, "content": "b"}]}', 'no text "title"'),
        ('{"items": [{"title": " ", "content": "b"}]}', 'no text "title"'),
    ],
)
def test_what_is_wrong_is_said(answer, said):
    with pytest.raises(Malformed, match=said):
        rows(answer, "items", "title", "content")


def test_sloppy_entries_do_not_cost_the_others():
    good = {"title": "a", "content": "b"}
    answer = json.dumps({"items": [{"title": "a"}, "prose", good, None]})
    assert rows(answer, "items", "title", "content") == [good]
    assert numbers('{"ids": [2, "one", null, 1, true]}', "ids") == [2, 1]
    assert rows('{"items": []}', "items", "title") == numbers('{"ids": []}', "ids") == []


def test_numbers_and_truths():
    assert numbers('{"ids": [3, 1, 3]}', "ids") == [3, 1]
    assert truth('{"success": false}', "success") is False
    for answer in ('{"ids": ["1"]}', '{"ids": [true, null]}', "{}"):
        with pytest.raises(Malformed):
            numbers(answer, "ids")
    with pytest.raises(Malformed):
        truth('{"success": "yes"}', "success")


def test_text_between_tags_is_the_last():
    assert between("<s>draft</s> no: <s>\nfinal\n</s>", "s") == "final"
    with pytest.raises(Malformed):
        between("<s>cut off", "s")


def test_json_that_is_no_object_is_passed_over():
    assert json_object('[1] {"a": 1}') == {"a": 1}


IDS = Form(lambda answer: numbers(answer, "ids"), record(ids=many({"type": "integer"})))


class Saying:
    """A model of given answers, that keeps what it was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def chat(self, messages, *, max_tokens, schema):
        assert schema == IDS.schema
        self.asked.append(messages)
        answer = self.answers.pop(0)
        return answer if isinstance(answer, Reply) else Reply(text=answer)


def test_an_answer_that_cannot_be_read_is_asked_for_once_more():
    model = Saying("hm", '{"ids": [1]}')
    assert Asker(model).ask("system", "user", IDS) == [1]
    again = model.asked[1]
    assert [m["role"] for m in again] == ["system", "user", "assistant", "user"]
    assert "no complete JSON object" in again[3]["content"]


@pytest.mark.parametrize("answers", [("", " \n"), ("hm", "hm"), ('{"ids": 1}', "")])
def test_twice_is_said_to_be_unreadable(answers):
    with pytest.raises(UnreadableAnswer, match="cannot be read") as caught:
        Asker(Saying(*answers)).ask("system", "user", IDS)
    assert caught.value.cause == UnreadableAnswer.CAUSE


def test_an_answer_cut_off_is_told_so_and_one_that_can_be_read_is_taken():
    model = Saying(Reply(text='{"ids": [1, 2', cut=True, completion_tokens=9), '{"ids": [1]}')
    assert Asker(model).ask("system", "user", IDS) == [1]
    assert "it was cut off after 9 tokens" in model.asked[1][3]["content"]
    whole = Reply(text='{"ids": [2]} and', cut=True)
    assert Asker(Saying(whole)).ask("system", "user", IDS) == [2]
    with pytest.raises(UnreadableAnswer, match="cut off after 2 tokens"):
        Asker(Saying(*[Reply(text="", cut=True, completion_tokens=2)] * 2)).ask("", "", IDS)
