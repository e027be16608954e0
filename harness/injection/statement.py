"""The issue that a user would write: the call, its result, and the expected one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from harness.grading.hidden_tests import function_of
from harness.injection.testfile import cut_out

ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
FOLDER = re.compile(r"/\S*?/(?=[\w.-]+\.py\b)")
MESSAGE = 300
"""Characters kept of a failure's message."""
MARK = "```"


def normalize_message(message: str) -> str:
    """Remove from a failure's message what differs from run to run or names a machine."""
    text = FOLDER.sub("", ADDRESS.sub("0x...", message.strip()))
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if "Use -v to get" not in line]
    return "\n".join(lines[:6])[:MESSAGE].rstrip()


def reproduction_path(test: str) -> str:
    """Return where the issue's reproduction is saved: beside the test, so that fixtures work."""
    return str(PurePosixPath(test.split("::", 1)[0]).with_name("test_reproduction.py"))


def reproduction(source: str, test: str) -> str:
    """Cut the reproduction of a failing test out of its module's source."""
    return cut_out(source, function_of(test).split("::", 1)[1])


def statement(source: str, test: str, failure: str, line: int) -> str:
    """Write the issue's text.

    source: the test module before the bug; test: the failing test's id; failure: the message of
    the real run; line: 1-based, of `source`, where it failed (0 if elsewhere).
    """
    called, expected = called_at(source, line)
    code, path = reproduction(source, test), reproduction_path(test)
    what = called or test.split("::")[-1].split("[")[0]
    lines = report(what, called, expected, failure)
    lines += [f"To reproduce, save this as `{path}` and run `python -m pytest {path}`:", ""]
    lines += [f"{MARK}python", code.rstrip("\n"), MARK]
    return "\n".join(lines) + "\n"


def report(what: str, called: str, expected: str, failure: str) -> list[str]:
    """Lines of a report: what is wrong, the call (if any), what was expected and what came."""
    first = failure.splitlines()[0] if failure else "the test fails"
    kind = first.split(":", 1)[0].strip()
    wrong = "gives a wrong result" if kind.startswith(("assert", "Assert")) else f"ends in {kind}"
    lines = [f"{_clip(f'`{what}`', 80)} {wrong}", ""]
    if called:
        lines += ["I called", "", MARK, called, MARK, ""]
    if expected:
        lines += [f"and expected {expected}. What came back:", ""]
    else:
        lines += ["What came back:", ""]
    return [*lines, MARK, failure, MARK, ""]


def _clip(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 4] + "...`"


def called_at(source: str, line: int) -> tuple[str, str]:
    """Return the call at a line of a test, and its expected result, both as code; "" for none."""
    statements = list(_statements(ast.parse(source), line))
    if not statements:
        return "", ""
    node = statements[-1]
    if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare):
        left, compared = node.test.left, node.test.comparators[0]
        same = isinstance(node.test.ops[0], ast.Eq | ast.Is)
        return ast.unparse(left), f"`{ast.unparse(compared)}`" if same else ""
    if isinstance(node, ast.Assert):
        return ast.unparse(node.test), "it to hold"
    if isinstance(node, ast.With):
        return "\n".join(map(ast.unparse, node.body)), f"`{ast.unparse(node.items[0])}`"
    value = getattr(node, "value", None)
    return ast.unparse(value if isinstance(value, ast.expr) else node), ""


def _statements(tree: ast.AST, line: int) -> Iterator[ast.stmt]:
    for node in ast.walk(tree):
        compound = isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.For | ast.If
        )
        if isinstance(node, ast.stmt) and not compound:
            last = node.end_lineno or node.lineno
            if node.lineno <= line <= last:
                yield node
