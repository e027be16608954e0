"""Which files a plug-in of one's own is made of, by their digests: what changed between two runs.

It is for people: no digest of results is over it. Data that a plug-in reads, such as a prompt in a
text file, is not seen.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from seqswe.plugins.places import file_of, make_importable
from seqswe.plugins.resolver import RECIPE, Kind, files_of, installed

OURS = frozenset({"seqswe", "harness", "memory_backends"})
"""What ships has a version, which a run tells anyway."""
INSTALLED = "site-packages"
DIGITS = 12
"""Of a digest: enough to tell two versions of a file apart."""


def sources(kind: Kind, name: str) -> dict[str, str]:
    """Digests by file name, of the file of a plug-in and those beside it; {} for one that ships.

    Beside it are the scripts that a recipe names, and the modules that a plug-in imports from its
    own folder. A package is one entry, with a digest over all its modules.
    """
    if kind == "agent" and name.endswith(RECIPE):
        places = set(files_of(name))
    elif path := file_of(name):
        places = _with_imports(path, set())
    else:
        places = _of_module(kind, name)
    return {place.name: _digest(place) for place in sorted(places)}


def _of_module(kind: Kind, name: str) -> set[Path]:
    if ":" in name:
        make_importable(name)
        module = name.split(":")[0]
    else:
        point = installed(kind).get(name)
        module = point.module if point else ""
    top = module.split(".")[0]
    found = _origin(top) if top and top not in OURS else None
    if not found or not found.endswith(".py"):
        return set()
    origin = Path(found)
    if origin.name == "__init__.py":
        return {origin.parent}
    return {origin} if INSTALLED in origin.parts else _with_imports(origin, set())


def _origin(module: str) -> str | None:
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    return spec.origin if spec else None


def _with_imports(file: Path, seen: set[Path]) -> set[Path]:
    """A file and what it imports from its own folder, added to `seen`."""
    if file in seen:
        return seen
    seen.add(file)
    for name in _imported(file):
        beside = file.parent / f"{name}.py"
        if beside.is_file():
            _with_imports(beside, seen)
        elif (file.parent / name / "__init__.py").is_file():
            seen.add(file.parent / name)
    return seen


def _imported(file: Path) -> Iterator[str]:
    """First names of the modules that a file imports, but for ours; none if it is no Python."""
    try:
        tree = ast.parse(_content(file))
    except (SyntaxError, ValueError, RecursionError):  # whoever runs it says what is wrong with it
        return
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        yield from (first for name in names if (first := name.split(".")[0]) not in OURS)


def _digest(place: Path) -> str:
    """Of a file, or of a package by the names and contents of its modules."""
    made = sha256()
    for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
        content = _content(file)
        made.update(f"{file.relative_to(place)}\0{len(content)}\0".encode())
        made.update(content)
    return f"sha256:{made.hexdigest()[:DIGITS]}"


def _content(file: Path) -> bytes:
    """What a file holds; nothing of one that cannot be read, which ends no run."""
    try:
        return file.read_bytes()
    except OSError:
        return b""
