"""The mapping: everywhere or nowhere, and back again to the byte."""

import ast
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.renaming.names import Names
from harness.renaming.pseudonyms import pseudonyms
from seqswe.errors import ManifestError

SOURCES = (
    "class DateParser:\n    def parse_date(self, text_in, *, day_first=False):\n"
    "        return self._split_text(text_in)[0]\n",
    "from x import parse_date as p\np(text_in=1)\nlambda day_first: day_first\n",
    "f'{parse_date(day_first)!r:>{text_in}} nparse'\nr'\\n'\n'day'\nx.parse_date.text_in\n",
    "def f():\n    global day_first\n    nonlocal_text_in = 0xda if 0 else 1_0\n",
    "# parse_date of DateParser\ntry:\n    pass\nexcept DateParser as text_in:\n    del text_in\n",
)
NAMES = pseudonyms(
    ["DateParser", "parse_date", "text_in", "day_first", "_split_text"],
    [w for s in SOURCES for w in s.split()],
    0,
)
LETTERS = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=12)
IDENTIFIERS = LETTERS.filter(str.isidentifier)


def under(tree, mapping):
    """The dump of a parse tree whose identifiers, and only they, are replaced."""
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            if isinstance(value, str) and not isinstance(node, ast.Constant):
                setattr(node, field, mapping.get(value, value))
            elif isinstance(value, list):
                setattr(
                    node, field, [mapping.get(v, v) if isinstance(v, str) else v for v in value]
                )
    return ast.dump(tree)


@pytest.mark.parametrize("number", range(len(SOURCES)))
def test_the_parse_tree_is_the_old_one_under_the_mapping(number):
    source = SOURCES[number]
    new = NAMES.text(source)
    assert new != source
    assert ast.dump(ast.parse(new)) == under(ast.parse(source), NAMES.new)
    assert under(ast.parse(new), NAMES.inverse.new) == ast.dump(ast.parse(source))
    assert NAMES.inverse.text(new) == source


@given(st.lists(IDENTIFIERS, max_size=8, unique=True), st.integers(0, 5), st.binary(max_size=200))
def test_the_inverse_gives_back_every_byte(names, seed, other):
    text = b" ".join([other, *(n.encode() for n in names), b"x.y", other])
    words = set(text.decode("latin-1").replace(".", " ").split())
    mapping = pseudonyms(names, words | set(names), seed)
    assert mapping.inverse.apply(mapping.apply(text)) == text


@given(st.lists(IDENTIFIERS, max_size=20, unique=True), st.integers(0, 5))
def test_no_two_names_become_one_or_one_that_was_there(names, seed):
    mapping = pseudonyms(names, names, seed)
    assert len(set(mapping.new.values())) == len(mapping.new)
    assert not set(mapping.new.values()) & set(names)
    assert all(new.isidentifier() for new in mapping.new.values())
    assert mapping == pseudonyms(reversed(names), names, seed)


def test_the_seed_decides():
    assert pseudonyms(["parse_date"], [], 0) != pseudonyms(["parse_date"], [], 1)


def test_names_that_were_alike_stay_alike():
    new = pseudonyms(["parse_date", "parseDate", "PARSE_DATE", "DateParse", "_date"], [], 0).new
    parse, date = new["parse_date"].split("_")
    assert new["PARSE_DATE"] == f"{parse}_{date}".upper()
    assert new["parseDate"] == parse + date.title()
    assert new["DateParse"] == date.title() + parse.title()
    assert new["_date"] == "_" + date


@pytest.mark.parametrize("text", ["parse_date_x", "xparse_date", "0parse_date", "\u00e9parse_date"])
def test_nothing_within_a_word_is_replaced(text):
    assert Names({"parse_date": "gobu_lira"}).text(text) == text


def test_a_binary_file_stays():
    data = b"parse_date\0parse_date"
    assert Names({"parse_date": "gobu_lira"}).apply(data) == data


def test_it_is_read_as_it_was_written(tmp_path):
    NAMES.save(tmp_path)
    assert Names.load(tmp_path) == NAMES
    assert Names.load(tmp_path).digest == NAMES.digest


@pytest.mark.parametrize(
    "text", ["[]", '{"a": 1}', '{"a": "b c"}', '{"a": "x", "b": "x"}', '{"a": "b", "b": "c"}', "{"]
)
def test_a_damaged_file_is_refused(tmp_path, text):
    (tmp_path / "names.json").write_text(text)
    with pytest.raises(ManifestError, match=r"names\.json"):
        Names.load(tmp_path)
