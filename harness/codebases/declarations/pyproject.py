"""pyproject.toml: PEP 621, dependency groups (PEP 735), and what tools kept before them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any

from packaging.utils import canonicalize_name

from harness.codebases.declarations.model import Declared, Files, sorted_groups, table, texts
from harness.codebases.declarations.poetry import poetry_requirements, specifier
from harness.codebases.declarations.requirement_files import read_requirements
from harness.codebases.declarations.runners import read_tox_toml

MOST_DOTS = 200
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


def parse_toml(text: str) -> dict[str, Any] | str:
    """A TOML document, or what is wrong with it."""
    if any(_dotted(line) for line in text.splitlines()):
        return "a key of too many parts"
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return str(error)[:100]


def _dotted(line: str) -> bool:
    """Whether a line has a key that would take the parser quadratic time and memory."""
    return line.count(".") > MOST_DOTS and QUOTED.sub("", line).count(".") > MOST_DOTS


def read_pyproject(text: str, files: Files, python: str = "") -> Declared:
    """What a pyproject.toml declares; a broken one declares nothing, and says so."""
    data = parse_toml(text)
    if isinstance(data, str):
        return Declared(unread=(f"pyproject.toml is not TOML: {data}",))
    project, tool = table(data.get("project")), table(data.get("tool"))
    poetry = table(tool.get("poetry"))
    flit = table(table(tool.get("flit")).get("metadata"))
    groups: dict[str, list[str]] = {}
    for name, requirements in (
        *table(project.get("optional-dependencies")).items(),
        *_dependency_groups(table(data.get("dependency-groups"))),
        *_tool_groups(tool),
        *_poetry_groups(poetry),
        *((name, texts(r)) for name, r in table(flit.get("requires-extra")).items()),
        ("dev", texts(flit.get("dev-requires"))),
        *_files_of_groups(tool, files),
    ):
        groups.setdefault(name, []).extend(texts(requirements))
    tests, extras = sorted_groups(groups)
    runtime = [*texts(project.get("dependencies")), *texts(flit.get("requires"))]
    needed = poetry_requirements(table(poetry.get("dependencies")))
    runtime += [requirement for requirement, optional in needed if not optional]
    runtime += _runtime_files(tool, files)
    names = (project.get("name"), poetry.get("name"), flit.get("dist-name"), flit.get("module"))
    pythons = (
        project.get("requires-python"),
        flit.get("requires-python"),
        specifier(table(poetry.get("dependencies")).get("python")),
    )
    return Declared(
        runtime=tuple(runtime),
        tests=(*tests, *read_tox_toml(table(tool.get("tox")), files, python).tests),
        extras=extras,
        name=next((name for name in names if isinstance(name, str)), ""),
        python=next((python for python in pythons if isinstance(python, str) and python), ""),
    )


def read_pipfile(text: str) -> Declared:
    """What a Pipfile declares: an application's packages, in a table like Poetry's."""
    data = parse_toml(text)
    if isinstance(data, str):
        return Declared(unread=(f"Pipfile is not TOML: {data}",))
    packages = poetry_requirements(table(data.get("packages")))
    development = poetry_requirements(table(data.get("dev-packages")))
    return Declared(
        runtime=tuple(requirement for requirement, _ in packages),
        tests=tuple(requirement for requirement, _ in development),
    )


def _dependency_groups(groups: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for name in groups:
        yield name, list(_group(groups, name))


def _group(groups: dict[str, Any], name: str) -> Iterator[str]:
    """A dependency group with the groups that it includes, each once."""
    # Names are compared as PEP 735 says: case and separators do not count.
    by_name = {canonicalize_name(key): value for key, value in groups.items()}
    waiting, seen = [canonicalize_name(name)], set()
    while waiting:
        wanted = waiting.pop(0)
        items = by_name.get(wanted)
        seen.add(wanted)
        for item in items if isinstance(items, list) else []:
            if isinstance(item, str):
                yield item
            included = table(item).get("include-group")
            if isinstance(included, str) and (more := canonicalize_name(included)) not in seen:
                seen.add(more)
                waiting.append(more)


def _tool_groups(tool: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Development requirements where uv, pdm and hatch keep them."""
    yield "dev", texts(table(tool.get("uv")).get("dev-dependencies"))
    for requirements in table(table(tool.get("pdm")).get("dev-dependencies")).values():
        yield "dev", texts(requirements)
    for name, environment in table(table(tool.get("hatch")).get("envs")).items():
        chosen = "test" if name in ("default", "hatch-test") else name
        for key in ("dependencies", "extra-dependencies"):
            yield chosen, texts(table(environment).get(key))
        yield chosen, [f".[{extra}]" for extra in texts(table(environment).get("features"))]


def _poetry_groups(poetry: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    yield "dev", [r for r, _ in poetry_requirements(table(poetry.get("dev-dependencies")))]
    for name, group in table(poetry.get("group")).items():
        # Whatever a group is called, it is no part of what the package itself needs.
        yield name, [r for r, _ in poetry_requirements(table(table(group).get("dependencies")))]
    dependencies = table(poetry.get("dependencies"))
    by_name = {canonicalize_name(name): {name: value} for name, value in dependencies.items()}
    for extra, names in table(poetry.get("extras")).items():
        # Some write whole requirements here, whose bounds the dependencies repeat.
        wanted = [
            by_name.get(canonicalize_name(name.split()[0])) for name in texts(names) if name.split()
        ]
        yield extra, [r for item in wanted if item for r, _ in poetry_requirements(item)]


def _runtime_files(tool: dict[str, Any], files: Files) -> Iterator[str]:
    """Requirements that setuptools and hatch read from files."""
    dynamic = table(table(tool.get("setuptools")).get("dynamic"))
    yield from _read_all(table(dynamic.get("dependencies")).get("file"), files)
    hooks = table(table(table(tool.get("hatch")).get("metadata")).get("hooks"))
    yield from _read_all(table(hooks.get("requirements_txt")).get("files"), files)


def _files_of_groups(tool: dict[str, Any], files: Files) -> Iterator[tuple[str, list[str]]]:
    dynamic = table(table(tool.get("setuptools")).get("dynamic"))
    for name, source in table(dynamic.get("optional-dependencies")).items():
        yield name, list(_read_all(table(source).get("file"), files))


def _read_all(paths: Any, files: Files) -> Iterator[str]:
    named: Iterable[str] = [paths] if isinstance(paths, str) else texts(paths)
    for path in named:
        yield from read_requirements(path, files)
