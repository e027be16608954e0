"""requirements.txt and its kin: found by name, `-r` followed."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from harness.codebases.declarations.model import Files, text_of

FOLDERS = ("", "requirements", "reqs", "requires", "etc/requirements", "tests", "test", "ci", "dev")
DATA_TOO = ("tests", "test", "ci", "dev")
"""Folders where a `test.txt` may be anything."""
ABOUT = re.compile(r"require|reqs|deps")
SUFFIXES = (".txt", ".in", ".pip")
NAME = re.compile(r".*(require|reqs|deps).*|(test|tests|dev|testing|develop)")
"""Names without suffix, lower case."""
TESTS = re.compile(r"(^|[^a-z])(test|tests|testing|dev|devel|develop|development|ci|all)([^a-z]|$)")
NOT_FOR_TESTS = re.compile(
    r"doc|lint|typ|mypy|release|deploy|build|bench|example|publish|format|style|flake|cover"
)
INCLUDE = re.compile(r"(?:-r|--requirement)[ =]*(\S+)")
EDITABLE = re.compile(r"(?:-e|--editable)[ =]*(\S+)")
URL = re.compile(r"(?:[a-z]+\+)?[a-z]+://|git@|file:", re.I)
EGG = re.compile(r"#(?:.*&)?egg=([\w.-]+(?:\[[\w.,-]+\])?)")
OWN = re.compile(r"\.(?:/)?(\[[\w.,\s-]+\])")
"""`.[test]`: extras of the project itself."""


def looks_like_requirements(path: str) -> bool:
    """Whether a path is that of a requirement file, by its name and its folder."""
    folder, _, name = path.lower().rpartition("/")
    stem = name[: -len(suffix)] if (suffix := _suffix(name)) else name
    if not suffix:
        return "requirements" in path and "." not in name
    of_requirements = re.search(r"require|reqs", folder) is not None
    return of_requirements or NAME.fullmatch(stem) is not None


def requirement_files(files: Files) -> tuple[list[str], list[str]]:
    """Paths of requirement files: those for the package itself, and those for tests."""
    plain, tests = [], []
    for folder in FOLDERS:
        for name in files.names(folder):
            path = f"{folder}/{name}" if folder else name
            if not _suffix(name.lower()) or not looks_like_requirements(path):
                continue
            if folder in DATA_TOO and not ABOUT.search(name.lower()):
                continue
            if TESTS.search(path.lower()):
                tests.append(path)
            elif not NOT_FOR_TESTS.search(name.lower()):
                plain.append(path)
    # A pinned file beside the one it was compiled from says the same less freely.
    both = {path.rsplit(".", 1)[0] for path in (*plain, *tests) if path.endswith(".in")}

    def kept(paths: list[str]) -> list[str]:
        return [p for p in paths if p.endswith(".in") or p.rsplit(".", 1)[0] not in both]

    return kept(plain), kept(tests)


def read_requirements(path: str, files: Files, seen: set[str] | None = None) -> Iterator[str]:
    """Requirements of one file as written, options left out, each included file read once."""
    seen = set() if seen is None else seen
    waiting = [path]
    while waiting:
        path = posixpath.normpath(waiting.pop())
        if path in seen or (text := text_of(files, path)) is None:
            continue
        seen.add(path)
        included = []
        for line in re.sub(r"\\\r?\n", " ", text).splitlines():
            line = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
            if match := INCLUDE.match(line):
                if _only_for_others(match[1]) and not _only_for_others(path):
                    continue
                included.append(posixpath.join(posixpath.dirname(path), match[1]))
            elif requirement := requirement_of(line):
                yield requirement
        waiting += reversed(included)


def requirement_of(line: str) -> str:
    """The requirement on a line of a requirement file; "" for options, paths and bare URLs.

    Of what comes by URL only the name is kept: a sandbox has no network, the index may know it.
    """
    if match := EDITABLE.match(line):
        line = match[1].strip("'\"")
    if line.startswith("."):
        match = OWN.match(line)
        return f".{match[1]}" if match else ""
    if URL.match(line):
        match = EGG.search(line)
        return match[1] if match else ""
    by_file = line.endswith((".whl", ".zip", ".tar.gz")) and " @ " not in line
    if by_file or line.startswith(("-", "/", "{", "#")):
        return ""
    return re.split(r"\s--", line, maxsplit=1)[0].strip()


def _only_for_others(path: str) -> bool:
    """Whether a file is for documents, linters and the like, by its name."""
    name = posixpath.basename(path).lower()
    return bool(NOT_FOR_TESTS.search(name)) and not TESTS.search(name)


def _suffix(name: str) -> str:
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")
