"""What one Python file says of its names: which it defines, and which must stay as they are."""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

TEXT_WORD = re.compile(r"\w+")
PLACEHOLDER = re.compile(r"%(?:\(\w*\))?[-#0 +]*[\d.]*[a-zA-Z]|\{[^{}]*\}")
"""Where a string is filled in: what stands beside is no part of the same word."""
ESCAPED = re.compile(r"\\(\w+)")
"""In `"\\nparse"` the letters `nparse` follow each other, and are no word."""


@dataclass(kw_only=True)
class PythonFile:
    """The names of one file, by what they are."""

    defined: Counter[str] = field(default_factory=Counter)
    """Functions, classes, arguments, attributes and variables of modules and classes."""
    uses: Counter[str] = field(default_factory=Counter)
    """Every identifier of the code."""
    public: set[str] = field(default_factory=set)
    """Listed in an `__all__`."""
    strings: set[str] = field(default_factory=set)
    """Words of strings that are values, and pieces of names that are put together."""
    prose: set[str] = field(default_factory=set)
    """Words of docstrings."""
    foreign: set[str] = field(default_factory=set)
    """Imported from elsewhere, looked up on such a thing, or passed to it by keyword."""


def read_python(text: str, own: Iterable[str]) -> PythonFile | None:
    """Read a file; None if this Python cannot parse it.

    own: packages and modules of the codebase, by the first part of their names.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old escapes in the codebase's strings
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found = PythonFile()
    nodes = list(ast.walk(tree))
    told = {id(string) for node in nodes for string in _no_values(node)}
    for node in nodes:
        _note_names(node, found)
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            value = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            (found.prose if id(node) in told else found.strings).update(words_of(value))
    found.strings.update(ESCAPED.findall(text))
    found.foreign = foreign_names(nodes, frozenset(own))
    return found


def words_of(text: str) -> set[str]:
    """Words of a string, also without what is filled in and with hyphens for underscores."""
    plain = PLACEHOLDER.sub(" ", text)
    joined = plain.replace("-", "_") if "-" in plain else ""
    return {w for each in (text, plain, joined) for w in TEXT_WORD.findall(each)}


def _no_values(node: ast.AST) -> Iterator[ast.AST]:
    """Strings that no program sees as a value: those that are statements, and annotations."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node.value
    for name in ("annotation", "returns"):
        if isinstance(note := getattr(node, name, None), ast.expr):
            yield from _references(note)


def _references(note: ast.expr) -> Iterator[ast.AST]:
    """Annotations in quotes: they are code. What `Literal` lists are values."""
    if isinstance(note, ast.Subscript) and ast.unparse(note.value).endswith("Literal"):
        return
    if isinstance(note, ast.Constant):
        yield note
    for child in ast.iter_child_nodes(note):
        if isinstance(child, ast.expr):
            yield from _references(child)


def _note_names(node: ast.AST, found: PythonFile) -> None:
    for name in identifiers(node):
        found.uses[name] += 1
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        found.defined[node.name] += 1
    elif isinstance(node, ast.arg):
        found.defined[node.arg] += 1
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        found.defined[node.attr] += 1
    if isinstance(node, ast.Module | ast.ClassDef):
        for statement in node.body:
            _note_variables(statement, found)


def _note_variables(statement: ast.stmt, found: PythonFile) -> None:
    if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    names = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    if "__all__" not in names:
        found.defined.update(names)
    elif statement.value:
        listed = (n.value for n in ast.walk(statement.value) if isinstance(n, ast.Constant))
        found.public.update(str(name) for name in listed)


def identifiers(node: ast.AST) -> Iterator[str]:
    """The identifiers that a node itself holds."""
    for name in ("id", "attr", "name", "arg", "asname", "module", "rest", "kwd_attrs", "names"):
        value = getattr(node, name, None)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str):
                yield from each.split(".")


def foreign_names(nodes: Iterable[ast.AST], own: frozenset[str]) -> set[str]:
    """Names that belong to other packages, as far as a file's imports tell."""
    nodes = list(nodes)
    names: set[str] = set()
    roots: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            parts = (node.module or "").split(".")
            if node.level or parts[0] in own:
                continue
            names.update(parts)
        elif not isinstance(node, ast.Import):
            continue
        for alias in node.names:
            parts = alias.name.split(".")
            if isinstance(node, ast.ImportFrom) or parts[0] not in own:
                names.update(parts)
                roots.add(alias.asname or parts[0])
    for node in nodes:
        chain = _chain(node.func if isinstance(node, ast.Call) else node)
        if chain and chain[0] in roots:
            names.update(chain[1:])
            if isinstance(node, ast.Call):
                names.update(keyword.arg for keyword in node.keywords if keyword.arg)
    return names


def _chain(node: ast.AST) -> list[str]:
    """`a.b.c` as a list; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else []
