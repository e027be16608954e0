"""`seqswe new`: a memory, an agent or an experiment of one's own, which works at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import click

from seqswe.cli.echo import echo, tell
from seqswe.errors import UsageError

MEMORY_TEST = '''"""The memory keeps its contract."""

from seqswe.testing import MemoryContract


class TestOverlap(MemoryContract):
    memory = "memory:Overlap"
    many = 1000
'''
AGENT_TEST = '''"""The agent keeps its contract: the same seed does the same again."""

from seqswe.testing import check_agent, local_sandboxes


def test_it_keeps_the_contract(tmp_path):
    with local_sandboxes(tmp_path) as open_sandbox:
        check_agent("agent:Swapper", open_sandbox)
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What can be begun: its template, the test beside it, and how it is used."""

    template: str
    """Name of a file in `seqswe.templates`; its stem is replaced by the name of what is new."""
    cls: str = ""
    """The class in it, which is replaced as well."""
    test: str = ""
    commands: tuple[str, ...]
    """`{module}` and `{cls}` stand for the new names."""


KINDS: Mapping[str, Kind] = {
    "memory": Kind(
        template="memory.py",
        cls="Overlap",
        test=MEMORY_TEST,
        commands=(
            "python -m pytest -q test_{module}.py",
            "seqswe demo --memory ./{module}.py:{cls}",
        ),
    ),
    "agent": Kind(
        template="agent.py",
        cls="Swapper",
        test=AGENT_TEST,
        commands=(
            "python -m pytest -q test_{module}.py",
            "seqswe demo --agent ./{module}.py:{cls}",
        ),
    ),
    "recipe": Kind(
        template="recipe.toml",
        commands=(
            "seqswe plan --codebase ledgerlite --agent ./{module}.toml",
            "seqswe run --codebase ledgerlite --agent ./{module}.toml --limit 3",
        ),
    ),
    "experiment": Kind(
        template="experiment.toml",
        commands=("seqswe plan --config {module}.toml", "seqswe run --config {module}.toml"),
    ),
}


@click.command("new")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("name")
def new(kind: str, name: str) -> None:
    """Write a memory, an agent or an experiment called NAME into the current folder.

    It works as it stands: a file, its test, and the commands to try it are printed. A `recipe` is
    an agent that is a program of its own.

    \b
    seqswe new memory mine
    seqswe new agent mine
    seqswe new recipe mine
    seqswe new experiment first
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UsageError(
            f"{name!r:.80} is no name of a Python module", "Small letters, digits and _: my_memory."
        )
    chosen = KINDS[kind]
    made = written(chosen, name)
    if there := next((path for path in made if Path(path).exists()), ""):
        raise UsageError(f"{there} is already there", "Choose another name; nothing was written.")
    for path, text in made.items():
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"cannot write {path}: {error.strerror}", "Go to a folder that you may write to."
            ) from None
        echo(path)
    commands = [c.format(module=name, cls=class_name(name)) for c in chosen.commands]
    tell(files=list(made), commands=commands)
    echo()
    for command in commands:
        echo(command)


def written(kind: Kind, name: str) -> dict[str, str]:
    """The files of something new, by name."""
    stem, dot, suffix = kind.template.partition(".")
    text = (files("seqswe.templates") / kind.template).read_text(encoding="utf-8")
    made = {f"{name}{dot}{suffix}": text}
    if kind.test:
        made[f"test_{name}.py"] = kind.test.replace(f'"{stem}:', f'"{name}:')
    if kind.cls:
        return {path: text.replace(kind.cls, class_name(name)) for path, text in made.items()}
    return {path: text.replace(f'"{stem}"', f'"{name}"') for path, text in made.items()}


def class_name(name: str) -> str:
    """`MyMemory` for `my_memory`."""
    return "".join(part.capitalize() for part in name.split("_"))
