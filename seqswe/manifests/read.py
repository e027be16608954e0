"""Files of a user: kind, size, encoding, syntax, depth and numbers, checked here and nowhere else.

Every reader names the file (and the line) in its error, and says what to do. What a file must hold
is said by a dataclass, which `convert.parse` makes of what is read here. Of a file whose name ends
with `.gz`, what was compressed is read, and all bounds are of that, too.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from gzip import GzipFile
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO

from seqswe.errors import ManifestError
from seqswe.visible import LONGEST, one_line

MAX_BYTES = 1_000_000_000
"""Of a file of JSON lines, and of any other that is read as it is."""
PIECE = 1 << 20
"""Bytes read at once: asked for all that is allowed, Python would first make room for as much."""
MAX_JSON = 8_000_000
"""Bytes of a JSON text: one line, or one file."""
MAX_TOML = 1_000_000
"""Bytes of a TOML file by default; its parser takes seconds for a million."""
MAX_TABLES = 5_000
"""Lines of a TOML file that begin a table or an array: each costs as much as all before it."""
MAX_DOTS = 200
"""Dots on one line of a TOML file outside of texts: keys of many parts take quadratic time."""
MAX_DEPTH = 32
"""Tables and lists in each other."""
MAX_PARTS = 1_000_000
"""Tables and lists in one JSON text."""
MAX_DIGITS = 18
"""Of a whole number: what every later step can count with."""
MAX_WORDS = 200
"""Characters of someone else's message that are repeated."""
BOM = b"\xef\xbb\xbf"

QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
STRINGS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)', re.DOTALL)
INNERMOST = re.compile(r"[\[{][^\[\]{}]*[\]}]")
ODD_NUMBER = re.compile(
    rf"(?:\A|[\s:,\[])-?(?:\d{{{MAX_DIGITS + 1}}}|[\d.]+[eE]\+?\d{{3}}|NaN|Infinity)"
)
"""What every JSON text with a number out of range holds; now and then it stands within a text."""
UNREADABLE = re.compile(r"[=,\[]\s*[+-]?[\d_]{4000}")
"""A number that Python would not read, and would say so without its place."""
RESTORE = "Restore it from a copy."


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a file, without what ended it."""

    data: bytes
    where: str
    """File and line, for messages."""
    whole: bool
    """Whether it was ended: a process that is killed may leave half a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a file of JSON lines."""

    value: Any
    where: str
    """File and line, for messages."""


def read_bytes(path: Path | str, most: int = MAX_BYTES, hint: str = RESTORE) -> bytes:
    """Read a file of at most `most` bytes. Raises ManifestError, which names the file."""
    with _opened(path, most, hint) as file:
        pieces = iter(partial(file.read, PIECE), b"")
        data = b"".join(islice(pieces, most // PIECE + 2))
    if len(data) > most:
        raise _too_large(path, most)
    return data


def read_text(path: Path, most: int = MAX_BYTES, hint: str = RESTORE) -> str:
    """Read a text of at most `most` bytes. Raises ManifestError, which names the file."""
    return _decoded(read_bytes(path, most, hint), str(path), "a text")


def read_toml(path: Path, what: str, most: int = MAX_TOML) -> dict[str, Any]:
    """Read a TOML file of at most `most` bytes. Raises ManifestError, which names the file.

    what: such a file is, for the hint where there is none ("a manifest.toml").
    """
    text = _decoded(read_bytes(path, most, f"Give {what}."), str(path), "TOML")
    _check_toml(text, str(path))
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(f"{path}: not TOML: {_words(error)}", "Correct the line named.") from None
    _check_depth(data, str(path))
    _check_numbers(data, str(path))
    return data


def read_json(path: Path, hint: str, most: int = MAX_JSON) -> Any:
    """Read a file of one JSON value, of at most `most` bytes. Raises ManifestError.

    hint: what to do about a file that is no JSON.
    """
    return parse_json(read_bytes(path, most, hint), str(path), hint)


def read_json_lines(path: Path, hint: str, most: int = MAX_JSON) -> Iterator[Entry]:
    """Read a file with one JSON value a line, line by line; a line has at most `most` bytes.

    hint: what to do about a line that is no JSON. Raises ManifestError, which names file and line.
    """
    for line in read_lines(path, hint, most):
        yield Entry(value=parse_json(line.data, line.where, hint), where=line.where)


def read_lines(
    path: Path, hint: str, most: int = MAX_JSON, *, file_bytes: int = MAX_BYTES
) -> Iterator[Line]:
    """Read a file line by line; only a newline ends a line. Raises ManifestError.

    most, file_bytes: the bytes that a line and the file may have; one line is held at a time.
    """
    read = 0
    with _opened(path, file_bytes, hint) as file:
        # No line is read further than allowed: it may be the whole file.
        for number, line in enumerate(iter(partial(file.readline, most + 1), b""), 1):
            where = f"{path}, line {number}"
            if len(line) > most:
                raise damaged(f"{where}: longer than {most:,} bytes", hint)
            read += len(line)
            if read > file_bytes:
                raise _too_large(path, file_bytes)
            yield Line(data=line.removesuffix(b"\n"), where=where, whole=line.endswith(b"\n"))


def parse_json(data: bytes, where: str, hint: str, *, numbers: bool = True) -> Any:
    """Parse one JSON value: no table with a name twice, no depth or number beyond all bounds.

    where: for messages; numbers: whether they are checked here, NaN and the infinities among them,
    or by whoever knows the fields. Raises ManifestError.
    """
    text = _decoded(data, where, "JSON")
    _check_nesting(text, where)
    odd = numbers and ODD_NUMBER.search(text) is not None
    try:
        value = json.loads(text, object_pairs_hook=_table, parse_int=_whole_number if odd else None)
    except (ValueError, RecursionError) as error:
        raise damaged(f"{where}: not JSON: {_words(error)}", hint) from None
    if odd:
        _check_numbers(value, where)
    return value


def is_there(path: Path) -> bool:
    """Whether something has this name; False for one that nothing can have."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def damaged(message: str, hint: str) -> ManifestError:
    """An error in two short lines.

    The file's end matters more than the folders it is in, and the reason more than both.
    """
    if len(message) > LONGEST:
        message = "…" + message[-(LONGEST - 1) :]
    return ManifestError(message, one_line(hint))


@contextmanager
def _opened(path: Path | str, most: int, hint: str) -> Iterator[BinaryIO | GzipFile]:
    """A regular file that is not larger than allowed: anything else might never end."""
    try:
        with open(_handle(path, most), "rb") as file:
            if str(path).endswith(".gz"):
                with GzipFile(fileobj=file) as whole:
                    yield whole
            else:
                yield file
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise damaged(f"cannot read {path}: {reason}", hint) from None
    except ValueError as error:  # a name that no file can have
        raise damaged(f"cannot read {one_line(str(path), 200)}: {error}", hint) from None


def _handle(path: Path | str, most: int) -> int:
    # Opening a pipe would wait for its other end.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    about = os.fstat(handle)
    if stat.S_ISREG(about.st_mode) and about.st_size <= most:
        return handle
    os.close(handle)
    if not stat.S_ISREG(about.st_mode):
        raise damaged(f"{path} is not a file", "Give the path of a file.")
    raise _too_large(path, most)


def _decoded(data: bytes, where: str, kind: str) -> str:
    if data.startswith(BOM):
        raise damaged(
            f"{where}: not {kind}: it starts with a byte order mark", "Save it as UTF-8 without."
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise damaged(
            f"{where}: not {kind}: byte {error.start} is not UTF-8", "Save it as UTF-8."
        ) from None


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice[:80]!r} stands twice in one table")
    return made


def _whole_number(text: str) -> int:
    """A whole number; of one that Python would not read, only that it is too large."""
    return int(text) if len(text) <= 2 * MAX_DIGITS else 10 ** (2 * MAX_DIGITS)


def _check_nesting(text: str, where: str) -> None:
    """Refuse depth before the parser meets it; what has few brackets cannot be deep."""
    brackets = text.count("[") + text.count("{")
    if brackets <= MAX_DEPTH:
        return
    if brackets > MAX_PARTS:
        raise damaged(f"{where}: more than {MAX_PARTS:,} lists", "This is not such a file.")
    rest = STRINGS.sub("", text)
    for _ in range(MAX_DEPTH):
        rest, changed = INNERMOST.subn("", rest)
        if not changed:
            break
    if rest.count("[") + rest.count("{") > MAX_DEPTH or INNERMOST.search(rest):
        raise _too_deep(where)


def _check_toml(text: str, where: str) -> None:
    """Refuse what the parser takes minutes for."""
    lines = text.splitlines()
    if sum(line.lstrip().startswith("[") for line in lines) > MAX_TABLES:
        raise damaged(f"{where}: more than {MAX_TABLES:,} tables", "This is not such a file.")
    for number, line in enumerate(lines, 1):
        if UNREADABLE.search(line):
            raise damaged(
                f"{where}, line {number}: a number of more than 4,000 digits", "Correct it."
            )
        if line.count(".") > MAX_DOTS and QUOTED.sub("", line).count(".") > MAX_DOTS:
            raise _too_deep(where)


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
    raise _too_deep(where)


def _check_numbers(value: Any, where: str) -> None:
    """Refuse numbers that no later step could count with, by the fields that they stand in."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_numbers(inner, f"{where}: field {name[:80]!r}")
    elif isinstance(value, list):
        for inner in value:
            _check_numbers(inner, where)
    elif isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
        wanted = f"a number of at most {MAX_DIGITS} digits"
        raise damaged(f"{where} must be {wanted}", "Give a smaller one.")
    elif isinstance(value, float) and not isfinite(value):
        raise damaged(
            f"{where} must be a finite number, not {value}", "Leave it out, or correct it."
        )


def _too_large(path: Path | str, most: int) -> ManifestError:
    return damaged(f"{path}: larger than {most:,} bytes", "This is not such a file.")


def _too_deep(where: str) -> ManifestError:
    return damaged(f"{where}: more than {MAX_DEPTH} levels deep", "This is not such a file.")


def _words(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)[:MAX_WORDS]
