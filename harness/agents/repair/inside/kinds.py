"""The kinds of edit: the nodes or texts that may replace one node of a syntax tree."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Alternative = tuple[str, Any, Any]
"""Kind, the node (with a position) that goes, and the node or text that replaces it."""

ORDERING = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.FloorDiv),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Mult, ast.Div, ast.Mod),
    ast.Mod: (ast.FloorDiv, ast.Mult),
}
ERRORS = ("ValueError", "TypeError", "KeyError", "IndexError", "AttributeError")
WRAPS = ("abs", "sorted", "list", "tuple", "set", "str", "int", "reversed", "round", "len")
METHODS = ("strip", "lower", "upper", "lstrip", "rstrip", "copy", "casefold")
WEIGHTS = {
    "offset": 0.5,
    "variable": 0.5,
    "attribute": 0.3,
    "call": 0.4,
    "return": 0.2,
    "default": 0.2,
}
"""Weights of wide kinds, which offer many edits of which few fit. Every other kind weighs 1. They
are the same in both arms."""


@dataclass(frozen=True)
class Context:
    """The names that a function's edits may use."""

    variables: tuple[str, ...]
    attributes: tuple[str, ...]
    errors: tuple[str, ...]

    @classmethod
    def of(cls, tree: ast.Module, function: ast.FunctionDef) -> Context:
        """Collect the names of a function, and the exception classes that its file knows."""
        arguments = function.args
        parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        names = [a.arg for a in parameters if a.arg not in ("self", "cls")]
        inner = list(ast.walk(function))
        names += [n.id for n in inner if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        attributes = [n.attr for n in inner if isinstance(n, ast.Attribute)]
        global_names = [n.name for n in tree.body if isinstance(n, ast.ClassDef)]
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                global_names += [a.asname or a.name for a in node.names]
        errors = [name for name in global_names if name.endswith(("Error", "Exception"))]
        return cls(
            tuple(dict.fromkeys(names)),
            tuple(dict.fromkeys(attributes)),
            tuple(dict.fromkeys((*errors, *ERRORS))),
        )


def alternatives(node: ast.AST, context: Context) -> Iterator[Alternative]:
    """Yield every edit whose outermost node is this one."""
    maker = _MAKERS.get(type(node).__name__)
    if maker is not None:
        yield from maker(node, context)
    if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
        yield from _negation(node.test)
    if isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.BinOp):
        yield from _wrapped(node)


def _negation(test: ast.expr) -> Iterator[Alternative]:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield "negation", test, test.operand
    else:
        yield "negation", test, ast.UnaryOp(ast.Not(), test)


def _compare(node: ast.Compare, context: Context) -> Iterator[Alternative]:
    for at, operator in enumerate(node.ops):
        kind = type(operator)
        others = [o for o in ORDERING if o is not kind] if kind in ORDERING else [OPPOSITE[kind]]
        for other in others:
            operators = [*node.ops[:at], other(), *node.ops[at + 1 :]]
            named = "comparison" if kind in (*ORDERING, ast.Eq, ast.NotEq) else "membership"
            yield named, node, _with(node, ops=operators)


def _boolean(node: ast.BoolOp, context: Context) -> Iterator[Alternative]:
    yield "and_or", node, _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())


def _unary(node: ast.UnaryOp, context: Context) -> Iterator[Alternative]:
    if isinstance(node.op, ast.USub):
        yield "sign", node, node.operand
    elif isinstance(node.op, ast.Not):
        yield "negation", node, node.operand


def _constant(node: ast.Constant, context: Context) -> Iterator[Alternative]:
    if isinstance(node.value, bool):
        yield "boolean", node, repr(not node.value)
    elif isinstance(node.value, int):
        for other in (node.value + 1, node.value - 1):
            yield "integer", node, repr(other) if other >= 0 else f"({other})"
    elif node.value is None:
        for name in context.variables:
            yield "return", node, name


def _binary(node: ast.BinOp, context: Context) -> Iterator[Alternative]:
    for other in ARITHMETIC.get(type(node.op), ()):
        yield "arithmetic", node, _with(node, op=other())
    if isinstance(node.right, ast.Constant):
        yield "offset", node, node.left
    if isinstance(node.op, ast.Sub | ast.Div | ast.FloorDiv):
        yield "swapped", node, _with(node, left=node.right, right=node.left)


def _augmented(node: ast.AugAssign, context: Context) -> Iterator[Alternative]:
    for other in ARITHMETIC.get(type(node.op), ()):
        yield "arithmetic", node, _with(node, op=other())


def _call(node: ast.Call, context: Context) -> Iterator[Alternative]:
    for at, (first, second) in enumerate(pairwise(node.args)):
        if not isinstance(first, ast.Starred) and not isinstance(second, ast.Starred):
            args = [*node.args[:at], second, first, *node.args[at + 2 :]]
            yield "swapped", node, _with(node, args=args)
    if isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
        yield "call", node, node.func.value


def _slice(node: ast.Slice, context: Context) -> Iterator[Alternative]:
    if (node.lower is None) != (node.upper is None):
        # A slice has no parentheses of its own, so text is safe here.
        yield "slice", node, ast.unparse(_with(node, lower=node.upper, upper=node.lower))


def _raise(node: ast.Raise, context: Context) -> Iterator[Alternative]:
    named = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    yield from _error(named, context)


def _handler(node: ast.ExceptHandler, context: Context) -> Iterator[Alternative]:
    yield from _error(node.type, context)


def _error(named: ast.expr | None, context: Context) -> Iterator[Alternative]:
    if isinstance(named, ast.Name):
        for other in context.errors:
            if other != named.id:
                yield "exception", named, other


def _name(node: ast.Name, context: Context) -> Iterator[Alternative]:
    if isinstance(node.ctx, ast.Load) and node.id in context.variables:
        for other in context.variables:
            if other != node.id:
                yield "variable", node, other


def _attribute(node: ast.Attribute, context: Context) -> Iterator[Alternative]:
    for other in context.attributes:
        if other != node.attr:
            yield "attribute", node, _with(node, attr=other)


def _return(node: ast.Return, context: Context) -> Iterator[Alternative]:
    if node.value is None:
        for name in context.variables:
            yield "return", node, f"return {name}"


def _wrapped(node: ast.expr) -> Iterator[Alternative]:
    """Yield one more and one less than an expression, and calls around it."""
    if isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        for operator in (ast.Add(), ast.Sub()):
            yield "offset", node, ast.BinOp(node, operator, ast.Constant(1))
        for name in WRAPS:
            yield "call", node, ast.Call(ast.Name(name, ast.Load()), [node], [])
        for name in METHODS:
            yield "call", node, ast.Call(ast.Attribute(node, name, ast.Load()), [], [])


def _with(node: ast.AST, **changes: Any) -> ast.AST:
    changed = copy.copy(node)
    for name, value in changes.items():
        setattr(changed, name, value)
    return changed


_MAKERS: dict[str, Any] = {
    "Compare": _compare,
    "BoolOp": _boolean,
    "UnaryOp": _unary,
    "Constant": _constant,
    "BinOp": _binary,
    "AugAssign": _augmented,
    "Call": _call,
    "Slice": _slice,
    "Raise": _raise,
    "ExceptHandler": _handler,
    "Name": _name,
    "Attribute": _attribute,
    "Return": _return,
    "Break": lambda node, context: iter([("jump", node, "continue")]),
    "Continue": lambda node, context: iter([("jump", node, "break")]),
}
