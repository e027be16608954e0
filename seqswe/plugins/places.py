"""Plug-ins that no package registers: `module:attribute`, and `./file.py:attribute`."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

PLACE = re.compile(r"\w+(\.\w+)*:\w+(\.\w+)*")
FILE = re.compile(r"[^\n]+\.py:\w+(\.\w+)*")
OF_FILES = "seqswe_file_"
"""Before the name of a module that is a file: it may be called as another module is."""


def is_place(name: str) -> bool:
    """Whether a name says where something is."""
    return bool(PLACE.fullmatch(name) or FILE.fullmatch(name))


def file_of(name: str) -> Path | None:
    """The file that a name gives by its path; None for a module or a registered name."""
    return Path(name.rpartition(":")[0]) if FILE.fullmatch(name) else None


def without_folder(name: str) -> str:
    """The name as it is on any machine: of a file without its folder."""
    file = file_of(name)
    return f"{file.name}:{name.rpartition(':')[2]}" if file else name


def make_importable(name: str) -> None:
    """Let Python find what a name says: beside the file, or in the current folder.

    What is installed comes first, so that a file here hides no package.
    """
    file = file_of(name)
    if file:
        _add(file.parent)
    elif PLACE.fullmatch(name) and not _installed(top := name.split(":")[0].split(".")[0]):
        here = Path()
        if (here / f"{top}.py").is_file() or (here / top).is_dir():
            _add(here)


def import_place(module: str) -> ModuleType:
    """The module of a name: dotted, or the path of a file. Raises whatever its import raises."""
    if not module.endswith(".py"):
        return import_module(module)
    path = Path(module).resolve()
    name = OF_FILES + path.stem
    known = sys.modules.get(name)
    if known and known.__file__ == str(path):
        return known
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ModuleNotFoundError(f"there is no file {module}", name=module)
    made = module_from_spec(spec)
    sys.modules[name] = made  # as an import does: dataclasses look there
    try:
        spec.loader.exec_module(made)
    except BaseException:
        del sys.modules[name]
        raise
    return made


def _installed(top: str) -> bool:
    try:
        return find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def _add(folder: Path) -> None:
    path = str(folder.resolve())
    if path not in sys.path:
        sys.path.append(path)
