"""Commits that only a Python 2, or a very early Python 3, can run, as their files tell."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from harness.codebases.environment import SOURCE_FOLDERS
from harness.history.objects import CommitFiles, Objects
from harness.history.walk import Change, Step

LIKELY = re.compile(
    rb"^\s*print\s+[^\s(=.,:)\]]|^\s*except\s+[\w. ()]+,\s*\w+\s*:|^\s*raise\s+\w+\s*,"
    rb"|^\s*exec\s+[\"'\w]|\bur['\"]|`|\b0[0-7]+\b|\basync\s*[=,)]",
    re.MULTILINE,
)
"""What a file that only Python 2 or an early Python 3 reads is likely to hold."""
LAST_YEAR = 2020
"""Later commits are not looked through."""


def needs_python_2(objects: Objects, step: Step, modules: Sequence[Change]) -> bool:
    """Whether no environment can read what a commit changes, or the packages that hold it.

    modules: the changed Python files of one side, source or tests.
    """
    if (step.date and step.date.year > LAST_YEAR) or not modules:
        return False
    if all(_is_unreadable(_after(objects, change)) for change in modules):
        return True
    files = CommitFiles(objects, step.commit)
    packages = {package for change in modules for package in _packages(files, change.path)}
    return any(_starts_with_python_2(objects, files, package) for package in packages)


def syntax_tree(code: bytes | None) -> ast.Module | None:
    """What this Python reads in a file; None if it cannot."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return None if code is None else ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _after(objects: Objects, change: Change) -> bytes | None:
    return objects.read(change.blobs[-1]) if change.blobs and change.status != "D" else None


def _is_unreadable(code: bytes | None) -> bool:
    """Whether a file cannot be read by the Python that runs here, and so by none of the others."""
    return code is not None and bool(LIKELY.search(code)) and syntax_tree(code) is None


def _packages(files: CommitFiles, path: str) -> Iterator[str]:
    """Folders above a file that are imported before it: those with an `__init__.py`."""
    for folder in map(str, PurePosixPath(path).parents):
        if folder != "." and files.oid(f"{folder}/__init__.py"):
            yield folder


def _starts_with_python_2(objects: Objects, files: CommitFiles, package: str) -> bool:
    """Whether a package's `__init__.py` cannot be read, or imports a neighbour as Python 2 does."""
    code = objects.read(files.oid(f"{package}/__init__.py"))
    if _is_unreadable(code):
        return True
    tree = syntax_tree(code)
    neighbours = {name.removesuffix(".py") for name in files.names(package)}
    roots = [name for root in ("", *SOURCE_FOLDERS) for name in files.names(root)]
    elsewhere = {name.removesuffix(".py") for name in roots} | sys.stdlib_module_names
    imported = set(_imported(tree)) if tree else set()
    return bool(imported & neighbours - elsewhere)


def _imported(tree: ast.Module) -> Iterator[str]:
    """Top-level names that a module imports as it starts, unless it expects that to fail."""
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and not statement.level:
            yield (statement.module or "").partition(".")[0]
