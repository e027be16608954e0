"""Which names of a list the interpreter and the installed packages have, too. Python 3.7 or newer.

Names come on standard input, one a line, after a line of the codebase's own packages; those that
are found go to standard output. Looked at are definitions, arguments and attributes, which a
renamed thing could be mistaken for; a package of the codebase itself does not count.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import sys
import warnings
from collections.abc import Iterator

LEFT_OUT = {"test", "tests", "idlelib", "lib2to3", "turtledemo", "__pycache__"}
WORD = re.compile(r"\w+")


def main() -> None:
    """Print the names that are found."""
    warnings.simplefilter("ignore")
    own = set(sys.stdin.readline().split())
    wanted = set(sys.stdin.read().split())
    found = of_built_in_modules(wanted)
    for path in modules(own | LEFT_OUT):
        found |= of_file(path, wanted - found)
    sys.stdout.write("".join(sorted(name + "\n" for name in found)))


def of_built_in_modules(wanted: set[str]) -> set[str]:
    """Names of modules that have no source, and of their types."""
    found: set[str] = set()
    for module in sys.builtin_module_names:
        try:
            things = vars(importlib.import_module(module))
        except Exception:  # noqa: BLE001  (a module may refuse anything)
            continue
        found |= wanted & set(things)
        for thing in things.values():
            if isinstance(thing, type):
                found |= wanted & set(dir(thing))
    return found


def modules(left_out: set[str]) -> Iterator[str]:
    """Paths of all modules on the path but those of the checkout."""
    here = os.path.realpath(os.getcwd())
    for root in sys.path:
        root = os.path.realpath(root)
        if not os.path.isdir(root) or root == here or root.startswith(here + os.sep):
            continue
        for folder, folders, files in os.walk(root):
            folders[:] = [name for name in folders if name not in left_out]
            for name in files:
                if name.endswith(".py") and name[:-3] not in left_out:
                    yield os.path.join(folder, name)


def of_file(path: str, wanted: set[str]) -> set[str]:
    """Names that a module has in its code."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        if wanted.isdisjoint(WORD.findall(text)):
            return set()
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        for field in ("attr", "name", "arg"):
            found.add(getattr(node, field, ""))
    return found & wanted


if __name__ == "__main__":
    main()
