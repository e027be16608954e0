"""Entry points that a project declares, read from its files, and checked: they become files."""

from __future__ import annotations

import configparser
import keyword
import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.codebases.declarations.model import Files, table, text_of

MOST = 1_000
"""Entry points of a project, at most."""
GROUP = re.compile(r"[A-Za-z0-9_][\w.-]{0,99}", re.A)
NAME = re.compile(r"[^\s=\[#;:](?:[^=\[\r\n]{0,98}[^\s=\[])?")
REFERENCE = re.compile(
    r"([A-Za-z_][\w.]{0,199})(?::([A-Za-z_][\w.]{0,199}))?(?:\s*\[[\w\s,.-]{0,99}\])?", re.A
)
SCRIPT = re.compile(r"[A-Za-z0-9_][\w.+-]{0,99}", re.A)
CONSOLE, WINDOWED = "console_scripts", "gui_scripts"

EntryPoints = Mapping[str, Mapping[str, str]]
"""By group and name: `module` or `module:object`."""


def checked(found: Iterator[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    """Entry points (group, name, reference) that are well formed; the first of a name counts."""
    made: dict[str, dict[str, str]] = {}
    count = 0
    for group, name, reference in found:
        name, reference = name.strip(), reference.strip()
        fits = GROUP.fullmatch(group) and NAME.fullmatch(name) and _importable(reference)
        if not fits or not name.isprintable() or count >= MOST:
            continue
        if name not in made.setdefault(group, {}):
            made[group][name] = reference
            count += 1
    return made


def of_pyproject(data: Mapping[str, Any], files: Files) -> Iterator[tuple[str, str, str]]:
    """Entry points in the words of PEP 621, Poetry and flit."""
    project, tool = table(data.get("project")), table(data.get("tool"))
    poetry, flit = table(tool.get("poetry")), table(tool.get("flit"))
    yield from _of_group(CONSOLE, project.get("scripts"))
    yield from _of_group(WINDOWED, project.get("gui-scripts"))
    yield from _of_groups(project.get("entry-points"))
    for name, script in table(poetry.get("scripts")).items():
        fields = table(script)
        if fields.get("type", "console") == "console":
            reference = fields.get("reference", fields.get("callable")) if fields else script
            yield from _of_group(CONSOLE, {name: reference})
    yield from _of_groups(poetry.get("plugins"))
    yield from _of_group(CONSOLE, flit.get("scripts"))
    yield from _of_groups(flit.get("entrypoints"))
    named = table(flit.get("metadata")).get("entry-points-file")
    if isinstance(named, str):
        yield from of_text(text_of(files, named) or "")


def of_value(value: Any) -> Iterator[tuple[str, str, str]]:
    """What a setup.py gives as `entry_points`: a dictionary of lines, or an ini file's text."""
    if isinstance(value, str):
        yield from of_text(value)
    for group, lines in value.items() if isinstance(value, dict) else ():
        items = lines.splitlines() if isinstance(lines, str) else lines
        for line in items if isinstance(items, list) else ():
            if isinstance(line, str):
                yield from _of_line(str(group), line)


def of_text(text: str) -> Iterator[tuple[str, str, str]]:
    """Entry points of an entry_points.txt."""
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[method-assign, assignment]  # names keep their case
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    for group in parser.sections():
        yield from ((group, name, reference) for name, reference in parser.items(group))


def entry_points_txt(entry_points: EntryPoints) -> str:
    """The text of an entry_points.txt."""
    lines = []
    for group in sorted(entry_points):
        lines += [f"[{group}]", *(f"{n} = {r}" for n, r in entry_points[group].items()), ""]
    return "\n".join(lines)


def scripts(entry_points: EntryPoints) -> Iterator[tuple[str, str]]:
    """Each console script's name and text."""
    for group in (CONSOLE, WINDOWED):
        for name, reference in entry_points.get(group, {}).items():
            match = REFERENCE.fullmatch(reference)
            if not match or not match[2] or not SCRIPT.fullmatch(name):
                continue
            module, function = match[1], match[2]
            lines = [
                "#!/usr/bin/env python",
                "import sys",
                f"from {module} import {function.split('.')[0]}",
                "",
                'if __name__ == "__main__":',
                f"    sys.exit({function}())",
                "",
            ]
            yield name, "\n".join(lines)


def _of_groups(groups: Any) -> Iterator[tuple[str, str, str]]:
    for group, entries in table(groups).items():
        yield from _of_group(group, entries)


def _of_group(group: str, entries: Any) -> Iterator[tuple[str, str, str]]:
    for name, reference in table(entries).items():
        if isinstance(reference, str):
            yield group, name, reference


def _of_line(group: str, line: str) -> Iterator[tuple[str, str, str]]:
    name, equals, reference = line.partition("=")
    if equals:
        yield group, name, reference


def _importable(reference: str) -> bool:
    """Whether a reference is made of names, none of them a keyword."""
    match = REFERENCE.fullmatch(reference)
    names = ".".join(filter(None, match.groups())).split(".") if match else [""]
    return all(name.isidentifier() and not keyword.iskeyword(name) for name in names)
