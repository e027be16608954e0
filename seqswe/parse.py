"""Strict reading of outside data into frozen dataclasses: a wrong field is named, never ignored."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from seqswe.errors import ManifestError

T = TypeVar("T")


def parse(cls: type[T], data: Mapping[str, Any], where: str) -> T:
    """Build `cls` from a mapping, checking names and types.

    `where` is named in the error ("manifest.toml [layout]"). Raises ManifestError.
    """
    if not isinstance(data, Mapping):
        raise _wrong(where, "a table", data)
    known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    for name in data:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            raise ManifestError(
                f"{where}: unknown field {name!r}", f"{hint}Fields: {', '.join(sorted(known))}."
            )
    hints = _hints(cls)  # type: ignore[arg-type]
    values = {}
    for name, spec in known.items():
        if name in data:
            values[name] = _convert(hints[name], data[name], f"{where}: field {name!r}")
        elif spec.default is MISSING and spec.default_factory is MISSING:
            raise ManifestError(
                f"{where}: field {name!r} is missing", f"Fields: {', '.join(sorted(known))}."
            )
    return cls(**values)


_hints = cache(get_type_hints)


def _convert(kind: Any, value: Any, where: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        options = [k for k in get_args(kind) if k is not type(None)]
        return None if value is None else _convert(options[0], value, where)
    if origin is Literal:
        if value not in get_args(kind):
            raise _wrong(where, "one of " + ", ".join(map(str, get_args(kind))), value)
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise _wrong(where, "a list", value)
        return tuple(_convert(get_args(kind)[0], item, where) for item in value)
    if origin is not None:
        if not isinstance(value, Mapping):
            raise _wrong(where, "a table", value)
        return dict(value)
    if hasattr(kind, "__dataclass_fields__"):
        if not isinstance(value, Mapping):
            raise _wrong(where, "a table", value)
        return parse(kind, value, where)
    if kind is datetime:
        return moment(value, where)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    misread = kind is int and isinstance(value, bool)
    if kind is not Any and (misread or not isinstance(value, kind)):
        raise _wrong(where, {str: "a text", int: "a whole number"}.get(kind, kind.__name__), value)
    return value


def moment(value: Any, where: str) -> datetime:
    """A date and time with its zone, from ISO 8601 text. Raises ManifestError."""
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _wrong(where, "an ISO 8601 date with time zone", value) from None
    if found.tzinfo is None:
        raise _wrong(where, "an ISO 8601 date with time zone", value)
    return found


def _wrong(where: str, wanted: str, value: Any) -> ManifestError:
    return ManifestError(
        f"{where} must be {wanted}, not {value!r}"[:300], "docs/formats.md describes every field."
    )
