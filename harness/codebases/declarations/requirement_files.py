"""requirements.txt and its kin: found by name, `-r` and `-c` followed."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from harness.codebases.declarations.model import Files

FOLDERS = ("", "requirements", "reqs", "requires", "etc/requirements", "tests", "test", "ci", "dev")
NAME = re.compile(
    r".*(require|reqs|deps).*\.(txt|in|pip)|(test|tests|dev|testing|develop)\.(txt|in)"
)
TESTS = re.compile(r"(^|[^a-z])(test|tests|testing|dev|devel|develop|development|ci|all)([^a-z]|$)")
NOT_FOR_TESTS = re.compile(
    r"doc|lint|typ|mypy|release|deploy|build|bench|example|publish|format|style|flake|cover"
)
INCLUDE = re.compile(r"(?:-r|--requirement)[ =]*(\S+)")


def requirement_files(files: Files) -> tuple[list[str], list[str]]:
    """Paths of requirement files: those for the package itself, and those for tests."""
    plain, tests = [], []
    for folder in FOLDERS:
        for name in files.names(folder):
            if not NAME.fullmatch(name.lower()):
                continue
            path = f"{folder}/{name}" if folder else name
            if TESTS.search(path.lower()):
                tests.append(path)
            elif not NOT_FOR_TESTS.search(name.lower()):
                plain.append(path)
    # A pinned file beside the one it was compiled from says the same less freely.
    both = {path.rsplit(".", 1)[0] for path in (*plain, *tests) if path.endswith(".in")}

    def kept(paths: list[str]) -> list[str]:
        return [p for p in paths if p.endswith(".in") or p.rsplit(".", 1)[0] not in both]

    return kept(plain), kept(tests)


def read_requirements(path: str, files: Files, above: tuple[str, ...] = ()) -> Iterator[str]:
    """Requirements of one file as written, options left out, included files followed."""
    if path in above or (text := files.text(path)) is None:
        return
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        line = re.split(r"(?:^|\s)#", line)[0].strip()
        if match := INCLUDE.match(line):
            place = posixpath.normpath(posixpath.join(posixpath.dirname(path), match[1]))
            yield from read_requirements(place, files, (*above, path))
        elif line and not line.startswith("-"):
            yield re.split(r"\s--", line)[0].strip()
