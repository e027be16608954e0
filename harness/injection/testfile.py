"""Test modules as text: taking some tests out, and cutting one test out as a reproduction."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

Body = list[ast.stmt]


def without(source: str, tests: Iterable[str]) -> str:
    """Remove some tests of a module, named by ids without paths: `test_a`, `TestB::test_c`.

    Unknown names are ignored; a class that loses everything keeps a `pass`.
    """
    tree = ast.parse(source)
    names = {name for name, _ in _tests(tree.body)}
    gone = names & set(tests)
    lines = source.splitlines(keepends=True)
    for name, node in sorted(_tests(tree.body), key=lambda item: -item[1].lineno):
        if name in gone:
            lines[_first(node) - 1 : node.end_lineno] = []
    for node in tree.body[::-1]:
        if isinstance(node, ast.ClassDef) and _emptied(node, gone):
            at = _first(node.body[0]) - 1
            lines[at:at] = [" " * node.body[0].col_offset + "pass\n"]
    return "".join(lines)


def _emptied(node: ast.ClassDef, gone: set[str]) -> bool:
    return all(f"{node.name}::{name}" in gone for name in map(_name, node.body))


def cut_out(source: str, test: str) -> str:
    """Cut out one test of a module with the imports, constants, helpers and fixtures it needs.

    `test` is an id without its path. Raises LookupError if the module has no such test.
    """
    tree = ast.parse(source)
    outer, _, inner = test.partition("::")
    target = next((n for n in tree.body if _name(n) == outer), None)
    if target is None or test not in dict(_tests(tree.body)):
        raise LookupError(f"no test {test}")
    keep = [target]
    wanted = _used(_only(target, inner) if isinstance(target, ast.ClassDef) else [target])
    automatic = [n for n in tree.body if n is not target and _is_automatic(n)]
    for node in automatic:
        keep.append(node)
        wanted |= _used([node])
    grown = True
    while grown:
        needed = [n for n in tree.body if n not in keep and _defines(n) & wanted]
        keep += needed
        wanted |= _used(needed)
        grown = bool(needed)
    lines = source.splitlines()
    return _layout([_text(lines, n, inner if n is target else "") for n in tree.body if n in keep])


def _layout(texts: list[str]) -> str:
    out = ""
    for text in texts:
        short = "\n" not in text and not text.startswith(("def ", "class "))
        out += ("\n" if short else "\n\n\n" if out else "") + text
    return out.strip("\n") + "\n"


def _text(lines: list[str], node: ast.stmt, only: str) -> str:
    span = list(range(_first(node), (node.end_lineno or node.lineno) + 1))
    if only and isinstance(node, ast.ClassDef):
        for part in node.body:
            name = _name(part)
            if name != only and name.startswith("test"):
                gone = set(range(_first(part), (part.end_lineno or part.lineno) + 1))
                span = [n for n in span if n not in gone]
    return "\n".join(lines[n - 1] for n in span)


def _tests(body: Body) -> Iterator[tuple[str, ast.stmt]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}::{part.name}", part


def _only(node: ast.ClassDef, test: str) -> list[ast.AST]:
    parts = [p for p in node.body if _name(p) == test or not _name(p).startswith("test")]
    return [*parts, *node.bases, *node.decorator_list]


def _is_automatic(node: ast.stmt) -> bool:
    """Whether a statement works without being named, such as `pytestmark` or an autouse fixture."""
    if isinstance(node, ast.FunctionDef):
        return any("autouse" in ast.unparse(d) for d in node.decorator_list)
    return "pytestmark" in _defines(node)


def _used(nodes: Iterable[ast.AST]) -> set[str]:
    names: set[str] = set()
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Name):
                names.add(part.id)
            elif isinstance(part, ast.arg):
                names.add(part.arg)  # a fixture
            elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                names.add(part.value)  # usefixtures("name")
    return names


def _defines(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = {(a.asname or a.name).split(".")[0] for a in node.names}
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        return names | ({"__future__"} if future else set())
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and _stored(n)}


def _stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _name(node: ast.stmt) -> str:
    return getattr(node, "name", "")


def _first(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return int(min([node.lineno, *(d.lineno for d in decorators)]))
