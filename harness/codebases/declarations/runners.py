"""tox and nox: what the project's own test runners install before they run tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from harness.codebases.declarations.calls import UNKNOWN
from harness.codebases.declarations.evaluate import ModuleReader
from harness.codebases.declarations.model import Declared, Files, parse_python, table, texts
from harness.codebases.declarations.requirement_files import (
    INCLUDE,
    read_requirements,
    requirement_of,
)
from harness.codebases.declarations.setup_files import parse_ini

ENVIRONMENT = re.compile(r"testenv(:.*)?")
FACTOR = re.compile(r"^([\w ,.{}!-]+):\s+(?=\S)")
"""`py38: ` or `!lint: ` before a requirement: the factors it is for."""
BRACES = re.compile(r"\{([\w,. -]*)\}")
OTHER = re.compile(
    r"lint|doc|mypy|typ|flake|black|format|style|release|build|pre-commit|bench|pylint|cover"
)
OLDEST = re.compile(r"low|min|old")
"""Factors that pin the oldest versions a project works with."""
SESSION = re.compile(r"test|unit|pytest|py\d")
VERSION = re.compile(r"py(?:thon)?(\d)\.?(\d*)|(pypy|jython|ironpython)\d*")
WITH_VALUE = ("-r", "--requirement", "-c", "--constraint", "--find-links", "-f", "--index-url")


def read_tox(text: str, files: Files, python: str = "") -> Declared:
    """Dependencies of the test environments of a tox.ini, for one version of Python."""
    parser = parse_ini(text)
    if isinstance(parser, str):
        return Declared(unread=(f"tox.ini cannot be parsed: {parser}",))
    tests: list[str] = []
    for section in parser.sections():
        if not ENVIRONMENT.fullmatch(section) or not _any_wanted(section[8:], python):
            continue
        tests += _tox_lines(parser.get(section, "deps", fallback=""), files, python)
        extras = re.split(r"[,\s]+", parser.get(section, "extras", fallback="").strip())
        tests += [f".[{extra}]" for extra in extras if re.fullmatch(r"[\w.-]+", extra)]
    return Declared(tests=tuple(tests))


def read_tox_toml(tox: dict[str, Any] | str, files: Files, python: str = "") -> Declared:
    """The same of a tox.toml or `[tool.tox]` in pyproject.toml, in tox 4's words or tox 3's.

    tox: the document, or what is wrong with it.
    """
    if isinstance(tox, str):
        return Declared(unread=(f"tox.toml is not TOML: {tox}",))
    tests: list[str] = []
    if isinstance(old := tox.get("legacy_tox_ini"), str):
        tests += read_tox(old, files, python).tests
    environments = {"": tox.get("env_run_base"), **table(tox.get("env"))}
    for name, environment in environments.items():
        if _wanted(name, python):
            deps = "\n".join(texts(table(environment).get("deps")))
            tests += _tox_lines(deps, files, python)
            tests += [f".[{extra}]" for extra in texts(table(environment).get("extras"))]
    return Declared(tests=tuple(tests))


def _tox_lines(text: str, files: Files, python: str) -> Iterator[str]:
    for line in text.splitlines():
        line = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
        if match := FACTOR.match(line):
            line = line[match.end() :]
            if not _any_wanted(match[1], python):
                continue
        line = re.sub(r"\{(?:toxinidir|tox_root)\}/?", "./", line)
        if match := INCLUDE.match(line):
            yield from read_requirements(match[1].removeprefix("./"), files)
        elif requirement := requirement_of(line):
            yield requirement


def _any_wanted(factors: str, python: str) -> bool:
    return any(_wanted(name, python) for name in _alternatives(factors))


def _alternatives(factors: str) -> list[str]:
    """`py{27,38}-django, lint` as `py27-django`, `py38-django`, `lint`."""
    done: list[str] = []
    waiting = [factors[:500]]
    while waiting and len(waiting) + len(done) < 200:
        text = waiting.pop()
        if match := BRACES.search(text):
            parts = match[1].split(",")
            waiting += [text[: match.start()] + p.strip() + text[match.end() :] for p in parts]
        else:
            done += [part.strip() for part in text.split(",")]
    return done


def _wanted(name: str, python: str) -> bool:
    """Whether factors joined by dashes are those of an ordinary run of the tests."""
    for factor in filter(None, name.lower().strip().split("-")):
        negated = factor.startswith("!")
        factor = factor.lstrip("!")
        if match := VERSION.fullmatch(factor):
            meant = ".".join(filter(None, match.groups()[:2]))
            fits = not match[3] and (not python or meant in (python, python.split(".")[0]))
        else:
            fits = not OTHER.search(factor) and not OLDEST.match(factor)
        if fits is negated and (match or negated is False):
            return False
    return True


def read_nox(text: str, files: Files, python: str = "") -> Declared:
    """What `session.install` is given in the test sessions of a noxfile.py."""
    module = parse_python(text)
    if isinstance(module, str):
        return Declared(unread=(f"noxfile.py cannot be parsed: {module}",))
    reader = ModuleReader(module, files, python)
    tests: list[str] = []
    for function in module.body:
        if not isinstance(function, ast.FunctionDef) or not SESSION.search(function.name):
            continue
        if OTHER.search(function.name):
            continue
        for node in ast.walk(function):
            installs = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if installs and node.func.attr == "install":  # type: ignore[attr-defined]
                words = reader.value(ast.List(elts=node.args))  # type: ignore[attr-defined]
                tests += _installed(words if isinstance(words, list) else [], files)
    return Declared(tests=tuple(tests))


def _installed(values: list[Any], files: Files) -> Iterator[str]:
    words = [value for value in values if isinstance(value, str) or value is UNKNOWN]
    for option, word in zip([UNKNOWN, *words], words, strict=False):
        if not isinstance(word, str):
            continue
        if option in ("-r", "--requirement"):
            yield from read_requirements(word, files)
        elif option not in WITH_VALUE and (requirement := requirement_of(word)):
            yield requirement
