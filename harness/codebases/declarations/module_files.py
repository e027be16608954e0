"""Files that a module of the project reads, runs or imports while it is being evaluated."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from harness.codebases.declarations.calls import LONGEST_PATH, UNKNOWN, constants
from harness.codebases.declarations.model import Files, parse_python, text_of
from harness.codebases.declarations.requirement_files import (
    looks_like_requirements,
    read_requirements,
)

MOST_LOOKUPS = 200
"""Files looked up for one module, at most."""
SOURCE_FOLDERS = ("", "src/", "lib/")


class ModuleFiles:
    """The files of a commit, as one of its modules may ask for them."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._texts: dict[str, str | None] = {}
        self._constants: dict[str, dict[str, Any]] = {}

    def named_in(self, node: ast.Call) -> Any:
        """The requirements of a file that a call names, whatever the call does with it."""
        for part in (*node.args, *(k.value for k in node.keywords)):
            for constant in _texts_in(part):
                path = constant.strip("./")
                if len(path) > LONGEST_PATH or not looks_like_requirements(path):
                    continue
                for place in (path, f"{path}.txt"):
                    for folder in ("", "requirements/"):
                        if self._text(folder + place) is not None:
                            return list(read_requirements(folder + place, self._files))
        return UNKNOWN

    def content(self, path: str, otherwise: Any) -> Any:
        """What a file says: its requirements, or its text."""
        if len(path) > LONGEST_PATH or (text := self._text(path)) is None:
            return otherwise
        if looks_like_requirements(path):
            return list(read_requirements(path, self._files))
        return text

    def constants(self, text: Any) -> dict[str, Any]:
        """Plain values of the names that a text binds as a module."""
        if not isinstance(text, str):
            return {}
        if text not in self._constants:
            module = parse_python(text) if len(self._constants) < MOST_LOOKUPS else ""
            self._constants[text] = constants(module) if isinstance(module, ast.Module) else {}
        return self._constants[text]

    def imported(self, module: str) -> dict[str, Any]:
        """Plain values of the names of a module of the project."""
        place = module.replace(".", "/")
        for folder in (*SOURCE_FOLDERS, *self._folders()) if module else ():
            for path in (f"{folder}{place}.py", f"{folder}{place}/__init__.py"):
                if (text := self._text(path)) is not None:
                    return self.constants(text)
        return {}

    def _folders(self) -> Iterator[str]:
        """Folders at the top: a setup.py may have put any of them on its path."""
        yield from (f"{name}/" for name in self._files.names("")[:MOST_LOOKUPS] if "." not in name)

    def _text(self, path: str) -> str | None:
        if path not in self._texts:
            known = len(self._texts) < MOST_LOOKUPS
            self._texts[path] = text_of(self._files, path) if known else None
        return self._texts[path]


def _texts_in(node: ast.expr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
