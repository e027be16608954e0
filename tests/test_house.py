"""The folders tell the story: no loose module, a plate on every door, a picture that is true."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import seqswe
from harness.codebases.environment import PYTHONS

ROOT = Path(__file__).parents[1]
PACKAGES = ("harness", "memory_backends", "seqswe")
ROOMS = [room for top in PACKAGES for room in (ROOT / top).rglob("__init__.py")]
SENT_INSIDE = "inside"
"""Folders of programs that run in a sandbox; they belong to the room around them."""
IN_EVERY_SANDBOX = (
    *(
        ROOT / "harness" / "sandboxes" / f"{name}.py"
        for name in ("namespaces", "relay", "supervisor")
    ),
    *(
        path
        for path in (ROOT / "harness").rglob(f"{SENT_INSIDE}/*.py*")
        if path.suffix in (".py", ".txt") and "repair" not in path.parts
    ),
)
"""All that runs on the Python of a task's environment; of the agents `repair` alone needs 3.11."""


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


@pytest.mark.parametrize("path", IN_EVERY_SANDBOX, ids=lambda path: path.name)
def test_what_runs_in_a_sandbox_is_read_by_the_oldest_python(path):
    oldest = tuple(map(int, PYTHONS[0].split(".")))
    assert oldest < sys.version_info[:2]
    ast.parse(path.read_text(), feature_version=oldest)


def test_the_picture_is_the_one_of_today():
    drawn = subprocess.run([sys.executable, ROOT / "docs" / "draw_architecture.py", "--check"])
    assert drawn.returncode == 0, "run python docs/draw_architecture.py"


SAYS = ("cli/echo.py", "cli/compare.py", "cli/progress.py")
"""Where text reaches the terminal: escaped, as JSON, or beside a live bar."""
PARSES = (
    "manifests/read.py",  # files of a user
    "declarations/pyproject.py",  # of a codebase that is mined: what is wrong is told, not raised
    *("agents/command.py", "repair/agent.py", "delivery/deliver.py", "sandboxes/channel.py"),
    *("sandboxes/supervisor.py", "sandboxes/uploaded.py"),
    "injection/workbench.py",  # what a sandbox answers
    *("gateway/wire.py", "gateway/forward.py"),  # what a provider answers, and its copy
    "sandboxes/interpreters.py",  # what an interpreter says of itself
    *("plugin_host/fork_server.py", "plugin_host/wire.py", "plugin_host/server.py"),  # of a plug-in
)


def modules():
    for path in (p for top in PACKAGES for p in (ROOT / top).rglob("*.py")):
        if SENT_INSIDE not in path.parts and "testing" not in path.parts:
            yield path, ast.parse(path.read_text())


def calls(tree):
    return [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def test_one_function_writes_to_the_terminal():
    writes = {"click.echo", "click.secho", "print", "sys.stdout.write", "sys.stderr.write"}
    for path, tree in modules():
        if not path.as_posix().endswith(SAYS):
            assert not writes & set(calls(tree)), path


def test_one_module_parses_the_files_of_a_user():
    parses = {"json.load", "json.loads", "tomllib.load", "tomllib.loads"}
    for path, tree in modules():
        if not path.as_posix().endswith(PARSES):
            assert not parses & set(calls(tree)), path


@pytest.mark.parametrize(
    "path", sorted((ROOT / "harness" / "adapters").glob("*.py")), ids=lambda p: p.name
)
def test_a_door_to_another_framework_is_one_short_file(path):
    assert len(path.read_text().splitlines()) <= 200


def test_what_openenv_reads_names_the_version_and_an_application_that_there_is():
    module = ROOT / "harness" / "adapters" / "openenv.py"
    about = yaml.safe_load(module.with_suffix(".yaml").read_text())
    name, _, attribute = about["app"].partition(":")
    assert (about["version"], name) == (seqswe.__version__, "harness.adapters.openenv")
    functions = [
        n for n in ast.walk(ast.parse(module.read_text())) if isinstance(n, ast.FunctionDef)
    ]
    assert attribute in {function.name for function in functions}
