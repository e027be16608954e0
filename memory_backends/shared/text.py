"""Words of issues and code, and small functions that cut text."""

from __future__ import annotations

import re
from collections.abc import Iterable

READ_CHARS = 20_000
"""Characters of one text that are read; what identifies an issue stands near its top."""
LONGEST = 64
"""Characters of a word at most; a longer one is a hash, a blob or a line of base64."""

_RUN = re.compile(r"\w+")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_SMALL = (
    "a an and any are as at be but by can do does for from get has have how if in into is it its "
    "me my no not of on or our should so that the their then there these this to too up was we "
    "were what when where which while will with would you your"
)
_STOP = frozenset(_SMALL.split())


def words(text: str) -> list[str]:
    """Split into lower-case words; `parseJSON_body` also yields `parse`, `json` and `body`."""
    kept = []
    for run in _RUN.findall(text[:READ_CHARS]):
        if len(run) > LONGEST:
            continue
        whole = run.lower()
        if len(whole) > 1 and whole not in _STOP:
            kept.append(whole)
        parts = _PARTS.findall(run)
        if len(parts) > 1:
            kept += [p for p in map(str.lower, parts) if len(p) > 1 and p not in _STOP]
    return kept


def clip(text: str, limit: int) -> str:
    """Cut the text to `limit` characters, with an ellipsis if something is missing."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def clip_bytes(text: str, limit: int) -> str:
    """Cut the text to `limit` bytes of UTF-8, never inside a character."""
    return text.encode("utf-8")[: max(limit, 0)].decode("utf-8", "ignore")


def clean(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def first_lines(text: str, limit: int) -> str:
    """Put the start of a text on one line, `limit` characters at most."""
    return clip(" ".join(text[: 4 * limit].split()), limit)


def joined(parts: Iterable[str]) -> str:
    """Join words into a text that any tokenizer splits the same way."""
    return " ".join(parts)
