"""Damage to files: what a slip of an editor, another tool, a full disk or malice makes of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

TOKENS: tuple[bytes, ...] = (
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\x1b]8;;http://x\x07",
    b"\xc2\x9b31m",
    "\u202e\u2066".encode(),
    b"\\ud800",
    b"\r",
    b"\n\n",
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9" * 400,
    b"9" * 5_000,
    b"0x" + b"f" * 5_000,
    b"[" * 50,
    b"[" * 100_000,
    b'{"a":' * 2_000,
    b"a." * 3_000 + b"a = 1\n",
    b"x" * 60_000,
    b'"' * 3,
    b"../../../x",
    b"--output=x",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"&#0;",
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**17,
    10**18,
    10**400,
    2.5,
    float("nan"),
    float("inf"),
    1e308,
    "",
    "..",
    "../../x",
    "/etc/passwd",
    "-x",
    "--output=x",
    "a" * 300,
    "x" * 60_000,
    "\x1b[31m\x07",
    "\u202egnp.exe",
    "\0",
    "\ud800",
    "ITEM",
    "2024-01-01",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
    [],
    {},
    [[]],
    [None],
    [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],
    {"": ""},
    {"a": {"b": {"c": {}}}},
    list(range(1000)),
)
TOML_VALUES: tuple[str, ...] = (
    "-1",
    "0",
    "1e999",
    "nan",
    "-inf",
    "9" * 400,
    "9" * 5_000,
    "1_000_000_000_000",
    "0xffffffffffffffffffff",
    '""',
    '"../../x"',
    '"-x"',
    '"\\u0000"',
    '"\\u001b[31m"',
    f'"{"x" * 60_000}"',
    "[]",
    "[" * 40 + "]" * 40,
    "[" * 5_000,
    "{}",
    '["a", 1, [2.0]]',
    "true",
    "2024-01-01",
    "0001-01-01T00:00:00+14:00",
    "'''\nx\n'''",
    "",
)


def mutated(data: bytes, name: str, draw: Random) -> bytes:
    """Damage the bytes of a file, in one to three places; its name's ending says what it is."""
    ways: list[Callable[[bytes, Random], bytes]] = [_bytes]
    if name.endswith((".json", ".jsonl")):
        ways = [_bytes, _json_value, _json_value, _json_name, _lines]
    elif name.endswith(".toml"):
        ways = [_bytes, _toml_value, _toml_value, _lines]
    elif name.endswith((".diff", ".xml", ".txt")):
        ways = [_bytes, _bytes, _lines]
    for _ in range(draw.choice((1, 1, 2, 3))):
        data = draw.choice(ways)(data, draw)
    return data


def _bytes(data: bytes, draw: Random) -> bytes:
    at = draw.randrange(len(data) + 1)
    end = min(len(data), at + draw.choice((1, 2, 5, 40)))
    kind = draw.randrange(6)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + data[end:]
    if kind == 2:
        return data[:end] + data[at:]
    if kind == 3:
        return data[:at] + bytes([draw.randrange(256)]) + data[at + 1 :]
    middle = b"" if kind == 4 else data[at:end]
    return data[:at] + draw.choice(TOKENS) + middle + data[end:]


def _lines(data: bytes, draw: Random) -> bytes:
    lines = data.split(b"\n")
    at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    kind = draw.randrange(4)
    if kind == 0:
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == 1:
        lines.insert(at, lines[other])
    elif kind == 2:
        del lines[at]
    else:
        lines[at] = draw.choice(TOKENS)
    return b"\n".join(lines)


def _json_value(data: bytes, draw: Random) -> bytes:
    """Put another value somewhere into one line (or into the whole, if it is one value)."""
    return _json(data, draw, _replace)


def _json_name(data: bytes, draw: Random) -> bytes:
    """Drop, rename or repeat a field."""
    return _json(data, draw, _rename)


def _json(data: bytes, draw: Random, change: Callable[[Any, Random], Any]) -> bytes:
    try:
        return json.dumps(change(json.loads(data), draw)).encode()
    except (ValueError, RecursionError):
        pass
    lines = data.split(b"\n")
    at = draw.randrange(len(lines))
    try:
        lines[at] = json.dumps(change(json.loads(lines[at]), draw)).encode()
    except (ValueError, RecursionError):
        return _bytes(data, draw)
    return b"\n".join(lines)


def _replace(value: Any, draw: Random) -> Any:
    inner = list(value.items()) if isinstance(value, dict) else []
    inner = list(enumerate(value)) if isinstance(value, list) else inner
    if not inner or draw.random() < 0.2:
        return draw.choice(VALUES)
    place, old = draw.choice(inner)
    value[place] = _replace(old, draw)
    return value


def _rename(value: Any, draw: Random) -> Any:
    if not isinstance(value, dict) or not value:
        return value
    name = draw.choice(list(value))
    if draw.random() < 0.3 and isinstance(value[name], dict):
        value[name] = _rename(value[name], draw)
        return value
    old = value.pop(name)
    if draw.random() < 0.6:
        value[draw.choice(("", "x", name.upper(), name + "\x1b", "y" * 60_000))] = old
    return value


def _toml_value(data: bytes, draw: Random) -> bytes:
    places = [found.span(1) for found in re.finditer(rb"(?m)^[\w-]+ = (.*)$", data)]
    if not places:
        return _bytes(data, draw)
    start, end = draw.choice(places)
    return data[:start] + draw.choice(TOML_VALUES).encode() + data[end:]
