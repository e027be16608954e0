"""What a commit does to Python code, as its syntax trees tell: perhaps nothing that a test sees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from harness.codebases.python_2 import Python2, syntax_tree
from harness.grading.layout import is_source, is_test_module
from harness.grading.patch import Part, parts
from harness.history.objects import Objects
from harness.history.walk import Change, Step
from seqswe.manifests.manifest import Layout

LAYOUT = re.compile(r"#.*|\b[uUrRbBfF]+(?=['\"])|\W")
"""What formatters change: comments, prefixes of strings, spaces, quotes, commas and brackets."""


def no_test_tells(
    objects: Objects, early: Python2, step: Step, patch: str, test_patch: str, layout: Layout
) -> str:
    """Why no test can tell the fix of a commit, as far as its code says; "" if one might.

    patch, test_patch: the commit's change of source and of tests.
    """
    changes = {change.path: change for change in step.changes}
    sides = (
        (patch, is_source(layout), "source"),
        (test_patch, is_test_module(layout), "tests"),
    )
    for text, counts, what in sides:
        found = [(part, changes[part.paths[0]]) for part in parts(text)]
        modules = [change for part, change in found if counts(part.paths[0])]
        if early.needed(step, modules):
            return "is written in a Python that no environment has"
        if found and all(_only_layout(objects, part, change) for part, change in found):
            return f"changes only comments and layout of {what}"
    return ""


def _only_layout(objects: Objects, part: Part, change: Change) -> bool:
    """Whether a file's syntax tree is the same before and after."""
    if not change.path.endswith(".py") or change.status != "M" or len(change.blobs) != 2:
        return False
    sides = ["".join(LAYOUT.sub("", line) for line in _lines(part, sign)) for sign in "-+"]
    if sides[0] != sides[1]:  # most end here, without reading whole files
        return False
    before, after = (syntax_tree(objects.read(blob)) for blob in change.blobs)
    return before is not None and after is not None and ast.dump(before) == ast.dump(after)


def _lines(part: Part, sign: str) -> Iterator[str]:
    inside = False
    for line in part.text.split("\n"):
        inside = inside or line.startswith("@@")
        if inside and line.startswith(sign):
            yield line[1:]
