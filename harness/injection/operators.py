"""The kinds of mistake that people make, as edits of a syntax tree.

A mutation is named by (function, operator, site): `site` counts the places of one function where
the operator applies, in the order of the source. The same source gives the same mutations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import libcst as cst
import libcst.matchers as m

from harness.injection.edits import replacements

HARD = frozenset({"dropped_guard", "returns_none", "wrong_default"})
"""Small edits hardly ever repair these; `select` caps their share."""
OPERATORS = (
    "negated_condition",
    "identity",
    "membership",
    "comparison",
    "and_or",
    "integer",
    "slice_bound",
    "arithmetic",
    "swapped_arguments",
    "exception_class",
    "boolean",
    "break_continue",
    "wrong_variable",
    "dropped_call",
    *sorted(HARD),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One possible bug; `apply` makes the file that has it."""

    function: str
    """Qualified name of the outermost function or method: `Span.days`."""
    operator: str
    site: int
    module: cst.Module
    old: cst.CSTNode
    new: cst.CSTNode

    def apply(self) -> str:
        """Return the whole file with the bug in it."""
        changed = self.module.deep_replace(self.old, self.new)
        assert isinstance(changed, cst.Module)
        return changed.code


class _Walk(cst.CSTVisitor):
    """Collects mutations with the function that they lie in, or only those of one function."""

    def __init__(self, module: cst.Module, only: str = "") -> None:
        self.module = module
        self._only = only.split(".")
        self.mutations: list[Mutation] = []
        self._names: list[tuple[str, cst.FunctionDef | None]] = []
        self._sites: Counter[tuple[str, str]] = Counter()

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._names.append((node.name.value, None))

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:
        self._names.pop()

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        self._names.append((node.name.value, node))
        names = [name for name, _ in self._names]
        return self._only == [""] or names[: len(self._only)] == self._only

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self._names.pop()

    def visit_Decorator(self, node: cst.Decorator) -> bool:
        return False

    def visit_Annotation(self, node: cst.Annotation) -> bool:
        return False

    def on_visit(self, node: cst.CSTNode) -> bool:
        entered = super().on_visit(node)
        where = self._function()
        if entered and where is not None:
            name, function = where
            for operator, old, new in replacements(node, function):
                site = self._sites[name, operator]
                self._sites[name, operator] += 1
                self.mutations.append(
                    Mutation(
                        function=name,
                        operator=operator,
                        site=site,
                        module=self.module,
                        old=old,
                        new=new,
                    )
                )
        return entered

    def _function(self) -> tuple[str, cst.FunctionDef] | None:
        for depth, (_, function) in enumerate(self._names):
            if function is not None:
                return ".".join(name for name, _ in self._names[: depth + 1]), function
        return None


def mutations(source: str, only: str = "") -> Sequence[Mutation]:
    """Return every mutation of a file's functions, or of `only` one; none if it does not parse."""
    try:
        module = _parsed(source)
    except cst.ParserSyntaxError:
        return ()
    walk = _Walk(module, only)
    module.visit(walk)
    return walk.mutations


def mutate(source: str, function: str, operator: str, site: int) -> str:
    """Return the file with one bug in it. Raises LookupError if the source has no such place."""
    for mutation in mutations(source, function):
        if (mutation.function, mutation.operator, mutation.site) == (function, operator, site):
            return mutation.apply()
    raise LookupError(f"no site {site} of {operator} in {function}")


@lru_cache(maxsize=8)
def _parsed(source: str) -> cst.Module:
    # Neighbouring tasks have most files in common, and a large one takes a second.
    return cst.parse_module(source)


def functions(source: str) -> Iterator[tuple[str, int, int]]:
    """Yield outermost functions and methods: qualified name, first line (of decorators), last."""
    module = cst.metadata.MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    lines = module.resolve(cst.metadata.PositionProvider)

    def walk(body: Sequence[cst.BaseStatement], prefix: str) -> Iterator[tuple[str, int, int]]:
        for node in body:
            if m.matches(node, m.ClassDef()):
                assert isinstance(node, cst.ClassDef)
                inner = node.body.body
                yield from walk(inner, f"{prefix}{node.name.value}.")  # type: ignore[arg-type]
            elif isinstance(node, cst.FunctionDef):
                first = node.decorators[0] if node.decorators else node
                yield (
                    prefix + node.name.value,
                    lines[first].start.line,
                    lines[node].end.line,
                )

    yield from walk(module.module.body, "")
