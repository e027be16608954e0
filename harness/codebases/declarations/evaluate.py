"""Expressions of a module that are plain data, evaluated without running the module.

Names, `+`, lists, dictionaries, comprehensions over lines of a file and calls that read a file are
followed; whatever is beyond that is UNKNOWN.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from harness.codebases.declarations.model import Files
from harness.codebases.declarations.requirement_files import read_requirements

DEPTH = 40
"""Names and calls followed from one another, at most."""
UNKNOWN = object()
"""The value of an expression that cannot be read."""
ADDING = ("append", "extend", "update")
FLATTENING = ("sum", "chain", "chain.from_iterable")
STEPS = 100_000
"""Expressions evaluated for one module: names that stand for each other twice double each time."""
WIDE = re.compile(r"%[^a-zA-Z%]*(?:\d{4}|\*)")
"""Formats that make much text of little."""
SAME_TEXT = ("strip", "rstrip", "lstrip", "read", "decode")


class ModuleReader:
    """Evaluates expressions of one module as far as they are plain data."""

    def __init__(self, module: ast.Module, files: Files) -> None:
        self._files = files
        self._module = module
        self._names: dict[str, list[ast.expr]] = {}
        self._added: dict[str, list[ast.expr]] = {}
        self._functions: dict[str, ast.FunctionDef] = {}
        self._depth = self._steps = 0
        self._bound: list[dict[str, Any]] = []
        self._so_far: dict[str, Any] = {}
        for node in ast.walk(module):
            self._note(node)

    def setup_arguments(self) -> dict[str, ast.expr]:
        """Keyword arguments of the call of `setup`, those of `**NAME` included."""
        found: dict[str, ast.expr] = {}
        for node in ast.walk(self._module):
            if isinstance(node, ast.Call) and _called(node).split(".")[-1] == "setup":
                for keyword in node.keywords:
                    if keyword.arg:
                        found[keyword.arg] = keyword.value
                    else:
                        found |= self._starred(keyword.value)
        return found

    def value(self, node: ast.expr) -> Any:
        """The value of an expression: str, list, dict and the like, or UNKNOWN."""
        self._steps += 1
        if self._depth > DEPTH or self._steps > STEPS:
            return UNKNOWN
        self._depth += 1
        try:
            return self._value(node)
        finally:
            self._depth -= 1

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self._names.setdefault(target.id, []).append(node.value)
                elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                    entry = ast.Dict(keys=[target.slice], values=[node.value])
                    self._added.setdefault(target.value.id, []).append(entry)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            self._names.setdefault(node.target.id, []).append(node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            self._added.setdefault(node.target.id, []).append(node.value)
        elif isinstance(node, ast.FunctionDef):
            self._functions[node.name] = node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner, method = node.func.value, node.func.attr
            if (
                isinstance(owner, ast.Name)
                and node.args
                and method in ("append", "extend", "update")
            ):
                item = node.args[0]
                more = ast.List(elts=[item], ctx=ast.Load()) if method == "append" else item
                self._added.setdefault(owner.id, []).append(more)

    def _starred(self, node: ast.expr) -> dict[str, ast.expr]:
        if isinstance(node, ast.Name):
            node = next(iter(self._names.get(node.id, [])), node)
        if isinstance(node, ast.Call) and _called(node) == "dict":
            return {k.arg: k.value for k in node.keywords if k.arg}
        if not isinstance(node, ast.Dict):
            return {}
        pairs = zip(node.keys, node.values, strict=True)
        return {
            k.value: v for k, v in pairs if isinstance(k, ast.Constant) and isinstance(k.value, str)
        }

    def _value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return [item for element in node.elts for item in self._elements(element)]
        if isinstance(node, ast.Dict):
            return self._dict(node)
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.JoinedStr):
            return self._joined(node)
        if isinstance(node, ast.BinOp):
            return self._sum(node)
        if isinstance(node, ast.IfExp):
            return self.value(node.body)
        if isinstance(node, ast.Subscript):
            return self._item(node)
        if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
            return self._comprehension(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        return UNKNOWN

    def _elements(self, node: ast.expr) -> Iterator[Any]:
        if isinstance(node, ast.Starred):
            value = self.value(node.value)
            yield from value if isinstance(value, list) else [UNKNOWN]
        else:
            yield self.value(node)

    def _dict(self, node: ast.Dict) -> Any:
        made: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                more = self.value(value)
                made |= more if isinstance(more, dict) else {}
            elif isinstance(name := self.value(key), str):
                made[name] = self.value(value)
        return made

    def _name(self, name: str) -> Any:
        for scope in reversed(self._bound):
            if name in scope:
                return scope[name]
        if name in self._so_far:
            return self._so_far[name]
        # What is added to a name may use what it holds by then: a table of extras, for example.
        self._so_far[name] = UNKNOWN
        try:
            values = [self.value(node) for node in self._names.get(name, [])]
            value = next((v for v in reversed(values) if v is not UNKNOWN), UNKNOWN)
            for more in self._added.get(name, []):
                self._so_far[name] = value
                value = _added(value, self.value(more))
        finally:
            del self._so_far[name]
        return value

    def _joined(self, node: ast.JoinedStr) -> Any:
        parts = [
            self.value(p.value if isinstance(p, ast.FormattedValue) else p) for p in node.values
        ]
        return "".join(map(str, parts)) if all(isinstance(p, str | int) for p in parts) else UNKNOWN

    def _sum(self, node: ast.BinOp) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Add | ast.BitOr):
            return _added(left, right)
        if isinstance(node.op, ast.Mod) and isinstance(left, str) and "%" in left:
            if WIDE.search(left):
                return UNKNOWN
            try:
                return left % (tuple(right) if isinstance(right, list) else right)
            except (TypeError, ValueError):
                return UNKNOWN
        return UNKNOWN

    def _item(self, node: ast.Subscript) -> Any:
        owner, key = self.value(node.value), self.value(node.slice)
        return (
            owner.get(key, UNKNOWN) if isinstance(owner, dict) and isinstance(key, str) else UNKNOWN
        )

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp) -> Any:
        generator = node.generators[0]
        source = self.value(generator.iter)
        if isinstance(source, str):
            source = source.splitlines()
        if not isinstance(source, list) or not isinstance(generator.target, ast.Name):
            return UNKNOWN
        made = []
        for item in source:
            self._bound.append({generator.target.id: item})
            value = self.value(node.elt)
            self._bound.pop()
            if isinstance(value, list) and len(node.generators) > 1:
                made += value
            elif isinstance(item, str) and value is UNKNOWN:
                made.append(item)  # line.strip() and the like: the line says as much
            else:
                made.append(value)
        return [
            v
            for v in made
            if not isinstance(v, str) or (v.strip() and not v.strip().startswith("#"))
        ]

    def _call(self, node: ast.Call) -> Any:
        name = _called(node)
        if name in ("list", "sorted", "set", "tuple", "frozenset") and node.args:
            value = self.value(node.args[0])
            return list(value) if isinstance(value, list | dict) else UNKNOWN
        if name == "dict":
            return {k.arg: self.value(k.value) for k in node.keywords if k.arg}
        if name in (
            "sum",
            "chain",
            "itertools.chain",
            "chain.from_iterable",
            "itertools.chain.from_iterable",
        ):
            return self._flat(node)
        if isinstance(node.func, ast.Attribute):
            return self._method(node, node.func)
        return self._read_by(node)

    def _flat(self, node: ast.Call) -> Any:
        parts = [self.value(argument) for argument in node.args]
        lists = (
            parts if len(parts) > 1 and all(isinstance(p, list) for p in parts[:-1]) else parts[:1]
        )
        made: list[Any] = []
        for part in lists:
            for item in part if isinstance(part, list) else [UNKNOWN]:
                made += item if isinstance(item, list) else [item]
        return made

    def _method(self, node: ast.Call, function: ast.Attribute) -> Any:
        owner = self.value(function.value)
        if function.attr in ("splitlines", "split", "readlines") and isinstance(owner, str):
            return [line.strip() for line in owner.splitlines() if line.strip()]
        if function.attr in ("strip", "rstrip", "lstrip", "read", "decode") and isinstance(
            owner, str
        ):
            return owner.strip()
        if function.attr in ("values", "items", "keys") and isinstance(owner, dict):
            return list(owner) if function.attr == "keys" else list(owner.values())
        if function.attr == "get" and isinstance(owner, dict) and node.args:
            return owner.get(self.value(node.args[0]), UNKNOWN)
        if function.attr == "format" and isinstance(owner, str) and "{" in owner:
            return UNKNOWN
        return self._read_by(node)

    def _read_by(self, node: ast.Call) -> Any:
        """What a call returns that is handed a file's name, or is a function of this module."""
        for argument in _constants(node):
            path = argument.strip("./")
            if path.endswith((".txt", ".in", ".pip")) or "requirements" in path:
                for place in (
                    path,
                    f"requirements/{path}",
                    f"requirements/{path}.txt",
                    f"{path}.txt",
                ):
                    if self._files.text(place) is not None:
                        return list(read_requirements(place, self._files))
        function = self._functions.get(_called(node))
        if function is None:
            return UNKNOWN
        returned = [n.value for n in ast.walk(function) if isinstance(n, ast.Return) and n.value]
        bound = {p.arg: self.value(a) for p, a in zip(function.args.args, node.args, strict=False)}
        self._bound.append(bound)
        values = [self.value(value) for value in returned]
        self._bound.pop()
        return next((v for v in values if v is not UNKNOWN), UNKNOWN)


def _added(left: Any, right: Any) -> Any:
    if isinstance(left, list) and isinstance(right, list):
        return left + right
    if isinstance(left, dict) and isinstance(right, dict):
        return left | right
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, list):
        return [*left, UNKNOWN]
    return [*right, UNKNOWN] if isinstance(right, list) else right if left is UNKNOWN else left


def _called(node: ast.Call) -> str:
    parts, function = [], node.func
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    return ".".join([*([function.id] if isinstance(function, ast.Name) else []), *reversed(parts)])


def _constants(node: ast.Call) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
