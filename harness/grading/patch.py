"""Patches that git made for us, file by file. A candidate's is read by git itself: `apply.py`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchSet

MOVES = ("rename from ", "rename to ", "copy from ", "copy to ")
ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
LETTERS = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file's share of a patch."""

    paths: tuple[str, ...]
    """The file's path, and the old one if it was moved."""
    text: str
    changed: int
    """Added plus removed lines."""


def parts(patch: str) -> list[Part]:
    """Take a git patch apart, file by file; `"".join(p.text)` is the patch again.

    Raises ValueError if the text is not a git patch.
    """
    start, *texts = _texts(patch)
    if any(line.startswith(("--- ", "+++ ", "@@ ")) for line in start.split("\n")) or (
        start.strip() and not texts
    ):
        raise ValueError("not a git patch: it does not start with a header")
    return [Part(paths=_paths(text), text=text, changed=_changed(text)) for text in texts]


def paths_of(patch: str) -> tuple[str, ...]:
    """Return every path that a patch touches, sorted."""
    return tuple(sorted({path for part in parts(patch) for path in part.paths}))


def sections_of(patch: str) -> list[str]:
    """Split a patch at its headers, one for each file; what stands before the first is no part."""
    return _texts(patch)[1:]


def _texts(patch: str) -> list[str]:
    """Return the text before the first header, and then the text of each file."""
    # Only a newline ends a line of a patch: sources hold form feeds and the like. Lines of a hunk
    # never start with "d", so a header quoted in one is not taken for a header.
    start, *rest = ("\n" + patch).split("\ndiff --git ")
    texts = [f"diff --git {piece}\n" for piece in rest]
    return [start, *texts[:-1], texts[-1][:-1]] if texts else [start]


def _changed(text: str) -> int:
    # The hunks alone: unidiff takes some paths (with " b/" in them) for two.
    _, mark, hunks = text.partition("\n@@ ")
    try:
        files = PatchSet(f"--- a/x\n+++ b/x\n@@ {hunks}") if mark else []
    except UnidiffParseError as error:
        raise ValueError(f"not a patch: {error}") from None
    if len(files) > 1:
        raise ValueError("not a git patch: a file has no header")
    return sum(file.added + file.removed for file in files)


def _paths(text: str) -> tuple[str, ...]:
    # unidiff has no path for a change without hunks (a new empty file, a mode, binary data) and
    # keeps git's quotation marks, so the headers that git always writes are read instead.
    lines = text.split("\n@@", 1)[0].split("\n")
    named = [_unquoted(line.split(" ", 2)[2]) for line in lines if line.startswith(MOVES)]
    for line in lines:
        if line.startswith(("--- ", "+++ ")):
            name = _unquoted(line[4:].rstrip("\t\r"))
            named += [_stripped(name)] if name != "/dev/null" else []
    if not named:
        named = [_same_name(lines[0].removeprefix("diff --git ").rstrip("\r"))]
    return tuple(sorted(set(named)))


def _same_name(header: str) -> str:
    """Return the path in `a/path b/path`, when both are the same."""
    return _stripped(_unquoted(header[: (len(header) - 1) // 2]))


def _stripped(name: str) -> str:
    # As `git apply` does: whatever the first folder is called, and however many slashes follow.
    return re.sub("/+", "/", name).partition("/")[2]


def _unquoted(name: str) -> str:
    """Unquote a file name, which git quotes as C does if it holds anything unusual."""
    if not name.startswith('"'):
        return name
    data = ESCAPE.sub(_unescaped, name.rstrip("\r").strip('"').encode("utf-8", "surrogateescape"))
    return data.decode("utf-8", "surrogateescape")


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match.group(1)
    return bytes([int(code, 8)]) if code.isdigit() else LETTERS.get(code, code)
