"""A symptom: what a user sees who knows nothing of the fix, by rule from a failing test's run.

What was called, what was expected, what came back; no name of a test and no line of the fix.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from textwrap import dedent

from harness.codebases.statements.clean import bounded
from harness.grading.patch import parts
from harness.injection.statement import ADDRESS, called_at, normalize_message, report

SYMPTOM = "symptom"
"""Its name among the digests of a task."""
OPTIONS = ("--tb=long", "--showlocals")
"""Of pytest, for a log that tells the values of a call."""
VARIABLE = re.compile(r"^(\w{1,80}) += (.{1,2000})$")
MOST_GIVEN = 10
HEADER = re.compile(r"^_+ (?!_ ).* _+$")
PLACE = re.compile(r"^(\S[^:\n]*\.py):(\d+): ")
ERROR = re.compile(r"^E(?:   (.*))?$")
TRACES = re.compile(r"^=+ (?:FAILURES|ERRORS) =+$")
SUMMARY = re.compile(r"^=+ (?:short test summary info|warnings summary) =+$|^=+ .* in .*=+$")
LONGEST_CALL = 4_000
"""Characters of a call that is shown."""
SHORTEST_LINE = 16
"""Characters of a line of the fix that is looked for."""
TEMPORARY = re.compile(r"/(?:tmp|var/folders|private|testbed|root|home)/[^\s'\",)\]]*")
DURATION = re.compile(r"\b\d+\.\d+ ?(m?s|seconds?|minutes?)\b")
SECONDS = re.compile(r"(?<![\w.])(\d{10})(?:\d{3}){0,3}(?:\.\d+)?(?!\w)")
"""Since 1970, with or without parts of a second."""
CUT_ADDRESS = re.compile(r"(\[\d+ chars\])[0-9a-f]{1,16}>")
"""What unittest leaves of an object's address where it shortens a comparison."""
EXPECTING = {"assertEqual", "assertEquals", "assertIs", "assertIn", "assertListEqual"} | {
    "assertDictEqual",
    "assertSequenceEqual",
    "assertMultiLineEqual",
}
"""Methods of unittest whose second argument is what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a log tells of a failing test."""

    message: str = ""
    path: str = ""
    """The file of the tests where it failed: its module or, if that is not told, a helper's."""
    line: int = 0
    """Where in that file; 0: elsewhere."""
    values: Mapping[str, ast.expr] = field(default_factory=dict)
    """Local variables there, as far as they are literals."""


def symptom(
    log: str,
    test: str,
    patch: str,
    is_test: Callable[[str], bool],
    read: Callable[[str], str],
) -> str:
    """The symptom that a log of one failing test tells; "" if it tells none.

    log: of a run with OPTIONS; patch: the fix, of which no line may show; is_test: whether a path
    belongs to the tests; read: the text of a file.
    """
    module, *names = re.sub(r"\[.*", "", test, flags=re.DOTALL).split("::")
    found = failure_in(log, module, is_test)
    try:
        called, expected = _called(read(found.path), found) if found.line else ("", "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    if not called or not found.message or len(called) > LONGEST_CALL:
        return ""
    failure = normalize_message(found.message)
    call = called if found.path == module else _given(called, found)
    text = "\n".join(report(called.split("\n")[0], call, expected, failure))
    text = CUT_ADDRESS.sub(r"\1…>", text)
    text = _without_moment(TEMPORARY.sub("/…", DURATION.sub(r"… \1", ADDRESS.sub("0x…", text))))
    text = _without_names(text, [*names, module.rpartition("/")[2].removesuffix(".py")])
    return "" if _shows(text, patch) else bounded(text)


def failure_in(log: str, module: str, is_test: Callable[[str], bool]) -> Failure:
    """Read what a log tells of the first failure in it."""
    own, other = Failure(), Failure()
    values = dict[str, ast.expr]()
    group, last = list[str](), list[str]()
    for text in first_failure(log):
        if error := ERROR.match(text):
            group.append(error[1] or "")
            continue
        if group:
            last, group = group, []
        if variable := VARIABLE.match(text):
            values |= _literal(variable[1], variable[2])
        elif place := PLACE.match(text):
            here = Failure(path=place[1], line=int(place[2][:7]), values=values)
            own = here if place[1] == module else own
            other = here if is_test(place[1]) else other
            values = {}
    return replace(own if own.line else other, message=dedent("\n".join(group or last)))


def first_failure(log: str) -> Iterator[str]:
    """Lines of the first failure that a log shows: a test may have several, one a subtest."""
    inside = headers = 0
    for line in log.split("\n"):
        inside = inside or bool(TRACES.match(line))
        headers += bool(inside and HEADER.match(line))
        if headers > 1 or (inside and SUMMARY.match(line)):
            return
        if inside:
            yield line


def _given(called: str, found: Failure) -> str:
    """A call in a helper, with the values that it was given before."""
    inside = {node.id for node in ast.walk(ast.parse(called)) if isinstance(node, ast.Name)}
    simple = {
        name: value
        for name, value in found.values.items()
        if isinstance(value, ast.Constant) and isinstance(value.value, str | int | float)
        if value.value != "" and not isinstance(value.value, bool)
    }
    lines = [f"{name} = {ast.unparse(value)}" for name, value in simple.items()]
    return "\n".join([*lines[:MOST_GIVEN], called]) if inside - simple.keys() else called


def _literal(name: str, value: str) -> dict[str, ast.expr]:
    try:
        ast.literal_eval(value)
        return {name: ast.parse(value, mode="eval").body}
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return {}


class _Values(ast.NodeTransformer):
    """Puts the values of variables into an expression."""

    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._values.get(node.id, node) if isinstance(node.ctx, ast.Load) else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        arguments: list[ast.expr] = []
        for each in node.args:
            spread = isinstance(each, ast.Starred) and isinstance(each.value, ast.List | ast.Tuple)
            arguments += each.value.elts if spread else [each]  # type: ignore[attr-defined]
        node.args = arguments
        return node


def _called(source: str, found: Failure) -> tuple[str, str]:
    """The call with its values, and what was expected; "" for what the module does not tell."""
    called, expected = called_at(source, found.line)
    if not called:
        return "", ""
    called, as_code = _with_values(called, found), expected.strip("`")
    try:
        node = ast.parse(called, mode="eval").body
    except SyntaxError:  # a statement
        return called, expected
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in EXPECTING
        and len(node.args) >= 2
    ):
        return ast.unparse(node.args[0]), f"`{ast.unparse(node.args[1])}`"
    if expected.startswith("`"):
        return called, f"`{_with_values(as_code, found)}`"
    return called, expected


def _with_values(code: str, found: Failure) -> str:
    """Code with the values of its variables. A text alone would be taken for a module's docstring,
    so an expression is parsed as one."""
    for mode in ("eval", "exec"):
        try:
            return ast.unparse(_Values(found.values).visit(ast.parse(code, mode=mode)))
        except SyntaxError:
            continue
    return code


def _without_moment(text: str) -> str:
    """The text without the time of the run, today or at midnight yesterday or tomorrow."""
    now = datetime.now(UTC)
    text = SECONDS.sub(lambda m: "…" if _is_near(now, m[1]) else m[0], text)
    for days in (-1, 0, 1):
        date = (now + timedelta(days=days)).strftime("%Y-%m-%d")
        text = re.sub(rf"{date}(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?", "…", text)
    return text


def _is_near(now: datetime, seconds: str) -> bool:
    return abs(int(seconds) - now.timestamp()) < timedelta(days=2).total_seconds()


def _without_names(text: str, names: Sequence[str]) -> str:
    for name in names:
        text = re.sub(rf"\b{re.escape(name)}\b", "…", text)
    return text


def _shows(text: str, patch: str) -> bool:
    """Whether an added line of the fix stands in a text."""
    lines = (line[1:].strip() for part in parts(patch) for line in part.text.split("\n")[4:]
             if line.startswith("+"))  # fmt: skip
    return any(len(line) >= SHORTEST_LINE and line in text for line in lines)
