"""Which names a module or a function binds, in the order of its statements; nothing is run.

A loop becomes a comprehension: `for x in y: z.append(x)` adds `[x for x in y]` to `z`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

YIELDED = "<yielded>"
"""The name under which a generator's items are collected."""

Kind = Literal["set", "add", "merge"]
"""Bind anew; add items or keys; add to the lists that stand under the keys of a dictionary."""
Loops = tuple[ast.comprehension, ...]
Decide = Callable[[ast.expr], bool | None]
"""Whether a condition holds; None if that cannot be read, and both branches count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change to a name."""

    kind: Kind
    node: ast.expr


@dataclass(slots=True)
class Scope:
    """Names of a module or a function."""

    changes: dict[str, list[Change]] = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    returns: list[ast.expr] = field(default_factory=list)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Names that are imported: the module, and the name in it ("" for the module itself)."""
    executed: list[ast.expr] = field(default_factory=list)
    """Texts handed to `exec`, whose names join the module's."""

    def collect(self, body: Sequence[ast.stmt], decide: Decide) -> None:
        """Note the statements of a body, and those inside their branches and loops."""
        waiting: list[tuple[ast.stmt, Loops]] = [(s, ()) for s in reversed(body)]
        while waiting:
            statement, loops = waiting.pop()
            self._note(statement, loops)
            if isinstance(statement, ast.For):
                loops = (*loops, _loop(statement))
            inside = list(_inside(statement, decide))
            waiting += [(s, loops) for s in reversed(inside)]

    def _change(self, name: str, kind: Kind, node: ast.expr) -> None:
        self.changes.setdefault(name, []).append(Change(kind=kind, node=node))

    def _note(self, statement: ast.stmt, loops: Loops) -> None:
        match statement:
            case ast.FunctionDef():
                self.functions[statement.name] = statement
            case ast.Import():
                for alias in statement.names:
                    self.imports[alias.asname or alias.name] = (alias.name, "")
            case ast.ImportFrom(module=str() as module):
                for alias in statement.names:
                    self.imports[alias.asname or alias.name] = (module, alias.name)
            case ast.Return(value=ast.expr() as value):
                self.returns.append(value)
            case ast.Assign():
                for target in statement.targets:
                    self._assign(target, statement.value, loops)
            case ast.AnnAssign(value=ast.expr() as value):
                self._assign(statement.target, value, loops)
            case ast.AugAssign():
                self._extend(statement.target, statement.value, loops)
            case ast.With():
                for item in statement.items:
                    if item.optional_vars is not None:
                        self._assign(item.optional_vars, item.context_expr, loops)
            case ast.Expr(value=ast.Yield(value=ast.expr() as value)):
                self._yield(_looped(_listed(value), loops))
            case ast.Expr(value=ast.YieldFrom(value=value)):
                self._yield(_looped(value, loops))
            case ast.Expr(value=ast.Call() as call):
                self._note_call(call, loops)

    def _yield(self, items: ast.expr) -> None:
        if YIELDED not in self.changes:
            self._change(YIELDED, "set", ast.List(elts=[]))
        self._change(YIELDED, "add", items)

    def _assign(self, target: ast.expr, value: ast.expr, loops: Loops) -> None:
        match target:
            case ast.Name():
                self._change(target.id, "set", value)
            case ast.Subscript(value=ast.Name(id=owner), slice=key):
                self._change(owner, "add", _entry(key, value, loops))
            case ast.Tuple(elts=targets) if isinstance(value, ast.Tuple | ast.List):
                for one, its_value in zip(targets, value.elts, strict=False):
                    self._assign(one, its_value, loops)

    def _extend(self, target: ast.expr, value: ast.expr, loops: Loops) -> None:
        match target:
            case ast.Name():
                self._change(target.id, "add", _looped(value, loops))
            case ast.Subscript(value=ast.Name(id=owner), slice=key):
                self._change(owner, "merge", _entry(key, value, loops))

    def _note_call(self, call: ast.Call, loops: Loops) -> None:
        match call.func, call.args:
            case ast.Name(id="exec"), [text]:
                self.executed.append(text)
            case ast.Name(id="exec"), [_, ast.Name(id=owner), *_]:
                self._change(owner, "add", call)
            case ast.Attribute(value=owner, attr="append" | "add"), [item]:
                self._extend(owner, _listed(item), loops)
            case ast.Attribute(value=owner, attr="insert"), [_, item]:
                self._extend(owner, _listed(item), loops)
            case ast.Attribute(value=owner, attr="extend" | "update"), [items]:
                self._extend(owner, items, loops)
            case ast.Attribute(value=owner, attr="update"), []:
                self._extend(owner, ast.Call(ast.Name("dict"), [], call.keywords), loops)


def _inside(statement: ast.stmt, decide: Decide) -> Iterator[ast.stmt]:
    """Statements inside a statement that may run; functions are not entered."""
    match statement:
        case ast.If():
            holds = decide(statement.test)
            if holds is not False:
                yield from statement.body
            if holds is not True:
                yield from statement.orelse
        case ast.Try():
            yield from statement.body
            if not _always_imports(statement.body):
                for handler in statement.handlers:
                    yield from handler.body
            yield from (*statement.orelse, *statement.finalbody)
        case ast.For() | ast.While():
            yield from (*statement.body, *statement.orelse)
        case ast.With() | ast.ClassDef():
            yield from statement.body


def _always_imports(body: Sequence[ast.stmt]) -> bool:
    """Whether a body only imports from the standard library, so that its handlers never run."""
    names: list[str] = []
    for statement in body:
        if isinstance(statement, ast.Import):
            names += (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            names.append(statement.module or "")
        else:
            return False
    return all(name.split(".")[0] in sys.stdlib_module_names for name in names)


def _loop(statement: ast.For) -> ast.comprehension:
    return ast.comprehension(target=statement.target, iter=statement.iter, ifs=[], is_async=0)


def _listed(item: ast.expr) -> ast.expr:
    return ast.List(elts=[item], ctx=ast.Load())


def _looped(items: ast.expr, loops: Loops) -> ast.expr:
    """The items of all rounds of the loops as one list."""
    if not loops:
        return items
    rounds = ast.ListComp(elt=items, generators=list(loops))
    return ast.Call(func=ast.Name("sum"), args=[rounds], keywords=[])


def _entry(key: ast.expr, value: ast.expr, loops: Loops) -> ast.expr:
    if loops:
        return ast.DictComp(key=key, value=value, generators=list(loops))
    return ast.Dict(keys=[key], values=[value])


def setup_calls(module: ast.Module) -> Iterator[tuple[ast.Call, list[ast.FunctionDef]]]:
    """Calls of `setup` with the functions around them."""
    functions: dict[int, ast.FunctionDef] = {}
    for node in ast.walk(module):  # outer functions first, so that inner ones overwrite them
        if isinstance(node, ast.FunctionDef):
            functions |= {id(n): node for n in ast.walk(node) if isinstance(n, ast.Call)}
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] == "setup":
            yield node, [functions[id(node)]] if id(node) in functions else []


def dotted(node: ast.expr) -> str:
    """`a.b.c` of names and attributes; what is neither is left out."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([*([node.id] if isinstance(node, ast.Name) else []), *reversed(parts)])
