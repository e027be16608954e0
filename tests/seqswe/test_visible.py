"""Control characters of others: which there are, and how they are shown."""

import json
import sys
import unicodedata

import pytest

from seqswe.visible import HIDDEN, LONGEST, one_line, visible, visible_data, visible_json

HARMLESS = {"\n", "\t", "\u200c", "\u200d"}
"""Lines and columns; the joiners, which scripts and emoji are written with."""
SIGNS = ("ARABIC", "SYRIAC", "KAITHI", "EGYPTIAN")
"""Format characters that are seen: signs that enclose numbers, and the like."""


def test_every_control_and_format_character_is_escaped():
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        kind = unicodedata.category(char)
        if kind not in ("Cc", "Cf", "Cs", "Zl", "Zp") or char in HARMLESS:
            continue
        name = unicodedata.name(char, "")
        if name.startswith(SIGNS) and name != "ARABIC LETTER MARK":
            continue
        assert HIDDEN.match(char), f"U+{code:04X} {name}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\r\nb\tc", "a\\x0d\nb\tc"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
        ("Größe 数 👩\u200d💻", "Größe 数 👩\u200d💻"),
    ],
)
def test_a_text_is_shown_as_python_writes_it(text, shown):
    assert visible(text) == shown
    assert visible_data({text: [text, 1, None]}) == {shown: [shown, 1, None]}


def test_json_keeps_its_values():
    data = {"a\u202e": ["\x9b", "\U000e0041", "ä\n"]}
    text = json.dumps(data, ensure_ascii=False)
    shown = visible_json(text)
    assert not HIDDEN.search(shown)
    assert json.loads(shown) == data
    assert "ä" in shown


def test_a_message_is_one_line_of_its_beginning_and_end():
    text = "start\n" + "x" * 60_000 + "\x1b end"
    shown = one_line(text)
    assert len(shown) == LONGEST
    assert shown.startswith("start xxx")
    assert "\n" not in shown
    assert one_line("a \x1b\n b") == "a \\x1b b"
