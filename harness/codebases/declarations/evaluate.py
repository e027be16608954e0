"""Expressions of a module that are plain data, evaluated without running the module.

Names, `+`, lists, dictionaries, comprehensions, the module's own functions and calls that read a
file are followed; whatever is beyond that is UNKNOWN. Work and memory are bounded.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from harness.codebases.declarations import calls
from harness.codebases.declarations.calls import UNKNOWN, Exhausted, added
from harness.codebases.declarations.conditions import compared, platform_value
from harness.codebases.declarations.model import Files
from harness.codebases.declarations.module_files import ModuleFiles
from harness.codebases.declarations.scopes import YIELDED, Scope, dotted, setup_calls

DEPTH = 60
"""Expressions inside one another, names and calls followed, at most."""
FRAMES = 12
"""Functions that call one another, at most."""
STEPS = 50_000
"""Expressions and statements looked at, at most, for one module."""
ITEMS = 5_000_000
"""Characters and items of all values made, at most, for one module."""


@dataclass(slots=True)
class Frame:
    """One call of a function, or the module, or one round of a comprehension."""

    scope: Scope = field(default_factory=Scope)
    given: Mapping[str, Any] = field(default_factory=dict)
    values: dict[str, list[Any]] = field(default_factory=dict)
    """The value of a name after each of its changes."""
    working: dict[str, int] = field(default_factory=dict)
    """The change of a name that is being evaluated: it sees only earlier ones."""


class ModuleReader:
    """Evaluates expressions of one module as far as they are plain data."""

    def __init__(self, module: ast.Module, files: Files, python: str = "") -> None:
        """python: the version that conditions on `sys.version_info` are decided for."""
        self._files, self._module, self._python = ModuleFiles(files), module, python
        self._depth, self._steps, self._items = 0, 0, 0
        self._frames = [Frame()]
        with suppress(Exhausted, RecursionError):
            self._frames[0].scope.collect(module.body, self._decide)

    def setup_arguments(self) -> dict[str, Any]:
        """Values of the keyword arguments of the call of `setup`, `**NAME` included."""
        arguments: dict[str, Any] = {}
        for call, functions in setup_calls(self._module):
            with self._inside_of(functions):
                for keyword in call.keywords:
                    if keyword.arg:
                        arguments[keyword.arg] = self.value(keyword.value)
                    else:
                        more = self.value(keyword.value)
                        arguments |= more if isinstance(more, dict) else {}
        return arguments

    def names(self) -> Sequence[str]:
        """Names that the module binds."""
        return list(self._frames[0].scope.changes)

    def name(self, name: str) -> Any:
        """The value of a name of the module."""
        return self.value(ast.Name(name))

    def value(self, node: ast.expr) -> Any:
        """The value of an expression: str, list, dict and the like, or UNKNOWN."""
        if self._depth:
            return self._at_depth(node)
        try:
            return self._at_depth(node)
        except (Exhausted, RecursionError):
            return UNKNOWN
        finally:
            self._depth = 0

    def _at_depth(self, node: ast.expr) -> Any:
        if self._depth > DEPTH:
            return UNKNOWN
        self._depth += 1
        value = self._value(node)
        self._depth -= 1
        self._spend(value)
        return value

    def _spend(self, value: Any) -> None:
        self._steps += 1
        self._items += len(value) if isinstance(value, str | list | dict) else 1
        if self._steps > STEPS or self._items > ITEMS:
            raise Exhausted

    @contextmanager
    def _inside_of(self, functions: Sequence[ast.FunctionDef]) -> Iterator[None]:
        before = self._frames
        self._frames = [*before, *(Frame() for _ in functions)]
        for number, function in enumerate(functions, len(before)):
            with suppress(Exhausted, RecursionError):
                self._frames[number].scope.collect(function.body, self._decide)
        yield
        self._frames = before

    def _decide(self, condition: ast.expr) -> bool | None:
        value = self.value(condition)
        return None if value is UNKNOWN else bool(value)

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.List() | ast.Tuple() | ast.Set():
                return self._elements(node.elts)
            case ast.Dict():
                return self._dict(node)
            case ast.Name():
                return self._name(node.id)
            case ast.JoinedStr():
                return calls.joined("", [self.value(part) for part in node.values])
            case ast.FormattedValue():
                return self.value(node.value)
            case ast.BinOp():
                return self._operation(node)
            case ast.IfExp():
                holds = self._decide(node.test)
                return self.value(node.orelse if holds is False else node.body)
            case ast.Subscript():
                return self._item(node)
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                return calls.said(self._said(node.elt) for _ in self._rounds(node.generators))
            case ast.DictComp():
                rounds = self._rounds(node.generators)
                return calls.dictionary(
                    [self.value(node.key), self.value(node.value)] for _ in rounds
                )
            case ast.Call():
                return self._call(node)
            case _:
                return self._truth(node)

    def _truth(self, node: ast.expr) -> Any:
        match node:
            case ast.Attribute():
                return self._attribute(dotted(node))
            case ast.Compare(left=left, ops=[kind], comparators=[right]):
                return compared(kind, self.value(left), self.value(right))
            case ast.BoolOp():
                parts = [self._decide(value) for value in node.values]
                decisive = isinstance(node.op, ast.Or)
                unclear = UNKNOWN if None in parts else not decisive
                return decisive if decisive in parts else unclear
            case ast.UnaryOp(op=ast.Not()):
                holds = self._decide(node.operand)
                return UNKNOWN if holds is None else not holds
            case _:
                return UNKNOWN

    def _attribute(self, name: str) -> Any:
        owner, _, inside = name.rpartition(".")
        module, part = self._frames[0].scope.imports.get(owner, ("", ""))
        if module and module.split(".")[0] not in sys.stdlib_module_names:
            names = self._files.imported(f"{module}.{part}" if part else module)
            return names.get(inside, UNKNOWN)
        return platform_value(name, self._python)

    def _elements(self, nodes: Sequence[ast.expr]) -> list[Any]:
        made: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                value = self.value(node.value)
                made += value if isinstance(value, list | dict) else [UNKNOWN]
                self._spend(made)
            else:
                made.append(self.value(node))
        return made

    def _dict(self, node: ast.Dict) -> Any:
        made: dict[str, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                more = self.value(value)
                made |= more if isinstance(more, dict) else {}
                self._spend(made)
            elif isinstance(name := self.value(key), str):
                made[name] = self.value(value)
        return made

    def _name(self, name: str) -> Any:
        for number in reversed(range(len(self._frames))):
            frame = self._frames[number]
            if name in frame.given:
                return frame.given[name]
            if name in frame.scope.changes:
                return self._after_changes(number, name)
        for text in self._frames[0].scope.executed if name.isidentifier() else ():
            names = self._files.constants(self.value(text))
            if name in names:
                return names[name]
        imported, inside = self._frames[0].scope.imports.get(name, ("", ""))
        return self._files.imported(imported).get(inside, UNKNOWN)

    def _after_changes(self, number: int, name: str) -> Any:
        """A name's value after all its changes, or after those before the one in work."""
        frame, before = self._frames[number], self._frames
        changes, values = frame.scope.changes[name], frame.values.setdefault(name, [])
        end = frame.working.get(name, len(changes))
        while len(values) < end:
            change = changes[len(values)]
            frame.working[name] = len(values)
            self._frames = before[: number + 1]  # a name is looked up where it was written
            value = self.value(change.node)
            self._frames = before
            last = values[-1] if values else UNKNOWN
            values.append(calls.changed(last, change.kind, value))
        if end == len(changes):
            frame.working.pop(name, None)
        else:
            frame.working[name] = end
        return values[end - 1] if end else UNKNOWN

    def _operation(self, node: ast.BinOp) -> Any:
        operands, left = [node.right], node.left
        while isinstance(left, ast.BinOp) and type(left.op) is type(node.op):
            operands.append(left.right)
            left = left.left
        value = self.value(left)
        for operand in reversed(operands):
            right = self.value(operand)
            if isinstance(node.op, ast.Add | ast.BitOr):
                value = added(value, right)
            elif isinstance(node.op, ast.Div):
                value = calls.path_of([value, right])
            elif isinstance(node.op, ast.Mod):
                value = calls.percent(value, right)
            else:
                return UNKNOWN
            self._spend(value)
        return value

    def _item(self, node: ast.Subscript) -> Any:
        owner = self.value(node.value)
        if isinstance(node.slice, ast.Slice):
            ends = [self.value(n) if n else None for n in (node.slice.lower, node.slice.upper)]
            whole = isinstance(owner, list | str) and all(e is None or type(e) is int for e in ends)
            return owner[ends[0] : ends[1]] if whole and not node.slice.step else UNKNOWN
        key = self.value(node.slice)
        if isinstance(owner, dict) and isinstance(key, str):
            return owner.get(key, UNKNOWN)
        inside = isinstance(owner, list | str) and type(key) is int and key in range(len(owner))
        return owner[key] if inside else UNKNOWN

    def _rounds(self, generators: Sequence[ast.comprehension]) -> Iterator[None]:
        """Rounds of a comprehension; its names are bound while one lasts."""
        first, *others = generators
        source = self.value(first.iter)
        if isinstance(source, str):
            source = source.splitlines()
        for item in source if isinstance(source, list | dict) else [UNKNOWN]:
            self._frames = [*self._frames, Frame(given=calls.bound(first.target, item))]
            if all(self._decide(condition) is not False for condition in first.ifs):
                if others:
                    yield from self._rounds(others)
                else:
                    yield
            self._frames = self._frames[:-1]

    def _said(self, node: ast.expr) -> Any:
        value = self.value(node)
        lines = [v for v in self._frames[-1].given.values() if isinstance(v, str)]
        # `str(parsed.req)` and the like: the line that it is made of says as much.
        return lines[0] if value is UNKNOWN and len(lines) == 1 else value

    def _call(self, node: ast.Call) -> Any:
        value = self._result(node)
        if value is UNKNOWN or (isinstance(value, list) and (not value or UNKNOWN in value)):
            # Whatever is done with a requirement file that is named here: its lines are meant.
            named = self._files.named_in(node)
            return value if named is UNKNOWN else named
        return value

    def _result(self, node: ast.Call) -> Any:
        name = dotted(node.func)
        if isinstance(node.func, ast.Name) and (function := self._function(name)):
            return self._returned(function, node)
        given = self._elements(node.args)
        keywords = {k.arg: self.value(k.value) for k in node.keywords}
        if name == "exec":
            return self._files.constants(given[0] if given else UNKNOWN)
        if name in calls.OPENING and given and isinstance(given[0], str):
            return self._files.content(given[0], UNKNOWN)
        if (value := calls.builtin(name, given, keywords)) is not UNKNOWN:
            return value
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value)
            if isinstance(owner, str) and node.func.attr in calls.READING:
                return self._files.content(owner, owner)
            return calls.method(owner, node.func.attr, given, keywords)
        return UNKNOWN

    def _function(self, name: str) -> ast.FunctionDef | None:
        if len(self._frames) > FRAMES:
            return None
        found = (frame.scope.functions.get(name) for frame in reversed(self._frames))
        return next((function for function in found if function), None)

    def _returned(self, function: ast.FunctionDef, node: ast.Call) -> Any:
        names = [p.arg for p in function.args.args]
        values = self._elements(node.args)
        defaults = function.args.defaults
        given = dict(
            zip(names[len(names) - len(defaults) :], map(self.value, defaults), strict=False)
        )
        given |= dict(zip(names, values, strict=False))
        given |= {k.arg: self.value(k.value) for k in node.keywords if k.arg}
        if function.args.vararg:
            given[function.args.vararg.arg] = values[len(names) :]
        before = self._frames
        frame = Frame(given=given)
        self._frames = [before[0], frame]
        frame.scope.collect(function.body, self._decide)
        self._steps += len(function.body)
        returned = [self.value(value) for value in frame.scope.returns]
        if YIELDED in frame.scope.changes:
            returned = [self._name(YIELDED)]
        self._frames = before
        return next((value for value in returned if value is not UNKNOWN), UNKNOWN)
