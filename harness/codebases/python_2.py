"""Commits that only a Python 2, or a very early Python 3, can run, as their files tell."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from sys import stdlib_module_names

from harness.codebases.environment import SOURCE_FOLDERS
from harness.history.objects import CommitFiles, Objects
from harness.history.walk import Change, Step

LIKELY = re.compile(
    rb"^[ \t\f]*(?:print\s+[^\s(=.,:)\]]|except\s+[\w.(][\w. ()]*,\s*\w+\s*:|raise\s+\w+\s*,"
    rb"|exec\s+[\"'\w])|\bur['\"]|`|\b0[0-7]+\b|\basync\s*[=,)]",
    re.MULTILINE,
)
"""What a file that only Python 2 or an early Python 3 reads is likely to hold.

No two parts that repeat may take the same characters, here and below: a file may be hostile.
"""
IMPORT = re.compile(
    rb"^(?:from[ \t]+([\w.]*)[ \t]+import[ \t]+\(?([^\n#]*)|import[ \t]+([^\n#]*))", re.M
)
"""Imports that a module makes as it starts: those that are indented may be expected to fail."""
LAST_YEAR = 2020
"""Later commits are not looked through."""
GONE = frozenset(
    {"BaseHTTPServer", "ConfigParser", "Cookie", "HTMLParser", "Queue", "SocketServer", "StringIO"}
    | {"Tkinter", "__builtin__", "cPickle", "cStringIO", "cookielib", "htmlentitydefs", "httplib"}
    | {"itertools.ifilter", "itertools.imap", "itertools.izip", "md5", "sets", "urllib.quote"}
    | {"urllib.unquote", "urllib.urlencode", "urllib.urlopen", "urllib2", "urlparse", "xmlrpclib"}
)
"""Names of Python 2's standard library that no Python 3 has."""
Tops = dict[str, list[str]]
MOST = 100
"""Modules looked at for one commit."""


@dataclass(frozen=True, slots=True)
class Module:
    """What a file tells without being run."""

    unreadable: bool
    imported: tuple[str, ...]
    """Dotted names, relative ones with their dots; of `from a import b` both `a` and `a.b`."""


class Python2:
    """Looks for Python 2 in what the changed modules of a commit import of their own project."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._module = lru_cache(maxsize=50_000)(self._read)

    def needed(self, step: Step, modules: Sequence[Change]) -> bool:
        """Whether no environment can read what a commit changes, or what that stands on.

        modules: the changed Python files of one side, source or tests.
        """
        if (step.date and step.date.year > LAST_YEAR) or not modules:
            return False
        files = CommitFiles(self._objects, step.commit)
        kept = [change.path for change in modules if change.status != "D"]
        tops = _tops(files)
        return bool(kept) and all(self._unreadable(files, tops, path) for path in kept)

    def _unreadable(self, files: CommitFiles, tops: Tops, path: str) -> bool:
        """Whether a module, or one of its own project that it imports as it starts, is."""
        seen: set[str] = set()
        start = _start(files, path)
        above = map(str, PurePosixPath(path).parents)
        todo = [path, *(file for p in above if files.oid(file := f"{p}/__init__.py"))]
        while todo and len(seen) < MOST:
            path = todo.pop(0)
            if path in seen:
                continue
            seen.add(path)
            module = self._module(files.oid(path))
            if module.unreadable:
                return True
            for name in module.imported:
                found = list(_files_of(files, tops, start, path, name))
                if not found and self._only_python_2_finds(files, path, name):
                    return True
                todo += found
        return False

    def _only_python_2_finds(self, files: CommitFiles, path: str, name: str) -> bool:
        """Whether a module imports a name, which its project does not have, from Python 2."""
        neighbour = _is_neighbour(files, path, name)
        if name not in GONE and not neighbour:
            return False
        tree = syntax_tree(self._objects.read(files.oid(path)))
        imported = list(_imported_by(tree))
        if tree and name not in imported:  # it only stands in a text
            return False
        # One that names its package in full means an installed module by the short name.
        package = PurePosixPath(path).parent.name
        full = ("__future__.absolute_import.", ".", f"{package}.")
        return not (neighbour and any(f"{other}.".startswith(full) for other in imported))

    def _read(self, oid: str) -> Module:
        code = (self._objects.read(oid) if oid else None) or b""
        unreadable = bool(LIKELY.search(code)) and syntax_tree(code) is None
        return Module(unreadable, tuple(dict.fromkeys(_imported(code))))


def syntax_tree(code: bytes | None) -> ast.Module | None:
    """What this Python reads in a file; None if it cannot."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return None if code is None else ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _imported(code: bytes) -> Iterator[str]:
    for module, names, modules in IMPORT.findall(code):
        base = module.decode()
        wanted = [
            part.split()[0]
            for part in (names or modules).decode("utf-8", "replace").split(",")
            if part.split()
        ]
        wanted = [name.strip("()\\") for name in wanted]
        if not base:
            yield from wanted
            continue
        yield base
        between = "" if base.endswith(".") else "."
        yield from (f"{base}{between}{name}" for name in wanted if name.isidentifier())


def _imported_by(tree: ast.Module | None) -> Iterator[str]:
    """What a module imports as it starts, as `Module.imported` names it."""
    for node in tree.body if tree else ():
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            between = "" if base.endswith(".") else "."
            yield from (base, *(f"{base}{between}{alias.name}" for alias in node.names))


def _start(files: CommitFiles, path: str) -> str:
    """The folder, with a slash, that pytest puts on `sys.path` for a module."""
    folder = path.rpartition("/")[0]
    while folder and files.oid(f"{folder}/__init__.py"):
        folder = folder.rpartition("/")[0]
    return f"{folder}/" if folder else ""


def _files_of(files: CommitFiles, tops: Tops, start: str, path: str, name: str) -> Iterator[str]:
    """Files of the project that run when a module at a path imports a name.

    start: a folder whose files are found, too; see `_start`.
    """
    parts = [part for part in name.split(".") if part]
    if dots := len(name) - len(name.lstrip(".")):
        above = path.split("/")[:-dots]
        roots = ["/".join(above) + "/" if above else ""]
    else:
        roots = [*tops.get(parts[0], []), start] if parts else []
    for folder in roots:
        for part in parts:
            for file in (f"{folder}{part}/__init__.py", f"{folder}{part}.py"):
                if files.oid(file):
                    yield file
            folder += f"{part}/"


def _tops(files: CommitFiles) -> Tops:
    """The folders, with a slash, in which each name of a project that can be imported lies."""
    found: Tops = {}
    for root in ("", *(f"{folder}/" for folder in SOURCE_FOLDERS)):
        for name in files.names(root.rstrip("/")):
            found.setdefault(name.removesuffix(".py"), []).append(root)
    return found


def _is_neighbour(files: CommitFiles, path: str, name: str) -> bool:
    """Whether a package's `__init__.py` imports a file beside it as if it were at the top.

    pytest puts the folders of test modules on `sys.path`, so those may.
    """
    here = PurePosixPath(path)
    if here.name != "__init__.py" or name.startswith(".") or name in stdlib_module_names:
        return False
    return "." not in name and bool(files.oid(str(here.with_name(f"{name}.py"))))
