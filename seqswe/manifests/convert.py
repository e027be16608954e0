"""Strict reading of outside data into frozen dataclasses: a wrong field is named, never ignored.

A journal of ten thousand lines is read whenever a report opens, so every type is understood once,
as a function that converts its values, and places are put into words only where one is wrong.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from datetime import datetime
from difflib import get_close_matches
from functools import cache, partial
from reprlib import Repr
from typing import (
    Annotated,
    Any,
    Literal,
    NoReturn,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from seqswe.errors import ManifestError, UsageError
from seqswe.manifests.read import MAX_DIGITS
from seqswe.patterns import Between, Pattern, RegularExpression
from seqswe.visible import LONGEST

T = TypeVar("T")
Convert = Callable[[Any], Any]

HINT = "docs/formats.md describes every field."
NAMES: Mapping[type, str] = {str: "a text", int: "a whole number"}
LIMIT = 10**MAX_DIGITS
LONGEST_NAME = 80
"""Characters of a field's name that are compared with the known ones."""
YEARS = range(1900, 9000)
"""Of dates, so that no change of zone leads beyond what a date can be."""
SHORT = Repr()
"""Values in messages: their beginning and end, and no more than a few levels."""
SHORT.maxstring = SHORT.maxother = SHORT.maxlong = 60


def parse(cls: type[T], data: Mapping[str, Any], where: str) -> T:
    """Build `cls` from a mapping, checking names and types.

    `where` is named in the error ("manifest.toml [layout]"). Raises ManifestError.
    """
    try:
        parsed: T = _build(cls, data)
    except _Wrong as wrong:
        raise wrong.error(where) from None
    return parsed


def moment(value: Any, where: str) -> datetime:
    """A date and time with its zone, from ISO 8601 text. Raises ManifestError."""
    try:
        return _moment(value)
    except _Wrong as wrong:
        raise wrong.error(where) from None


def parse_text(value: Any, where: str) -> str:
    """A text, where a whole line or file is one. Raises ManifestError."""
    if not isinstance(value, str):
        raise ManifestError(f"{where} must be a text, not {_shown(value)}", HINT)
    return value


def parse_texts(value: Any, where: str) -> list[str]:
    """A list of texts. Raises ManifestError."""
    if not isinstance(value, list):
        raise ManifestError(f"{where} must be a list, not {_shown(value)}", HINT)
    for text in value:
        if not isinstance(text, str):
            raise ManifestError(f"{where} must hold texts, not {_shown(text)}", HINT)
    return value


class Ids:
    """Ids as they come. Two that only differ in case are one file where a system knows no case."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def add(self, name: str, where: str) -> None:
        """Take one more. Raises ManifestError, which names `where`, if there is such a one."""
        other = self._known.setdefault(key := name.casefold(), "")
        if other:
            twice = "occurs twice" if other == name else f"differs from {other} only in case"
            raise ManifestError(
                f"{where}: {name} {twice}", "Ids name files: remove one of the two."
            )
        self._known[key] = name


def check_ids(ids: Iterable[str], where: str) -> None:
    """Refuse ids of which two are the same but for their case. Raises ManifestError."""
    known = Ids()
    for name in ids:
        known.add(name, where)


class _Wrong(Exception):
    """What is wrong, without where: that is put before it on the way out."""

    def __init__(self, text: str, hint: str = HINT) -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint

    def error(self, where: str) -> ManifestError:
        """The error for people: the end of a long place says more than its beginning."""
        text = self.text[: LONGEST - 60]
        room = LONGEST - len(text)
        place = where if len(where) <= room else "…" + where[len(where) - room + 1 :]
        return ManifestError(place + text, self.hint[:LONGEST])

    def under(self, name: str) -> _Wrong:
        return _Wrong(f": field {name!r}{self.text}", self.hint)


def _build(cls: type, data: Any) -> Any:
    converters, required, usual = _fields(cls)
    values = {}
    for name, value in _mapping(data).items():
        if name in usual and value == usual[name] and type(value) is type(usual[name]):
            continue
        convert = converters.get(name)
        if convert is None:
            close = get_close_matches(name[:LONGEST_NAME], converters, n=1)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            known = ", ".join(sorted(converters))
            raise _Wrong(f": unknown field {_shown(name)}", f"{hint}Fields: {known}.")
        try:
            values[name] = convert(value)
        except _Wrong as wrong:
            raise wrong.under(name) from None
    for name in required:
        if name not in values:
            known = ", ".join(sorted(converters))
            raise _Wrong(f": field {name!r} is missing", f"Fields: {known}.")
    try:
        return cls(**values)
    except UsageError as error:  # fields that do not go together
        raise _Wrong(f": {error.message}", error.hint or HINT) from None


@cache
def _fields(cls: type) -> tuple[dict[str, Convert], tuple[str, ...], dict[str, Any]]:
    """How each field is converted, which ones are required, and what is left at its default."""
    hints, known = get_type_hints(cls, include_extras=True), fields(cls)
    converters = {f.name: _converter(hints[f.name]) for f in known}
    needed = (f for f in known if f.default is MISSING and f.default_factory is MISSING)
    usual = ((f.name, _usual(f, converters[f.name])) for f in known)
    return (
        converters,
        tuple(f.name for f in needed),
        {name: value for name, value in usual if value is not MISSING},
    )


def _usual(field: Field[Any], convert: Convert) -> Any:
    """A default as outside data has it, if that may stand there; most fields of a line do.

    MISSING for any other, and for numbers with a point: of these two zeros are equal.
    """
    default = {} if field.default_factory is dict else field.default
    value = [] if default == () else default
    if value not in (None, "", 0, [], {}) or isinstance(value, float):
        return MISSING
    try:
        return value if convert(value) == default else MISSING
    except _Wrong:
        return MISSING


def _converter(kind: Any) -> Convert:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        marks = [m for m in inner[1:] if isinstance(m, Pattern | Between | RegularExpression)]
        return partial(_fitting, _converter(inner[0]), marks)
    if origin in (Union, types.UnionType):
        known = tuple(k for k in inner if k is not type(None))
        if len(known) > 1:
            return partial(_either, known)
        return partial(_optional, _converter(known[0]))
    if origin is Literal:
        return partial(_choice, inner)
    if origin is tuple:
        return partial(_tuple, _converter(inner[0]))
    if origin is not None:
        return partial(_table, _converter(inner[1]))
    if hasattr(kind, "__dataclass_fields__"):
        return partial(_build, kind)
    if kind is Any:
        return lambda value: value
    return _moment if kind is datetime else partial(_plain, kind)


def _optional(convert: Convert, value: Any) -> Any:
    return None if value is None else convert(value)


def _either(kinds: tuple[type, ...], value: Any) -> Any:
    if type(value) not in kinds:
        _refuse(" or ".join(NAMES.get(kind, kind.__name__) for kind in kinds), value)
    return _plain(type(value), value)


def _fitting(
    convert: Convert, marks: Sequence[Pattern | Between | RegularExpression], value: Any
) -> Any:
    value = convert(value)
    for mark in marks:
        if not mark.fits(value):
            _refuse(mark.meaning, value)
    return value


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


def _table(convert: Convert, value: Any) -> dict[str, Any]:
    made = {}
    for name, inner in _mapping(value).items():
        try:
            made[name] = convert(inner)
        except _Wrong as wrong:
            raise wrong.under(str(name)[:LONGEST_NAME]) from None
    return made


def _plain(kind: type, value: Any) -> Any:
    if kind is int and type(value) is int and not -LIMIT < value < LIMIT:
        _refuse(f"a whole number of at most {MAX_DIGITS} digits", value)
    if type(value) is kind:
        return value
    if kind is float and type(value) is int and abs(value) < 1e300:
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
    if moment.tzinfo is None or moment.year not in YEARS:
        _refuse(wanted, value)
    return moment


def _refuse(wanted: str, value: Any) -> NoReturn:
    raise _Wrong(f" must be {wanted}, not {_shown(value)}")


def _shown(value: Any) -> str:
    try:
        return SHORT.repr(value)
    except ValueError:  # a whole number of more digits than Python writes
        return f"a very long {type(value).__name__}"
