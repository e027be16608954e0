"""What a user knows of a task: from gold, and from a run of its first failing test."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.codebases.statements.clean import title_of
from harness.codebases.statements.symptom import failure_in, first_failure
from harness.grading.patch import parts
from harness.injection.statement import called_at, normalize_message
from seqswe.instance import Instance
from seqswe.user import PRICES, Fact

PLACE = re.compile(r"^\S[^:\n]*\.py:\d+: .*$", re.MULTILINE)
ERROR_TYPE = re.compile(r"\.py:\d+: (\w[\w.]*)$")
HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? ")
MODULE = "<module>"
"""The place of a change outside of any function."""
MOST = 2_000
"""Characters of a fact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingRun:
    """A run of a task's first failing test on the code that its agent starts from."""

    log: str
    """With `symptom.OPTIONS`."""
    sources: Mapping[str, str]
    """Text of the test's module and of the gold files, by path; "" for one that is not there."""


def facts_of(
    instance: Instance,
    full_statement: str,
    run: Callable[[], FailingRun],
    is_test: Callable[[str], bool],
) -> Callable[[str], Sequence[Fact]]:
    """The facts of a task by kind; `run` is called for those that need it alone.

    full_statement: the issue's whole text, of which the task may have told a part.
    """
    rest = "" if full_statement == instance.problem_statement else _rest(full_statement)

    def of(kind: str) -> Sequence[Fact]:
        texts: Iterator[tuple[str, tuple[str, ...]]]
        match kind:
            case "title-rest":
                texts = iter([(rest, ())])
            case "test-id":
                texts = ((test, ()) for test in instance.fail_to_pass)
            case "file":
                texts = ((path, (path,)) for path in instance.gold_files)
            case "function":
                texts = _functions(instance, run().sources)
            case "error-type" | "traceback" | "test-call" | "expected-actual":
                texts = ((text, ()) for text in _failure(kind, instance, run(), is_test))
            case _:
                texts = iter(())
        return [
            Fact(kind=kind, text=text[:MOST], price=PRICES[kind], files=files)
            for text, files in texts
            if text.strip()
        ]

    return of


def _rest(statement: str) -> str:
    title = title_of(statement)
    return statement.partition(title)[2].strip() if title in statement else statement


def _failure(
    kind: str, instance: Instance, run: FailingRun, is_test: Callable[[str], bool]
) -> Iterator[str]:
    places = PLACE.findall("\n".join(first_failure(run.log)))
    module = instance.fail_to_pass[0].split("::")[0] if instance.fail_to_pass else ""
    failure = failure_in(run.log, module, is_test)
    if kind == "error-type" and places and (named := ERROR_TYPE.search(places[-1])):
        yield named[1]
    if kind == "traceback" and places:
        yield "\n".join([*places, normalize_message(failure.message)])
    if kind in ("test-call", "expected-actual") and failure.line:
        try:
            called, expected = called_at(run.sources.get(failure.path, ""), failure.line)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
        if kind == "test-call":
            yield called
        elif failure.message:
            wanted = f"expected {expected}; " if expected else ""
            yield f"{wanted}what came: {normalize_message(failure.message)}"


def _functions(
    instance: Instance, sources: Mapping[str, str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """`path::function` of every function that the fix changes, in the order of the patch."""
    named: dict[str, str] = {}
    for part in parts(instance.patch):
        for path in set(part.paths) & set(instance.gold_files):
            spans = _spans(sources.get(path, ""))
            for line in _changed(part.text):
                inner = [name for name, first, last in spans if first <= line <= last]
                named[f"{path}::{inner[-1] if inner else MODULE}"] = path
    return ((name, (path,)) for name, path in named.items())


def _changed(patch: str) -> Iterator[int]:
    """Lines of the old file that a patch removes, or after which it adds some."""
    at = 0
    for line in patch.split("\n"):
        if hunk := HUNK.match(line):
            at = int(hunk[1])
        elif at and line.startswith("-"):
            yield at
            at += 1
        elif at and line.startswith("+"):
            yield max(at - 1, 1)
        elif at and line.startswith(" "):
            at += 1


def _spans(source: str) -> list[tuple[str, int, int]]:
    """Qualified name, first and last line of every function, outer ones first."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    spans = []

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = prefix
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = f"{prefix}{child.name}."
                if not isinstance(child, ast.ClassDef):
                    spans.append((inner[:-1], child.lineno, child.end_lineno or child.lineno))
            visit(child, inner)

    visit(tree, "")
    return spans
