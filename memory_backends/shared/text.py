"""Words of issues and code, and small helpers to cut text."""

from __future__ import annotations

import re
from collections.abc import Iterable

READ = 20_000
"""Characters of one text that are looked at; what identifies an issue stands near its top."""
LONGEST = 64
"""Characters of a word; beyond it is a hash, a blob or a line of base64."""

_RUN = re.compile(r"\w+")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_SMALL = (
    "a an and any are as at be but by can do does for from get has have how if in into is it its "
    "me my no not of on or our should so that the their then there these this to too up was we "
    "were what when where which while will with would you your"
)
_STOP = frozenset(_SMALL.split())


def words(text: str) -> list[str]:
    """Lower-case words in order; `parseJSON_body` also yields `parse`, `json` and `body`."""
    found = []
    for run in _RUN.findall(text[:READ]):
        if len(run) > LONGEST:
            continue
        whole = run.lower()
        if len(whole) > 1 and whole not in _STOP:
            found.append(whole)
        parts = _PARTS.findall(run)
        if len(parts) > 1:
            found += [p for p in map(str.lower, parts) if len(p) > 1 and p not in _STOP]
    return found


def clip(text: str, limit: int) -> str:
    """The text up to `limit` characters, with an ellipsis where something is missing."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def clip_bytes(text: str, limit: int) -> str:
    """The text up to `limit` bytes of UTF-8, never ending inside a character."""
    return text.encode("utf-8")[: max(limit, 0)].decode("utf-8", "ignore")


def clean(text: str) -> str:
    """The text without lone surrogates, which no UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def first_lines(text: str, limit: int) -> str:
    """The start of a text on one line, `limit` characters at most."""
    return clip(" ".join(text[: 4 * limit].split()), limit)


def joined(found: Iterable[str]) -> str:
    """Words as a text that any tokenizer splits the same way."""
    return " ".join(found)
