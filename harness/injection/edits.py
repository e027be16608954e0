"""The single edits behind the operators: the wrong nodes that may replace a node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import libcst as cst
import libcst.matchers as m

Edit = tuple[str, cst.CSTNode, cst.CSTNode]
"""Operator, the node, the node that replaces it."""

COMPARISONS: dict[type[cst.BaseCompOp], tuple[str, Sequence[type[cst.BaseCompOp]]]] = {
    cst.LessThan: ("comparison", (cst.LessThanEqual, cst.GreaterThan)),
    cst.LessThanEqual: ("comparison", (cst.LessThan, cst.GreaterThanEqual)),
    cst.GreaterThan: ("comparison", (cst.GreaterThanEqual, cst.LessThan)),
    cst.GreaterThanEqual: ("comparison", (cst.GreaterThan, cst.LessThanEqual)),
    cst.Equal: ("comparison", (cst.NotEqual,)),
    cst.NotEqual: ("comparison", (cst.Equal,)),
    cst.Is: ("identity", (cst.IsNot,)),
    cst.IsNot: ("identity", (cst.Is,)),
    cst.In: ("membership", (cst.NotIn,)),
    cst.NotIn: ("membership", (cst.In,)),
}
ARITHMETIC: dict[type[cst.CSTNode], type[cst.CSTNode]] = {
    cst.Add: cst.Subtract,
    cst.Subtract: cst.Add,
    cst.Multiply: cst.FloorDivide,
    cst.FloorDivide: cst.Divide,
    cst.Divide: cst.Multiply,
    cst.Modulo: cst.FloorDivide,
    cst.AddAssign: cst.SubtractAssign,
    cst.SubtractAssign: cst.AddAssign,
    cst.MultiplyAssign: cst.FloorDivideAssign,
}
EXCEPTIONS = {"ValueError": "TypeError", "KeyError": "IndexError", "IndexError": "KeyError"}
EXCEPTIONS |= {"TypeError": "ValueError", "AttributeError": "KeyError", "Exception": "KeyError"}
NORMALISING = frozenset(
    {"strip", "lstrip", "rstrip", "lower", "upper", "casefold", "copy", "removeprefix"}
)
WRAPPING = frozenset({"abs", "sorted", "list", "tuple", "set", "str", "int", "reversed", "round"})


def replacements(node: cst.CSTNode, function: cst.FunctionDef) -> Iterator[Edit]:
    """Yield the mistakes that can be made at one node of a function."""
    if isinstance(node, cst.If | cst.While):
        yield from _condition(node)
    elif isinstance(node, cst.ComparisonTarget):
        yield from _comparison(node)
    elif isinstance(node, cst.BooleanOperation):
        other = cst.Or if isinstance(node.operator, cst.And) else cst.And
        yield "and_or", node, node.with_changes(operator=_like(node.operator, other))
    elif isinstance(node, cst.Integer):
        yield from _integer(node)
    elif isinstance(node, cst.Slice):
        yield from _slice(node)
    elif isinstance(node, cst.BinaryOperation | cst.AugAssign):
        yield from _arithmetic(node)
    elif isinstance(node, cst.Call):
        yield from _call(node)
    elif isinstance(node, cst.Raise | cst.ExceptHandler):
        yield from _exception(node)
    elif isinstance(node, cst.Name):
        yield from _name(node)
    else:
        yield from _statement(node, function)


def _condition(node: cst.If | cst.While) -> Iterator[Edit]:
    test = node.test
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        yield "negated_condition", test, test.expression
    else:
        yield "negated_condition", test, negated(test)
    guards = (m.Return(), m.Raise(), m.Continue())
    one = isinstance(node, cst.If) and node.orelse is None and len(node.body.body) == 1
    if one and m.matches(node.body.body[0], m.SimpleStatementLine(body=[m.OneOf(*guards)])):
        yield "dropped_guard", node, cst.SimpleStatementLine([cst.Pass()])


def negated(test: cst.BaseExpression) -> cst.BaseExpression:
    """Return `not (test)`."""
    if not test.lpar:
        test = test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.UnaryOperation(operator=cst.Not(), expression=test)


def _comparison(node: cst.ComparisonTarget) -> Iterator[Edit]:
    operator, others = COMPARISONS.get(type(node.operator), ("", ()))
    for other in others:
        yield operator, node, node.with_changes(operator=other())


def _integer(node: cst.Integer) -> Iterator[Edit]:
    if node.value.isdigit():
        value = int(node.value)
        for other in (value + 1, value - 1):
            if other >= 0:
                yield "integer", node, cst.Integer(str(other))


def _slice(node: cst.Slice) -> Iterator[Edit]:
    for name in ("lower", "upper"):
        bound = getattr(node, name)
        if bound is None or isinstance(bound, cst.Integer):
            continue
        for operator in (cst.Add(), cst.Subtract()):
            inner = cst.BinaryOperation(bound, operator, cst.Integer("1"))
            yield "slice_bound", node, node.with_changes(**{name: inner})
    if node.lower is not None and node.upper is None and isinstance(node.lower, cst.Integer):
        yield "slice_bound", node, cst.Slice(lower=None, upper=node.lower)


def _arithmetic(node: cst.BinaryOperation | cst.AugAssign) -> Iterator[Edit]:
    old = node.operator
    other = ARITHMETIC.get(type(old))
    text = isinstance(node, cst.BinaryOperation) and any(
        isinstance(side, cst.SimpleString | cst.FormattedString | cst.ConcatenatedString)
        for side in (node.left, node.right)
    )
    if other is not None and not text:
        yield "arithmetic", node, node.with_changes(operator=_like(old, other))
    if isinstance(node, cst.BinaryOperation) and isinstance(node.right, cst.Integer):
        yield "integer", node, node.left


def _call(node: cst.Call) -> Iterator[Edit]:
    plain = [i for i, a in enumerate(node.args) if not a.star and a.keyword is None]
    for first, second in pairwise(plain):
        args = list(node.args)
        if args[first].value.deep_equals(args[second].value):
            continue
        args[first] = args[first].with_changes(value=node.args[second].value)
        args[second] = args[second].with_changes(value=node.args[first].value)
        yield "swapped_arguments", node, node.with_changes(args=args)
    called = node.func
    if isinstance(called, cst.Attribute) and called.attr.value in NORMALISING:
        yield "dropped_call", node, called.value
    wraps = isinstance(called, cst.Name) and called.value in WRAPPING
    if wraps and len(node.args) == 1 and not node.args[0].star:
        yield "dropped_call", node, node.args[0].value


def _exception(node: cst.Raise | cst.ExceptHandler) -> Iterator[Edit]:
    named = node.exc if isinstance(node, cst.Raise) else node.type
    if isinstance(named, cst.Call):
        named = named.func
    if isinstance(named, cst.Name):
        other = EXCEPTIONS.get(named.value, "KeyError")
        yield "exception_class", named, named.with_changes(value=other)


def _name(node: cst.Name) -> Iterator[Edit]:
    if node.value in ("True", "False"):
        other = "False" if node.value == "True" else "True"
        yield "boolean", node, node.with_changes(value=other)


def _statement(node: cst.CSTNode, function: cst.FunctionDef) -> Iterator[Edit]:
    if isinstance(node, cst.Break | cst.Continue):
        other = cst.Continue if isinstance(node, cst.Break) else cst.Break
        yield "break_continue", node, other()
    elif isinstance(node, cst.Return) and node.value is not None:
        if isinstance(node.value, cst.Name) and node.value.value != "None":
            yield from _other_variable(node.value, function)
        if not m.matches(node.value, m.Name("None")):
            yield "returns_none", node, cst.Return(None)
    elif isinstance(node, cst.Arg) and isinstance(node.value, cst.Name):
        yield from _other_variable(node.value, function)
    elif isinstance(node, cst.Param) and node.default is not None:
        yield from _default(node)


def _other_variable(node: cst.Name, function: cst.FunctionDef) -> Iterator[Edit]:
    names = [p.name.value for p in function.params.params if p.name.value not in ("self", "cls")]
    if node.value in names and len(names) > 1:
        other = names[(names.index(node.value) + 1) % len(names)]
        yield "wrong_variable", node, node.with_changes(value=other)


def _default(node: cst.Param) -> Iterator[Edit]:
    default = node.default
    if isinstance(default, cst.SimpleString):
        yield "wrong_default", default, cst.SimpleString('""')
    elif isinstance(default, cst.Name) and default.value == "None":
        yield "wrong_default", default, cst.Name("False")


def _like(old: cst.CSTNode, kind: type[cst.CSTNode]) -> cst.CSTNode:
    """Make an operator of another kind with the white space of the old one."""
    kept = {
        name: getattr(old, name)
        for name in ("whitespace_before", "whitespace_after")
        if hasattr(old, name)
    }
    return kind(**kept)
