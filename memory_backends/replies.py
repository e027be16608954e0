"""From a model's answer to data: JSON inside prose, rows of texts, text between tags."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from memory_backends.text import clean, clip

TRIES = 20
"""Opening braces that are tried as the start of the JSON object."""
LONGEST = 2_000
"""Characters kept of one text of an answer."""


class Malformed(ValueError):
    """An answer that does not have the form asked for; says what is wrong with it."""


def json_object(answer: str) -> dict[str, Any]:
    """The first JSON object of an answer, bare, in prose or in a code fence. Raises Malformed."""
    decoder, at = json.JSONDecoder(strict=False), answer.find("{")
    for _ in range(TRIES):
        if at < 0:
            break
        try:
            found: dict[str, Any] = decoder.raw_decode(answer, at)[0]
            return found
        except (ValueError, RecursionError):
            at = answer.find("{", at + 1)
    raise Malformed("there is no complete JSON object in it")


def rows(answer: str, name: str, *fields: str) -> list[dict[str, str]]:
    """The list `name` of an answer's JSON object, each row with these fields as texts.

    A list of texts becomes numbered lines. Other fields are left out. Raises Malformed.
    """
    return [texts(row, name, fields) for row in listed(answer, name)]


def listed(answer: str, name: str) -> list[dict[str, Any]]:
    """The list `name` of an answer's JSON object, whose entries are objects. Raises Malformed."""
    found = json_object(answer).get(name)
    if not isinstance(found, list):
        raise Malformed(f'its JSON object has no list "{name}"')
    if not all(isinstance(row, dict) for row in found):
        raise Malformed(f'an entry of "{name}" is not a JSON object')
    return found


def texts(row: Mapping[str, Any], name: str, fields: Sequence[str]) -> dict[str, str]:
    """These fields of one entry of `name`, none of them empty. Raises Malformed."""
    found = {field: _text(row.get(field)) for field in fields}
    if missing := [field for field, text in found.items() if not text]:
        raise Malformed(f'an entry of "{name}" has no text "{missing[0]}"')
    return found


def numbers(answer: str, name: str) -> list[int]:
    """The list `name` of whole numbers, each once, in order. Raises Malformed."""
    found = json_object(answer).get(name)
    if not isinstance(found, list) or any(
        not isinstance(n, int) or isinstance(n, bool) for n in found
    ):
        raise Malformed(f'its JSON object has no list "{name}" of whole numbers')
    return list(dict.fromkeys(found))


def truth(answer: str, name: str) -> bool:
    """The field `name`, true or false. Raises Malformed."""
    found = json_object(answer).get(name)
    if not isinstance(found, bool):
        raise Malformed(f'its JSON object has no "{name}" that is true or false')
    return found


def between(answer: str, tag: str) -> str:
    """The text between `<tag>` and `</tag>`, the last such. Raises Malformed."""
    found = re.findall(f"<{tag}>(.*?)</{tag}>", answer, re.DOTALL)
    if not found:
        raise Malformed(f"it has no <{tag}>…</{tag}>")
    return clean(found[-1].strip())


def _text(value: object) -> str:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "\n".join(f"{number}. {line.strip()}" for number, line in enumerate(value, 1))
    return clip(clean(value.strip()), LONGEST) if isinstance(value, str) else ""
