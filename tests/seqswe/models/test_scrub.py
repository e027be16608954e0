"""A key is taken out in every way in which servers quote, whole or in pieces."""

import base64
import json
from urllib.parse import quote

import pytest

from seqswe.models.endpoint import without
from seqswe.models.scrub import Scrubber

KEY = "sk-ant/api+03_ABCdef-1234567890%x&y"
SCRUBBER = Scrubber([KEY, "another-key-123"])


def each(form, text=KEY):
    """Every character of a text in a form with its code: `each("%%%02x")`."""
    return "".join(form % ord(char) for char in text)


QUOTED = {
    "as it is": KEY,
    "json": each("\\u%04x"),
    "json in capitals": each("\\u%04X"),
    "json, here and there": KEY.replace("a", "\\u0061").replace("/", "\\/"),
    "json in json": each("\\\\u%04x"),
    "python": each("\\x%02x"),
    "url": quote(KEY, safe=""),
    "url, all of it": each("%%%02X"),
    "url twice": quote(quote(KEY, safe=""), safe=""),
    "url in json": each("\\u%04x", each("%%%02x")),
    "html": each("&#%d;"),
    "html in hexadecimal": each("&#x%x;"),
    "hex": KEY.encode().hex(),
    "hex in capitals": KEY.encode().hex().upper(),
    **{
        f"base64 after {before} bytes": base64.b64encode(b"abc"[:before] + KEY.encode()).decode()
        for before in range(4)
    },
    "base64 of urls": base64.urlsafe_b64encode(f"user:{KEY}:more?>".encode()).decode(),
    "base64 in json": base64.b64encode(KEY.encode()).decode().replace("/", "\\/"),
    "base64 in a url": quote(base64.b64encode(KEY.encode()).decode(), safe=""),
}


@pytest.mark.parametrize("how", QUOTED)
@pytest.mark.parametrize("around", ['"', '\\"', "\\n", "%20", "&quot;", ""])
def test_a_key_is_found_however_it_is_quoted(how, around):
    text = f"you sent {around}{QUOTED[how]}{around}, which is wrong"
    clean = SCRUBBER.text(text)
    assert clean.startswith(f"you sent {around}")
    assert clean.endswith(f"{around}, which is wrong")
    assert "[key]" in clean
    # The first and the last digits of base64 hold less than one character of it.
    assert len(clean) <= len("you sent [key], which is wrong") + 2 * len(around) + 20
    for size in (1, 3, 11):
        pieces = SCRUBBER.pieces()
        data = text.encode()
        fed = [pieces.feed(data[at : at + size]) for at in range(0, len(data), size)]
        assert b"".join([*fed, pieces.end()]).decode() == clean


def test_what_is_no_key_stays_as_it_is():
    text = json.dumps({'café \\ "x"\n': "100% &amp; \\u0061 %41 sk-ant"}) * 50
    assert SCRUBBER.text(text) == text
    pieces = SCRUBBER.pieces()
    data = text.encode()
    fed = [pieces.feed(data[at : at + 13]) for at in range(0, len(data), 13)]
    assert b"".join([*fed, pieces.end()]) == data


def test_an_answer_has_no_key_in_its_names_and_texts():
    answer = {KEY: [{"a": f"Basic {QUOTED['base64 after 0 bytes']}"}], "n": 1}
    assert KEY not in json.dumps(without(answer, SCRUBBER))
    assert QUOTED["base64 after 0 bytes"][4:-4] not in json.dumps(without(answer, SCRUBBER))


@pytest.mark.parametrize("unit", ["\\", "%", "%25", "&#0", "\\u00", "\\u0025", "s", KEY[:-1]])
def test_a_megabyte_of_beginnings_takes_no_longer_than_its_length(unit):
    data = (unit * (1_000_000 // len(unit))).encode()
    pieces = SCRUBBER.pieces()
    assert pieces.feed(data) + pieces.end() == data
