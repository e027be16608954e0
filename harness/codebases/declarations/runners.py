"""tox.ini and noxfile.py: what the project's own test runners install before they run tests."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator

from harness.codebases.declarations.model import Files
from harness.codebases.declarations.requirement_files import INCLUDE, read_requirements

ENVIRONMENT = re.compile(r"testenv(:.*)?")
FACTOR = re.compile(r"^[\w.,{}!-]+:\s+(?=\S)")
"""`py38: ` or `!lint: ` before a requirement: the factor it is for."""
OTHER = re.compile(
    r"lint|doc|mypy|typ|flake|black|format|style|release|build|pre-commit|bench|pylint|cover"
)
SESSION = re.compile(r"test|unit|pytest|py\d")


def read_tox(text: str, files: Files) -> Iterator[str]:
    """Dependencies of the test environments of a tox.ini."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    for section in parser.sections():
        if not ENVIRONMENT.fullmatch(section) or OTHER.search(section):
            continue
        for line in parser.get(section, "deps", fallback="").splitlines():
            line = FACTOR.sub("", line.split(" #")[0].strip())
            if match := INCLUDE.match(line):
                yield from read_requirements(match[1].replace("{toxinidir}/", ""), files)
            elif line and not line.startswith(("-", "{", "#")):
                yield line


def read_nox(text: str, files: Files) -> Iterator[str]:
    """Literal arguments of `session.install` in the test sessions of a noxfile.py."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef) or not SESSION.search(function.name):
            continue
        if OTHER.search(function.name):
            continue
        for node in ast.walk(function):
            installs = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if installs and node.func.attr == "install":  # type: ignore[attr-defined]
                yield from _installed(node, files)  # type: ignore[arg-type]


def _installed(node: ast.Call, files: Files) -> Iterator[str]:
    words = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    for option, word in zip(["", *words], words, strict=False):
        if option in ("-r", "--requirement"):
            yield from read_requirements(word, files)
        elif not word.startswith(("-", ".")) and option not in (
            "-c",
            "-e",
            "--constraint",
            "--editable",
        ):
            yield word
