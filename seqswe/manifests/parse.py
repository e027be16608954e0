"""Strict reading of outside data into frozen dataclasses: a wrong field is named, never ignored.

A journal of ten thousand lines is read whenever a report opens, so every type is understood once,
as a function that converts its values, and places are put into words only where one is wrong.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from difflib import get_close_matches
from functools import cache, partial
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from seqswe.errors import ManifestError

T = TypeVar("T")
Convert = Callable[[Any], Any]

HINT = "docs/formats.md describes every field."
NAMES: Mapping[type, str] = {str: "a text", int: "a whole number"}


def parse(cls: type[T], data: Mapping[str, Any], where: str) -> T:
    """Build `cls` from a mapping, checking names and types.

    `where` is named in the error ("manifest.toml [layout]"). Raises ManifestError.
    """
    try:
        parsed: T = _build(cls, data)
    except _Wrong as wrong:
        raise ManifestError((where + wrong.text)[:300], wrong.hint) from None
    return parsed


def moment(value: Any, where: str) -> datetime:
    """A date and time with its zone, from ISO 8601 text. Raises ManifestError."""
    try:
        return _moment(value)
    except _Wrong as wrong:
        raise ManifestError((where + wrong.text)[:300], wrong.hint) from None


class _Wrong(Exception):
    """What is wrong, without where: that is put before it on the way out."""

    def __init__(self, text: str, hint: str = HINT) -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint

    def under(self, name: str) -> _Wrong:
        return _Wrong(f": field {name!r}{self.text}", self.hint)


def _build(cls: type, data: Any) -> Any:
    converters, required = _fields(cls)
    values = {}
    for name, value in _mapping(data).items():
        convert = converters.get(name)
        if convert is None:
            close = get_close_matches(name, converters, n=1)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            known = ", ".join(sorted(converters))
            raise _Wrong(f": unknown field {name!r}", f"{hint}Fields: {known}.")
        try:
            values[name] = convert(value)
        except _Wrong as wrong:
            raise wrong.under(name) from None
    for name in required:
        if name not in values:
            known = ", ".join(sorted(converters))
            raise _Wrong(f": field {name!r} is missing", f"Fields: {known}.")
    return cls(**values)


@cache
def _fields(cls: type) -> tuple[dict[str, Convert], tuple[str, ...]]:
    hints, known = get_type_hints(cls), fields(cls)
    needed = (f for f in known if f.default is MISSING and f.default_factory is MISSING)
    return {f.name: _converter(hints[f.name]) for f in known}, tuple(f.name for f in needed)


def _converter(kind: Any) -> Convert:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        (first, *_) = (k for k in inner if k is not type(None))
        return partial(_optional, _converter(first))
    if origin is Literal:
        return partial(_choice, inner)
    if origin is tuple:
        return partial(_tuple, _converter(inner[0]))
    if origin is not None:
        return lambda value: dict(_mapping(value))
    if hasattr(kind, "__dataclass_fields__"):
        return partial(_build, kind)
    if kind is Any:
        return lambda value: value
    return _moment if kind is datetime else partial(_plain, kind)


def _optional(convert: Convert, value: Any) -> Any:
    return None if value is None else convert(value)


def _choice(options: tuple[Any, ...], value: Any) -> Any:
    if value not in options:
        _refuse("one of " + ", ".join(map(str, options)), value)
    return value


def _tuple(convert: Convert, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        _refuse("a list", value)
    return tuple([convert(item) for item in value])


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict | Mapping):
        _refuse("a table", value)
    return value


def _plain(kind: type, value: Any) -> Any:
    if type(value) is kind:
        return value
    if kind is float and type(value) is int:
        return float(value)
    if not isinstance(value, kind) or isinstance(value, bool):
        _refuse(NAMES.get(kind, kind.__name__), value)
    return value


def _moment(value: Any) -> datetime:
    wanted = "an ISO 8601 date with time zone"
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        _refuse(wanted, value)
    if moment.tzinfo is None:
        _refuse(wanted, value)
    return moment


def _refuse(wanted: str, value: Any) -> NoReturn:
    raise _Wrong(f" must be {wanted}, not {value!r}")
