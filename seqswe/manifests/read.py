"""Files of a user: size, encoding, depth and syntax, checked here and nowhere else."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqswe.errors import ManifestError

MAX_BYTES = 1_000_000_000
"""Of a file of JSON lines."""
MAX_LINE = 20_000_000
"""Bytes of one line, and of a TOML file: the longest lists of tests take a few million."""
MAX_DEPTH = 32
"""Tables and lists in each other."""
MAX_WORDS = 200
"""Characters of someone else's message that are repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a file of JSON lines."""

    value: Any
    where: str
    """File and line, for messages."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises ManifestError, which names the file and what is wrong."""
    text = _decoded(_bytes(path, MAX_LINE), str(path), "not TOML: ")
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(f"{path}: not TOML: {_words(error)}", "Correct the line named.") from None
    _check_depth(data, str(path))
    return data


def read_json_lines(path: Path, hint: str, *, skip_blank: bool = False) -> Iterator[Entry]:
    """Read a file with one JSON value a line, line by line.

    hint: what to do about a line that is no JSON. Raises ManifestError, which names file and line.
    """
    _check_size(path, MAX_BYTES)
    try:
        with path.open("rb") as file:
            # No line is read further than allowed: it may be the whole file.
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE + 1), b""), 1):
                where = f"{path}, line {number}"
                if len(line) > MAX_LINE:
                    raise _damaged(f"{where}: longer than {MAX_LINE:,} bytes", hint)
                if not (skip_blank and not line.strip()):
                    yield Entry(value=_json(line, where, hint), where=where)
    except OSError as error:
        raise _unreadable(path, error) from None


def _json(line: bytes, where: str, hint: str) -> Any:
    text = _decoded(line, where, "not JSON: ")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(f"{where}: not JSON: {_words(error)}", hint) from None
    _check_depth(value, where)
    return value


def _bytes(path: Path, most: int) -> bytes:
    _check_size(path, most)
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _check_size(path: Path, most: int) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from None
    if not path.is_file():
        raise _damaged(f"{path} is not a file", "Give the path of a file.")
    if size > most:
        raise _damaged(f"{path}: larger than {most:,} bytes", "This is not such a file.")


def _decoded(data: bytes, where: str, what: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _damaged(
            f"{where}: {what}byte {error.start} is not UTF-8", "Save it as UTF-8."
        ) from None


def _check_depth(value: Any, where: str) -> None:
    layer = [value]
    for _ in range(MAX_DEPTH):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not layer:
            return
    raise _damaged(f"{where}: more than {MAX_DEPTH} levels deep", "This is not such a file.")


def _words(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)[:MAX_WORDS]


def _unreadable(path: Path, error: OSError) -> ManifestError:
    return _damaged(f"cannot read {path}: {error.strerror}", "Give a file that can be read.")


def _damaged(message: str, hint: str) -> ManifestError:
    """The file's end matters more than the folders it is in, and the reason more than both."""
    longest = 300
    if len(message) > longest:
        message = "…" + message[-(longest - 1) :]
    return ManifestError(message, hint[:longest])
