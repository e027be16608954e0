"""A folder of notes that six commands work on, none of which leads out of it.

The commands are those of Anthropic's memory tool: view, create, str_replace, insert, delete and
rename, with its parameters. Written from its public description.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from memory_backends.shared.text import clean

ROOT = "/memories"
"""The folder's name in every path."""
MAX_FILE_BYTES = 100_000
MAX_FILES = 200


class RefusedPath(ValueError):
    """A command that cannot be carried out, and why."""


class Folder:
    """Files below `place`. There are no empty folders: a state is its files and nothing else.

    `touched` collects the paths (relative, POSIX) whose content a command showed or changed.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.touched: set[str] = set()
        place.mkdir(parents=True, exist_ok=True)
        self._commands: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
            "view": self._view,
            "create": self._create,
            "str_replace": self._str_replace,
            "insert": self._insert,
            "delete": self._delete,
            "rename": self._rename,
        }

    def run(self, arguments: Mapping[str, Any]) -> str:
        """Carry out `{"command": ..., ...}` and describe the result. Raises RefusedPath."""
        command = self._commands.get(str(arguments.get("command")))
        if command is None:
            raise RefusedPath(f"there is no command {arguments.get('command')!r}")
        try:
            return command(arguments)
        except OSError as error:
            raise RefusedPath(error.strerror or str(error)) from None

    def files(self) -> dict[str, str]:
        """Return contents by path, sorted. Links are not followed."""
        texts = {}
        for folder, names, files in os.walk(self.place):
            names[:] = [n for n in names if not (Path(folder) / n).is_symlink()]
            for path in (Path(folder) / name for name in files):
                if path.is_file() and not path.is_symlink():
                    name = path.relative_to(self.place).as_posix()
                    texts[name] = _content(path)
        return dict(sorted(texts.items()))

    def replace(self, files: Mapping[str, str]) -> None:
        """Hold exactly these files from now on."""
        shutil.rmtree(self.place)
        self.place.mkdir()
        for name, text in files.items():
            self._write(self._at(f"{ROOT}/{name}"), text)
        self.touched = set()

    def _view(self, arguments: Mapping[str, Any]) -> str:
        path = self._at(arguments.get("path"))
        if path.is_dir():
            below = {n: t for n, t in self.files().items() if self._below(n, path)}
            lines = [f"{len(text.encode()):>7}  {ROOT}/{name}" for name, text in below.items()]
            return "\n".join([f"Files in {arguments['path']} with their bytes:", *lines])
        lines = self._read(path).split("\n")
        first, last = _range(arguments.get("view_range"), len(lines))
        return "\n".join(f"{n:>6}\t{lines[n - 1]}" for n in range(first, last + 1))

    def _create(self, arguments: Mapping[str, Any]) -> str:
        path, text = self._at(arguments.get("path")), _text(arguments, "file_text")
        if path.exists():
            raise RefusedPath(f"{arguments['path']} exists already")
        if len(self.files()) >= MAX_FILES:
            raise RefusedPath(f"there are {MAX_FILES} files already; delete or merge some")
        self._write(path, text)
        return f"created {arguments['path']}"

    def _str_replace(self, arguments: Mapping[str, Any]) -> str:
        path, old = self._at(arguments.get("path")), _text(arguments, "old_str")
        new = arguments.get("new_str")
        content = self._read(path)
        count = content.count(old) if old else 0
        if count != 1:
            raise RefusedPath(
                f"old_str occurs {count} times in {arguments['path']}; it must occur once"
            )
        self._write(path, content.replace(old, clean(new) if isinstance(new, str) else ""))
        return f"changed {arguments['path']}"

    def _insert(self, arguments: Mapping[str, Any]) -> str:
        path, line = self._at(arguments.get("path")), arguments.get("insert_line")
        text = _text(arguments, "insert_text")
        lines = StringIO(self._read(path)).readlines()  # as `view` counts them: by "\n" alone
        if not isinstance(line, int) or not 0 <= line <= len(lines):
            raise RefusedPath(f"insert_line must be 0 to {len(lines)}, not {line!r}")
        if line and not lines[line - 1].endswith("\n"):
            lines[line - 1] += "\n"
        lines.insert(line, text if text.endswith("\n") else text + "\n")
        self._write(path, "".join(lines))
        return f"changed {arguments['path']}"

    def _delete(self, arguments: Mapping[str, Any]) -> str:
        path = self._at(arguments.get("path"))
        if path == self.place:
            raise RefusedPath(f"{ROOT} itself cannot be deleted")
        self._note(path)
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()
        else:
            raise RefusedPath(f"there is no {arguments['path']}")
        self._tidy(path)
        return f"deleted {arguments['path']}"

    def _rename(self, arguments: Mapping[str, Any]) -> str:
        old, new = self._at(arguments.get("old_path")), self._at(arguments.get("new_path"))
        if not old.exists() or self.place in (old, new):
            raise RefusedPath(f"there is no {arguments['old_path']} that can be renamed")
        if new.exists() or new.is_relative_to(old):
            raise RefusedPath(f"{arguments['new_path']} cannot be its new name")
        self._note(old)
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)
        self._note(new)
        self._tidy(old)
        return f"renamed {arguments['old_path']} to {arguments['new_path']}"

    def _at(self, path: object) -> Path:
        """Return the real path. Raises RefusedPath if it is a link or leads out of the folder."""
        if not isinstance(path, str) or "\0" in path or clean(path) != path:
            raise RefusedPath(f"a path must be a text that starts with {ROOT}, not {path!r}")
        parts = path.rstrip("/").split("/")
        if parts[:2] != ROOT.split("/") or {"", ".", ".."} & set(parts[2:]):
            raise RefusedPath(f"{path!r} is not a path below {ROOT}")
        place = self.place.joinpath(*parts[2:])
        steps = [place, *place.parents]
        if any(step.is_symlink() for step in steps[: steps.index(self.place)]):
            raise RefusedPath(f"{path!r} is a link or lies behind one")
        return place

    def _read(self, path: Path) -> str:
        if not path.is_file():
            raise RefusedPath(f"there is no file {ROOT}/{path.relative_to(self.place).as_posix()}")
        self._note(path)
        return _content(path)

    def _write(self, path: Path, text: str) -> None:
        data = text.encode("utf-8")
        if len(data) > MAX_FILE_BYTES:
            raise RefusedPath(f"a file may have {MAX_FILE_BYTES} bytes, not {len(data)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self._note(path)

    def _note(self, path: Path) -> None:
        self.touched |= {name for name in self.files() if self._below(name, path)}

    def _below(self, name: str, path: Path) -> bool:
        return (self.place / name).is_relative_to(path)

    def _tidy(self, path: Path) -> None:
        for folder in path.parents:
            if folder == self.place or any(folder.iterdir()):
                return
            folder.rmdir()


def _content(path: Path) -> str:
    # Not read_text(): it turns every kind of line end into one.
    return path.read_bytes().decode("utf-8", "replace")


def _text(arguments: Mapping[str, Any], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str):
        raise RefusedPath(f"{arguments.get('command')} needs the text {name}")
    return clean(value)


def _range(bounds: object, count: int) -> tuple[int, int]:
    if bounds is None:
        return 1, count
    if not isinstance(bounds, list) or [isinstance(n, int) for n in bounds] != [True, True]:
        raise RefusedPath("view_range must be [first line, last line]; -1 is the last")
    first, last = bounds[0], count if bounds[1] == -1 else min(bounds[1], count)
    if not 1 <= first <= last:
        raise RefusedPath(f"view_range {bounds} is not within lines 1 to {count}")
    return first, last
