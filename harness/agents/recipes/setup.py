"""What a recipe becomes for one task: arguments, variables and files, with every value put in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import tomli_w

from harness.agents.recipes.placeholders import fill
from harness.agents.recipes.recipe import Addition, Recipe
from seqswe.agent import GATEWAY_MODEL, GATEWAY_TOKEN, GATEWAY_URL
from seqswe.instance import Task
from seqswe.sandbox import PROGRAMS

FOLDER = ".seqswe"
"""Below HOME, so that none of it is ever part of the patch."""
MEMORY_FILE = f"{FOLDER}/instructions.md"
"""Where delivery as a file puts the recall for agents without a file of their own."""
PROMPT_FILE = f"{FOLDER}/prompt.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything that is handed to the program."""

    command: list[str]
    environment: dict[str, str]
    files: dict[str, str]
    """By path below HOME."""
    transcript: str
    """A pattern of files, or `stdout`."""


def way_of(given: Mapping[str, str], *, has_file: bool) -> str:
    """By which way the memory was delivered.

    given: variables of the delivery; has_file: whether the memory's instruction file is there.
    """
    if "SEQSWE_MEMORY_MCP" in given:
        return "mcp"
    if "SEQSWE_MEMORY_DIR" in given:
        return "folder"
    return "file" if has_file else "prompt"


def values_of(
    task: Task, seed: int, given: Mapping[str, str], home: str, checkout: str
) -> dict[str, str]:
    """A value for every placeholder but `prompt`."""
    return {
        "program": PROGRAMS,
        "home": home,
        "checkout": checkout,
        "prompt_file": f"{home}/{PROMPT_FILE}",
        "model": given.get(GATEWAY_MODEL, ""),
        "gateway": given.get(GATEWAY_URL, ""),
        "token": given.get(GATEWAY_TOKEN, ""),
        "session": str(uuid5(NAMESPACE_URL, f"seqswe:{task.instance_id}:{seed}")),
        "memory_command": given.get("SEQSWE_MEMORY_COMMAND", ""),
        "memory_config": given.get("SEQSWE_MEMORY_MCP", ""),
        "memory_file": f"{home}/{MEMORY_FILE}",
    }


def set_up(recipe: Recipe, way: str, values: Mapping[str, str]) -> Setup:
    """Put the values into a recipe, with what one way of delivery adds."""
    addition = recipe.memory.get(way, Addition())
    files = _merged(recipe.files, addition.files)
    arguments: list[str] = fill([*recipe.command, *addition.arguments], values)
    return Setup(
        command=arguments,
        environment=fill({**recipe.environment, **addition.environment}, values),
        files={path: _written(path, fill(content, values)) for path, content in files.items()},
        transcript=fill(recipe.transcript.source, values),
    )


def _merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Tables merged, key by key; of anything else the second one counts."""
    merged = dict(base)
    for name, value in more.items():
        old = merged.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(old or {}, value) if both else value
    return merged


def _written(path: str, content: Any) -> str:
    if isinstance(content, str):
        return content
    if path.endswith(".toml"):
        return tomli_w.dumps(content)
    return json.dumps(content, indent=2) + "\n"
