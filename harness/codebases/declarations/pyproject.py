"""pyproject.toml: PEP 621, dependency groups (PEP 735), and what tools kept before them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from harness.codebases.declarations.model import Declared, sorted_groups, table, texts

CARET = re.compile(r"\^\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?\S*")
TILDE = re.compile(r"~\s*(\d+)(?:\.(\d+))?(\S*)")


def read_pyproject(text: str) -> Declared:
    """What a pyproject.toml declares; a broken one declares nothing, and says so."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Declared(unread=(f"pyproject.toml is not TOML: {error}",))
    project, tool = table(data.get("project")), table(data.get("tool"))
    poetry = table(tool.get("poetry"))
    flit = table(table(tool.get("flit")).get("metadata"))
    groups: dict[str, list[str]] = {}
    for name, requirements in table(project.get("optional-dependencies")).items():
        groups.setdefault(name, []).extend(texts(requirements))
    for name in table(data.get("dependency-groups")):
        groups.setdefault(name, []).extend(_group(table(data["dependency-groups"]), name, ()))
    for name, requirements in _tool_groups(tool, poetry, flit):
        groups.setdefault(name, []).extend(requirements)
    tests, extras = sorted_groups(groups)
    runtime = [*texts(project.get("dependencies")), *texts(flit.get("requires"))]
    runtime += _poetry(table(poetry.get("dependencies")))
    names = (project.get("name"), poetry.get("name"), flit.get("dist-name"), flit.get("module"))
    pythons = (
        project.get("requires-python"),
        flit.get("requires-python"),
        _poetry_version(table(poetry.get("dependencies")).get("python")),
    )
    return Declared(
        runtime=tuple(runtime),
        tests=tests,
        extras=extras,
        name=next((name for name in names if isinstance(name, str)), ""),
        python=next((python for python in pythons if isinstance(python, str) and python), ""),
    )


def _group(groups: dict[str, Any], name: str, above: tuple[str, ...]) -> Iterator[str]:
    """A dependency group with the groups that it includes; a circle is cut."""
    items = groups.get(name)
    for item in items if isinstance(items, list) else []:
        if isinstance(item, str):
            yield item
        included = table(item).get("include-group")
        # Names are compared as PEP 735 says: case and separators do not count.
        match = next((n for n in groups if _same(n, included)), "") if included else ""
        if match and match not in (*above, name):
            yield from _group(groups, match, (*above, name))


def _same(left: str, right: Any) -> bool:
    return re.sub(r"[-_.]+", "-", left).lower() == re.sub(r"[-_.]+", "-", str(right)).lower()


def _tool_groups(
    tool: dict[str, Any], poetry: dict[str, Any], flit: dict[str, Any]
) -> Iterator[tuple[str, list[str]]]:
    yield "dev", list(_poetry(table(poetry.get("dev-dependencies"))))
    for name, group in table(poetry.get("group")).items():
        # Whatever a group is called, it is no part of what the package itself needs.
        yield name, list(_poetry(table(table(group).get("dependencies"))))
    yield from ((n, texts(r)) for n, r in table(flit.get("requires-extra")).items())
    yield "dev", texts(table(tool.get("uv")).get("dev-dependencies"))
    for requirements in table(table(tool.get("pdm")).get("dev-dependencies")).values():
        yield "dev", texts(requirements)
    for name, environment in table(table(tool.get("hatch")).get("envs")).items():
        chosen = "test" if name in ("default", "hatch-test") else name
        wanted = ("dependencies", "extra-dependencies")
        yield chosen, [r for key in wanted for r in texts(table(environment).get(key))]


def _poetry(dependencies: dict[str, Any]) -> Iterator[str]:
    """Poetry's tables as requirements."""
    for name, value in dependencies.items():
        if name == "python":
            continue
        # Several constraints, one for each Python: the last is for the newest, as a rule.
        chosen = value[-1] if isinstance(value, list) and value else value
        fields = table(chosen)
        extras = f"[{','.join(texts(fields.get('extras')))}]" if fields.get("extras") else ""
        if {"path", "git", "url"} & fields.keys():
            yield f"{name}{extras}"
            continue
        version = _poetry_version(fields.get("version") if fields else chosen)
        python = _poetry_version(fields.get("python"))
        marker = " and ".join(_python_markers(python))
        yield f"{name}{extras}{version}" + (f"; {marker}" if marker else "")


def _poetry_version(version: Any) -> str:
    """`^1.2`, `~1.2`, `1.*` and plain versions as PEP 440 specifiers; "" for any."""
    if not isinstance(version, str) or version.strip() in ("", "*"):
        return ""
    # `||` joins alternatives, which no specifier can say: the last is the newest.
    parts = re.split(r"\|\|?", version)[-1].split(",")
    return ",".join(filter(None, map(_poetry_part, parts)))


def _poetry_part(part: str) -> str:
    part = part.strip().replace(" ", "")
    if match := CARET.fullmatch(part):
        major, minor, patch = (int(n) if n else 0 for n in match.groups())
        if major:
            top = f"{major + 1}"
        elif minor or match[2] is None:
            top = f"0.{minor + 1}" if match[2] else "1"
        else:
            top = f"0.0.{patch + 1}" if match[3] else "0.1"
        return f">={part[1:]},<{top}"
    if match := TILDE.fullmatch(part):
        top = f"{match[1]}.{int(match[2]) + 1}" if match[2] else f"{int(match[1]) + 1}"
        return f">={part[1:]},<{top}"
    if re.match(r"\d", part):
        return f"=={part}"
    return part


def _python_markers(specifiers: str) -> Iterator[str]:
    for part in filter(None, specifiers.split(",")):
        if match := re.fullmatch(r"(>=|<=|<|>|==|!=)([\d.]+)(\.\*)?", part):
            yield f"python_version {match[1]} '{'.'.join(match[2].split('.')[:2])}'"
