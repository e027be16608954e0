"""Answers of a given form: the ways of asking for them, and which of them an endpoint knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

Schema = Mapping[str, Any]
"""A JSON schema of an object."""
Way = Literal["json_schema", "json_object", "text"]
WAYS: tuple[Way, ...] = get_args(Way)
"""The strictest first. `text` asks for nothing: the prompt alone says what form is wanted."""
NAME = "answer"


class KnownWays:
    """What an endpoint was found to know; shared by all that ask it in one run.

    Threads that ask at the same moment may both try: they find the same.
    """

    def __init__(self) -> None:
        self._known: Way | None = None

    @property
    def to_try(self) -> Sequence[Way]:
        """The way that worked, or all of them in order as long as none has."""
        return WAYS if self._known is None else (self._known,)

    def worked(self, way: Way) -> None:
        """Ask in this way from now on."""
        self._known = way


def response_format(way: Way, schema: Schema) -> dict[str, Any]:
    """The fields of a request that ask for an answer of this form."""
    if way == "json_schema":
        # Strict mode of some providers refuses a schema that bounds the length of texts.
        strict = {"name": NAME, "strict": True, "schema": _without(schema, "maxLength")}
        return {"response_format": {"type": way, "json_schema": strict}}
    if way == "json_object":
        return {"response_format": {"type": way, "schema": dict(schema)}}
    return {}


def _without(value: Any, name: str) -> Any:
    """A schema without one keyword, at any depth."""
    if isinstance(value, Mapping):
        return {key: _without(inner, name) for key, inner in value.items() if key != name}
    return [_without(inner, name) for inner in value] if isinstance(value, list | tuple) else value
