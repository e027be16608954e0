"""Texts of others as people may see them: nothing in them steers a terminal or deceives the eye.

Agents, tests, plug-ins and foreign files choose what their names, messages and logs hold. Escape
sequences move the cursor, set titles and make links; marks of direction show a line in an order
that it does not have. So every text is escaped where it leaves: on the terminal, in reports, in
messages of errors.
"""

from __future__ import annotations

import json
import re
from typing import Any

LONGEST = 300
"""Characters of the message, and of the hint, of an error."""
HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction, width zero
    "\u00ad\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"  # breaks and old controls
    "\ud800-\udfff"  # halves of pairs: bytes that were no UTF-8
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"  # shorthand, music, tags
    "]"
)


def visible(text: str) -> str:
    r"""Return the text with every control character escaped as Python writes it: `\x1b`, `\u202e`.

    Newlines and tabs stay.
    """
    return HIDDEN.sub(_escaped, text)


def visible_json(text: str) -> str:
    r"""Return JSON text with the same characters written as JSON escapes them: `\u001b`.

    Its values stay what they are.
    """
    return HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def visible_data(data: Any) -> Any:
    """Return plain data (lists, dicts, texts) with every text in it made visible."""
    if isinstance(data, str):
        return visible(data)
    if isinstance(data, dict):
        return {visible_data(key): visible_data(value) for key, value in data.items()}
    return [visible_data(value) for value in data] if isinstance(data, list | tuple) else data


def one_line(text: str, longest: int = LONGEST) -> str:
    """Return the text on one line and visible, its middle left out if it is longer than that."""
    return middle_cut(visible(" ".join(text[: 100 * longest].split())), longest)


def middle_cut(text: str, longest: int) -> str:
    """Return the beginning and the end of a text, together at most `longest` characters."""
    if len(text) <= longest:
        return text
    end = longest // 2
    return f"{text[: longest - end - 1]}…{text[-end:]}"


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
