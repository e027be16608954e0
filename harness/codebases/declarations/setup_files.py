"""setup.cfg and setup.py. The latter is read as a person reads a program, never run."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.codebases.declarations.evaluate import ModuleReader
from harness.codebases.declarations.model import Declared, Files, parse_python, sorted_groups
from harness.codebases.declarations.requirement_files import read_requirements, requirement_of

TESTS = ("tests_require", "test_requires")
MARKER = re.compile(r"\s*\(*\s*(python_|sys_platform|platform_|os_name|os\.|implementation_|extra)")


def parse_ini(text: str) -> configparser.ConfigParser | str:
    """An ini file's sections, or what is wrong with it."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        return str(error).splitlines()[0][:100]
    return parser


def read_setup_cfg(text: str, files: Files) -> Declared:
    """What a setup.cfg declares; a broken one declares nothing, and says so."""
    parser = parse_ini(text)
    if isinstance(parser, str):
        return Declared(unread=(f"setup.cfg cannot be parsed: {parser}",))
    unread: list[str] = []

    def value(section: str, key: str) -> str:
        older = parser.get(section, key.replace("_", "-"), fallback="")
        return parser.get(section, key, fallback=older).strip()

    def listed(section: str, key: str) -> list[str]:
        text = value(section, key)
        if not text.startswith("file:"):
            return list(ini_list(text))
        names = [name.strip() for name in text.removeprefix("file:").replace("\n", ",").split(",")]
        unread.extend(
            f"{name}, which setup.cfg names" for name in names if name and not files.text(name)
        )
        return [r for name in names if name for r in read_requirements(name, files)]

    section = "options.extras_require"
    names = parser.options(section) if parser.has_section(section) else []
    runtime = listed("options", "install_requires")
    conditional, groups = _by_condition({name: listed(section, name) for name in names})
    tests, extras = sorted_groups(groups)
    return Declared(
        runtime=(*runtime, *conditional),
        tests=(*tests, *listed("options", "tests_require")),
        extras=extras,
        name=value("metadata", "name"),
        python=value("options", "python_requires"),
        unread=tuple(unread),
    )


def ini_list(text: str) -> Iterator[str]:
    """Requirements in an ini value: one a line, or on a single line between semicolons."""
    lines = text.splitlines()
    parts = lines if len(lines) > 1 else text.split(";")
    held = ""
    for part in parts:
        if len(lines) <= 1 and held and MARKER.match(part):
            held = f"{held};{part}"
            continue
        yield from filter(None, [requirement_of(held)])
        held = re.split(r"(?:^|\s)#", part, maxsplit=1)[0].strip()
    yield from filter(None, [requirement_of(held)])


def read_setup_py(text: str, files: Files, python: str = "") -> Declared:
    """What the call of `setup` in a setup.py declares, as far as it can be read.

    python: the version that conditions on `sys.version_info` are decided for.
    """
    module = parse_python(text)
    if isinstance(module, str):
        return Declared(unread=(f"setup.py cannot be parsed: {module}",))
    arguments = ModuleReader(module, files, python).setup_arguments()
    unread: list[str] = []

    def listed(value: Any, what: str) -> list[str]:
        if isinstance(value, str):
            value = value.splitlines()
        items = list(value) if isinstance(value, list | dict) else []
        known = [item for item in items if isinstance(item, str)]
        if not isinstance(value, list | dict) and value is not None:
            unread.append(f"{what} of setup.py")
        elif len(known) < len(items):
            unread.append(f"part of {what} of setup.py")
        lines = (re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip() for line in known)
        return [requirement for line in lines if (requirement := requirement_of(line))]

    extras = arguments.get("extras_require") or {}
    if not isinstance(extras, dict):
        unread.append("extras_require of setup.py")
        extras = {}
    conditional, groups = _by_condition(
        {name: listed(value, f"extra {name}") for name, value in extras.items()}
    )
    tests, others = sorted_groups(groups)
    return Declared(
        runtime=(*listed(arguments.get("install_requires"), "install_requires"), *conditional),
        tests=(*tests, *(r for name in TESTS for r in listed(arguments.get(name), name))),
        extras=others,
        name=_text(arguments.get("name")),
        python=_text(arguments.get("python_requires")),
        unread=tuple(unread),
    )


def _by_condition(
    groups: Mapping[str, list[str]],
) -> tuple[list[str], dict[str, list[str]]]:
    """What is always needed under a condition, and the groups by their names.

    `:python_version < "3.8"` is no name but a marker for what is always needed, and
    `test:python_version < "3.8"` is a marker for a part of `test`.
    """
    always: list[str] = []
    named: dict[str, list[str]] = {}
    for key, requirements in groups.items():
        name, _, marker = key.partition(":")
        marked = [_with_marker(r, marker.strip()) for r in requirements]
        if name.strip():
            named.setdefault(name.strip(), []).extend(marked)
        else:
            always += marked
    return always, named


def _with_marker(requirement: str, marker: str) -> str:
    if not marker:
        return requirement
    plain, _, own = requirement.partition(";")
    return f"{plain}; ({own}) and ({marker})" if own.strip() else f"{plain}; {marker}"


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
