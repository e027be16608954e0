"""From a model's answer to data: JSON inside prose, rows of texts, text between tags."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from memory_backends.shared.text import clean, clip

T = TypeVar("T")
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

    A list of texts becomes numbered lines. Other fields are left out. Raises Malformed; see
    `readable`.
    """
    return readable(listed(answer, name), lambda row: texts(row, name, fields))


def readable(entries: Iterable[Any], read: Callable[[Any], T]) -> list[T]:
    """What `read` makes of the entries it can read; raises Malformed if that is none of several.

    One sloppy entry must not cost the others: asked again, a model is as sloppy as before.
    """
    found: list[T] = []
    problem: Malformed | None = None
    for entry in entries:
        try:
            found.append(read(entry))
        except Malformed as new:
            problem = problem or new
    if problem and not found:
        raise problem
    return found


def listed(answer: str, name: str) -> list[dict[str, Any]]:
    """The objects in the list `name` of an answer's JSON object. Raises Malformed."""

    def read(row: object) -> dict[str, Any]:
        if not isinstance(row, dict):
            raise Malformed(f'an entry of "{name}" is not a JSON object')
        return row

    return readable(_list(answer, name), read)


def texts(row: Mapping[str, Any], name: str, fields: Sequence[str]) -> dict[str, str]:
    """These fields of one entry of `name`, none of them empty. Raises Malformed."""
    found = {field: _text(row.get(field)) for field in fields}
    if missing := [field for field, text in found.items() if not text]:
        raise Malformed(f'an entry of "{name}" has no text "{missing[0]}"')
    return found


def numbers(answer: str, name: str) -> list[int]:
    """The whole numbers in the list `name`, each once, in order. Raises Malformed."""

    def read(number: object) -> int:
        if not isinstance(number, int) or isinstance(number, bool):
            raise Malformed(f'an entry of "{name}" is not a whole number')
        return number

    return list(dict.fromkeys(readable(_list(answer, name), read)))


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


def _list(answer: str, name: str) -> list[Any]:
    found = json_object(answer).get(name)
    if not isinstance(found, list):
        raise Malformed(f'its JSON object has no list "{name}"')
    return found


def _text(value: object) -> str:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "\n".join(f"{number}. {line.strip()}" for number, line in enumerate(value, 1))
    return clip(clean(value.strip()), LONGEST) if isinstance(value, str) else ""
