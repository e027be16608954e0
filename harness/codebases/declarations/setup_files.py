"""setup.cfg and setup.py. The latter is read as a person reads a program, never run."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Mapping

from harness.codebases.declarations.evaluate import UNKNOWN, ModuleReader
from harness.codebases.declarations.model import Declared, Files, sorted_groups
from harness.codebases.declarations.requirement_files import read_requirements

TESTS = ("tests_require", "test_requires")


def read_setup_cfg(text: str, files: Files) -> Declared:
    """What a setup.cfg declares; a broken one declares nothing, and says so."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        return Declared(unread=(f"setup.cfg cannot be parsed: {str(error).splitlines()[0]}",))

    def listed(section: str, key: str) -> list[str]:
        value = parser.get(section, key, fallback="")
        if value.strip().startswith("file:"):
            names = value.strip().removeprefix("file:").split(",")
            return [r for name in names for r in read_requirements(name.strip(), files)]
        lines = re.split(r"[\n;]\s*(?![^\n]*_version)|\n", value)
        return [line.split(" #")[0].strip() for line in lines if line.strip()]

    section = "options.extras_require"
    names = parser.options(section) if parser.has_section(section) else []
    tests, extras = sorted_groups({name: listed(section, name) for name in names})
    return Declared(
        runtime=tuple(listed("options", "install_requires")),
        tests=(*tests, *listed("options", "tests_require")),
        extras=extras,
        name=parser.get("metadata", "name", fallback="").strip(),
        python=parser.get("options", "python_requires", fallback="").strip(),
    )


def read_setup_py(text: str, files: Files) -> Declared:
    """What the call of `setup` in a setup.py declares, as far as it can be read."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        return Declared(unread=(f"setup.py cannot be parsed: {str(error)[:100]}",))
    reader = ModuleReader(module, files)
    arguments = reader.setup_arguments()
    unread: list[str] = []

    def listed(name: str) -> list[str]:
        if name not in arguments:
            return []
        value = reader.value(arguments[name])
        if isinstance(value, str):
            return [line for line in value.splitlines() if line.strip()]
        if not isinstance(value, list):
            unread.append(f"{name} of setup.py")
            return []
        if any(item is UNKNOWN for item in value):
            unread.append(f"part of {name} of setup.py")
        return [item for item in value if isinstance(item, str)]

    groups: dict[str, list[str]] = {}
    extras = reader.value(arguments["extras_require"]) if "extras_require" in arguments else {}
    if not isinstance(extras, dict):
        unread.append("extras_require of setup.py")
        extras = {}
    for name, value in extras.items():
        items = value if isinstance(value, list) else [value]
        if any(item is UNKNOWN for item in items):
            unread.append(f"part of extra {name} of setup.py")
        # `:python_version < "3.8"` is no name but a marker for what is always needed.
        groups[str(name)] = [item for item in items if isinstance(item, str)]
    conditional = [
        f"{item}; {name[1:]}"
        for name in list(groups)
        if name.startswith(":")
        for item in groups.pop(name)
    ]
    tests, others = sorted_groups(groups)
    return Declared(
        runtime=(*listed("install_requires"), *conditional),
        tests=(*tests, *(r for name in TESTS for r in listed(name))),
        extras=others,
        name=_text(reader, arguments, "name"),
        python=_text(reader, arguments, "python_requires"),
        unread=tuple(unread),
    )


def _text(reader: ModuleReader, arguments: Mapping[str, ast.expr], name: str) -> str:
    value = reader.value(arguments[name]) if name in arguments else ""
    return value if isinstance(value, str) else ""
