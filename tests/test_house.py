"""The folders tell the story: no loose module, a plate on every door, a picture that is true."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("harness", "memory_backends", "seqswe")
ROOMS = [room for top in PACKAGES for room in (ROOT / top).rglob("__init__.py")]
SENT_INSIDE = "inside"
"""Folders of programs that run in a sandbox; they belong to the room around them."""


def test_no_module_of_the_harness_lies_loose():
    assert [p.name for p in (ROOT / "harness").glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_every_room_says_what_it_is_for_and_where_to_start(path):
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    lines = [line for line in text.splitlines() if line.strip()]
    if path.parent.name == SENT_INSIDE or path.parent == ROOT / "seqswe":
        assert lines
        return
    assert 2 <= len(lines) <= 4, text
    assert "tart at" in text
    assert "mport" in text, "what the room may import"


def test_the_picture_is_the_one_of_today():
    drawn = subprocess.run([sys.executable, ROOT / "docs" / "draw_architecture.py", "--check"])
    assert drawn.returncode == 0, "run python docs/draw_architecture.py"
