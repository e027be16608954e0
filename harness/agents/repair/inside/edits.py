"""Small edits of the functions of a file that might repair a fault.

An edit replaces a span of the file's bytes. The kinds are general and do not depend on how the
faults of a sequence were made.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

from .kinds import Context, alternatives


@dataclass(frozen=True)
class Edit:
    """Replace bytes `start` to `end` of a file by `text`."""

    path: str
    function: str
    line: int
    """Line of the node; `statement` is the first line of the statement that holds it."""
    statement: int
    kind: str
    start: int
    end: int
    text: str

    def apply(self, source: bytes) -> bytes:
        """Return the file with the edit made."""
        return source[: self.start] + self.text.encode() + source[self.end :]


WRAPPING = ("offset", "call")
"""Kinds that make no sense for the name of a called function."""


class _Spans:
    """Maps positions of `ast` to offsets in a file's bytes."""

    def __init__(self, source: bytes) -> None:
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def of(self, node: ast.expr | ast.stmt | ast.excepthandler) -> tuple[int, int]:
        """Return first and last offset of a node."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[node.end_lineno - 1] + node.end_col_offset,
        )


def edits(path: str, source: bytes, wanted: set[str]) -> list[Edit]:
    """Return every edit in some functions of a file (`Class.method`); none if it does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    spans, candidates = _Spans(source), []
    for name, function in functions(tree.body, ""):
        if name in wanted:
            context = Context.of(tree, function)
            for node, parent, statement in nodes(function):
                for kind, old, new in alternatives(node, context):
                    text = _text(new, old, parent)
                    if text is not None and not (kind in WRAPPING and _is_called(node, parent)):
                        start, end = spans.of(old)
                        line = getattr(old, "lineno", statement.lineno)
                        candidates.append(
                            Edit(path, name, line, statement.lineno, kind, start, end, text)
                        )
    return list(dict.fromkeys(candidates))


def functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield outermost functions and methods with their qualified names."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, node  # type: ignore[misc]
        elif isinstance(node, ast.If | ast.Try):
            yield from functions(node.body, prefix)


def nodes(function: ast.AST) -> Iterator[tuple[ast.AST, ast.AST, ast.stmt]]:
    """Yield nodes below a function in the order of the source, each with parent and statement.

    Nodes in f-strings, annotations and decorators are left out: positions in f-strings are not
    reliable before Python 3.12, and the others do not run when the function does.
    """

    def walk(
        node: ast.AST, parent: ast.AST, statement: ast.stmt
    ) -> Iterator[tuple[ast.AST, ast.AST, ast.stmt]]:
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "type_comment"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr):
                    continue
                inner = child if isinstance(child, ast.stmt) else statement
                yield child, node, inner
                yield from walk(child, node, inner)

    assert isinstance(function, ast.stmt)
    yield from walk(function, function, function)


def _is_called(node: ast.AST, parent: ast.AST) -> bool:
    named = isinstance(parent, ast.Call) and parent.func is node
    return named or isinstance(parent, ast.Attribute)


def _text(new: ast.AST | str, old: ast.AST, parent: ast.AST) -> str | None:
    """Return the source of a replacement, in parentheses if precedence needs them."""
    if isinstance(new, str):
        return new
    loose = isinstance(new, ast.BoolOp | ast.BinOp | ast.Compare | ast.UnaryOp | ast.IfExp)
    alone = isinstance(parent, ast.stmt | ast.keyword)
    try:
        text = ast.unparse(copy.copy(new))
    except (ValueError, AttributeError, TypeError):
        return None
    if "\n" in text:
        return None
    return f"({text})" if loose and not alone else text
