"""The words that all readers share: files of a commit, and what one of them declares."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, Protocol

LARGEST = 1_000_000
"""Characters of a file that is read; a larger one declares nothing."""
LONGEST_NAME = 100
"""Characters of a distribution's name."""
PYTHON_2 = (
    # A statement becomes an expression, so that what follows may go over several lines.
    (re.compile(r"^([ \t]*)print[ \t]{1,8}(?![=(,])(?:>>)?", re.M), r"\1print, "),
    (re.compile(r"^([ \t]*raise[ \t]{1,8}[\w.]{1,80}),", re.M), r"\1;"),
    (
        re.compile(r"^([ \t]*except[ \t]{1,8}[\w.(][\w.() ,]{0,200}?), ?(\w{1,80}) ?:", re.M),
        r"\1 as \2:",
    ),
    (
        re.compile(r"^([ \t]*)exec[ \t]{1,8}(?!\()(.{1,200}?) in (\w{1,80})[ \t]{0,8}$", re.M),
        r"\1exec(\2, \3)",
    ),
    (re.compile(r"^([ \t]*)exec[ \t]{1,8}(?![=(])(.+)$", re.M), r"\1exec(\2)"),
    (re.compile(r"\b0([0-7]{2,5})\b"), r"0o\1"),
    (re.compile(r"\bur(?=['\"])"), "r"),
)
"""What Python 2 wrote otherwise, and how it is written now."""

TEST_GROUPS = frozenset(
    {"test", "tests", "testing", "test-dependencies", "unittest", "unit", "pytest", "check", "ci"}
    | {"dev", "develop", "development", "devel", "dev-dependencies", "all", "full", "complete"}
)
"""Names of extras and groups that hold what tests need, lower case."""


class Files(Protocol):
    """The files of one commit; see `harness.history.objects.CommitFiles`."""

    def text(self, path: str) -> str | None:
        """A file's text, or None."""
        ...

    def names(self, folder: str = "") -> list[str]:
        """Names in a folder."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What one file declares. Requirements are texts as written, markers included."""

    runtime: tuple[str, ...] = ()
    """Needed to import the project."""
    tests: tuple[str, ...] = ()
    """Needed by its tests."""
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Every other optional group, by name."""
    name: str = ""
    """The distribution's name, if the file gives it."""
    python: str = ""
    """`requires-python`, if the file gives it."""
    unread: tuple[str, ...] = ()
    """What is declared but could not be read, in words."""

    @property
    def empty(self) -> bool:
        """Whether it says nothing of requirements."""
        return not (self.runtime or self.tests or self.extras)


def text_of(files: Files, path: str) -> str | None:
    """A file's text without byte order marks; None if it is absent or larger than LARGEST."""
    text = files.text(path)
    if text is None or len(text) > LARGEST:
        return None
    if "\0" in text[:200]:  # UTF-16, as a Windows shell writes it
        text = text.replace("\0", "").lstrip("\ufffd")
    return text.lstrip("\ufeff")


PARSING = RLock()
"""Held while Python code is parsed by one of several threads: Python 3.11 loses count of the depth
of a syntax tree if two of them make one, and filters of warnings belong to all."""


def parse_python(text: str) -> ast.Module | str:
    """A module's syntax tree, Python 2 included as far as it is only written otherwise.

    Returns what is wrong, if it is neither.
    """
    problem = ""
    for written_today in (False, True):
        if written_today:
            for pattern, replacement in PYTHON_2:
                text = pattern.sub(replacement, text)
        try:
            with PARSING, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(text)
        except SyntaxError as error:
            problem = problem or f"line {error.lineno}: {error.msg}"[:100]
        except (ValueError, RecursionError, MemoryError) as error:
            problem = problem or str(error)[:100] or type(error).__name__
    return problem


def as_name(name: str) -> str:
    """What setuptools makes of a distribution's name that is none; "" if nothing is left of it."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name[:LONGEST_NAME]).strip("-._")


def printable(text: str) -> str:
    """A short piece of an outside text for a message, without control characters."""
    return "".join(c if c.isprintable() else "?" for c in text[:120])


def is_test_group(name: str) -> bool:
    """Whether an extra or group is meant for tests, by its name."""
    return name.lower().replace("_", "-") in TEST_GROUPS


def sorted_groups(
    groups: Mapping[str, Iterable[str]],
) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Requirements of test groups as one tuple, and the other groups by name."""
    tests: list[str] = []
    extras: dict[str, tuple[str, ...]] = {}
    for name, requirements in groups.items():
        if is_test_group(name):
            tests += requirements
        else:
            extras[name] = tuple(requirements)
    return tuple(tests), extras


def texts(value: Any) -> list[str]:
    """The texts of a list in outside data; everything else is passed over."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def table(value: Any) -> dict[str, Any]:
    """A table in outside data; {} for everything else."""
    return value if isinstance(value, dict) else {}
