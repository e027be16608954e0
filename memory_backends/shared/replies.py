"""Reads data out of a model's answer: JSON inside prose, rows of texts, text between tags."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from memory_backends.shared.text import clean, clip

T = TypeVar("T")
TRIES = 20
"""Opening braces that are tried as the start of the JSON object."""
LONGEST = 2_000
"""Characters kept of one text of an answer."""


class Malformed(ValueError):
    """An answer that does not have the required form, and what is wrong with it."""


def json_object(answer: str) -> dict[str, Any]:
    """Read the first JSON object, bare, in prose or in a code fence. Raises Malformed."""
    decoder, at = json.JSONDecoder(strict=False), answer.find("{")
    for _ in range(TRIES):
        if at < 0:
            break
        try:
            data: dict[str, Any] = decoder.raw_decode(answer, at)[0]
            return data
        except (ValueError, RecursionError):
            at = answer.find("{", at + 1)
    raise Malformed("there is no complete JSON object in it")


def rows(answer: str, name: str, *fields: str) -> list[dict[str, str]]:
    """Read the list `name` of an answer's JSON object, each row with these fields as texts.

    A list of texts becomes numbered lines. Other fields are left out. Raises Malformed; see
    `readable`.
    """
    return readable(listed(answer, name), lambda row: texts(row, name, fields))


def readable(entries: Iterable[Any], read: Callable[[Any], T]) -> list[T]:
    """Return what `read` makes of the entries that it can read.

    Raises Malformed if there are entries and none can be read.

    One malformed entry must not cost the others: asked again, a model repeats such mistakes.
    """
    items: list[T] = []
    problem: Malformed | None = None
    for entry in entries:
        try:
            items.append(read(entry))
        except Malformed as new:
            problem = problem or new
    if problem and not items:
        raise problem
    return items


def listed(answer: str, name: str) -> list[dict[str, Any]]:
    """Read the objects in the list `name` of an answer's JSON object. Raises Malformed."""

    def read(row: object) -> dict[str, Any]:
        if not isinstance(row, dict):
            raise Malformed(f'an entry of "{name}" is not a JSON object')
        return row

    return readable(_list(answer, name), read)


def texts(row: Mapping[str, Any], name: str, fields: Sequence[str]) -> dict[str, str]:
    """Read these fields of one entry of `name`, none of them empty. Raises Malformed."""
    by_field = {field: _text(row.get(field)) for field in fields}
    if missing := [field for field, text in by_field.items() if not text]:
        raise Malformed(f'an entry of "{name}" has no text "{missing[0]}"')
    return by_field


def numbers(answer: str, name: str) -> list[int]:
    """Read the whole numbers in the list `name`, each once, in order. Raises Malformed."""

    def read(number: object) -> int:
        if not isinstance(number, int) or isinstance(number, bool):
            raise Malformed(f'an entry of "{name}" is not a whole number')
        return number

    return list(dict.fromkeys(readable(_list(answer, name), read)))


def truth(answer: str, name: str) -> bool:
    """Read the field `name`, true or false. Raises Malformed."""
    value = json_object(answer).get(name)
    if not isinstance(value, bool):
        raise Malformed(f'its JSON object has no "{name}" that is true or false')
    return value


def between(answer: str, tag: str) -> str:
    """Read the text between the last `<tag>` and its `</tag>`. Raises Malformed."""
    begins, ends = f"<{tag}>", f"</{tag}>"
    # Pair by pair. A pattern would look for an end from each beginning.
    found, at = "", answer.find(begins)
    end = answer.find(ends, at)
    if min(at, end) < 0:
        raise Malformed(f"it has no <{tag}>…</{tag}>")
    while min(at, end) >= 0:
        found = answer[at + len(begins) : end]
        at = answer.find(begins, end)
        end = answer.find(ends, at)
    return clean(found.strip())


def _list(answer: str, name: str) -> list[Any]:
    value = json_object(answer).get(name)
    if not isinstance(value, list):
        raise Malformed(f'its JSON object has no list "{name}"')
    return value


def _text(value: object) -> str:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "\n".join(f"{number}. {line.strip()}" for number, line in enumerate(value, 1))
    return clip(clean(value.strip()), LONGEST) if isinstance(value, str) else ""
