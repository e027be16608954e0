"""Which paths are source, tests and test modules, by the patterns of a manifest's layout."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from functools import lru_cache
from pathlib import PurePosixPath

from seqswe.manifests.manifest import Layout

WILD = re.compile(r"[*?\[]")
STARS = re.compile(r"\*\*/|\*\*|\*|\?|\[[^\]/]+\]")
ANYTHING = frozenset({"*", "*.py"})
"""File-name patterns that tell no test from source: they count only below the tests' folders."""


def under(path: str, folders: Iterable[str]) -> bool:
    """Whether a path is one of the folders or files, or lies below one.

    An entry may be a pattern: `**` stands for any folders, `*` for anything within a name, and a
    trailing `/` says that it names folders only.
    """
    return _matcher(tuple(folders))(path)


def is_test(layout: Layout) -> Callable[[str], bool]:
    """Return a function that tells whether a path is one of the tests.

    A test module outside of the tests' folders is one as well.
    """
    return _tests(layout.tests, layout.test_modules)


def is_test_module(layout: Layout) -> Callable[[str], bool]:
    """Return a function that tells whether a path is a test module, which pytest is given."""
    test, name = is_test(layout), _names(tuple(layout.test_modules.split()))
    exclude = _matcher(layout.exclude)
    return lambda path: name(PurePosixPath(path).name) and test(path) and not exclude(path)


def is_source(layout: Layout) -> Callable[[str], bool]:
    """Return a function that tells whether a path is code that an agent is meant to change."""
    source, exclude = _matcher(layout.source), _matcher(layout.exclude)
    test = is_test(layout)

    def decide(path: str) -> bool:
        return path.endswith(".py") and source(path) and not exclude(path) and not test(path)

    return decide


def test_rules(layout: Layout) -> tuple[list[str], list[str]]:
    """Return what `is_test` goes by, for a program without SeqSWE.

    Regular expressions for whole paths, and patterns of file names.
    """
    plain = (entry if WILD.search(entry) else entry.rstrip("/") for entry in layout.tests)
    names = [p for p in layout.test_modules.split() if p not in ANYTHING]
    return [_expression(entry).pattern for entry in plain], names


@lru_cache(maxsize=256)
def _tests(folders: tuple[str, ...], modules: str) -> Callable[[str], bool]:
    below = _matcher(folders)
    name = _names(tuple(p for p in modules.split() if p not in ANYTHING))
    return lambda path: below(path) or name(PurePosixPath(path).name)


@lru_cache(maxsize=256)
def _names(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    expressions = [re.compile(translate(pattern)) for pattern in patterns]
    return lambda name: any(e.match(name) for e in expressions)


@lru_cache(maxsize=1024)
def _matcher(entries: tuple[str, ...]) -> Callable[[str], bool]:
    plain = tuple(entry.rstrip("/") for entry in entries if not WILD.search(entry))
    exact, prefixes = frozenset(plain), tuple(entry + "/" for entry in plain)
    wild = [_expression(entry) for entry in entries if WILD.search(entry)]

    def decide(path: str) -> bool:
        return path in exact or path.startswith(prefixes) or any(e.fullmatch(path) for e in wild)

    return decide


def _expression(entry: str) -> re.Pattern[str]:
    """The whole paths that a pattern stands for, and everything below them."""
    below = r"/.*" if entry.endswith("/") else r"(?:/.*)?"
    pattern, at = "", 0
    # Several in a row mean no more than one, and would try every way to share a path among them.
    text = re.sub(r"(\*\*/)+", "**/", re.sub(r"\*{3,}", "**", entry.rstrip("/")))
    for match in STARS.finditer(text):
        pattern += re.escape(text[at : match.start()]) + _one(match[0])
        at = match.end()
    return re.compile(pattern + re.escape(text[at:]) + below, re.DOTALL)


def _one(wild: str) -> str:
    known = {"**/": r"(?:[^/]+/)*", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    if wild in known:
        return known[wild]
    inside = wild[1:-1].replace("\\", r"\\").replace("[", r"\[")
    return f"[^{inside[1:]}]" if inside.startswith("!") and inside[1:] else f"[{inside}]"
