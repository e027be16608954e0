"""Recipes by name, or by the path of a file of one's own."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from harness.agents.recipes.recipe import Recipe
from seqswe.errors import ManifestError
from seqswe.manifests.convert import parse
from seqswe.manifests.read import read_text, read_toml
from seqswe.visible import one_line

SUFFIX = ".toml"
RECIPES = ("aider", "claude-code", "codex", "gemini-cli", "opencode", "qwen-code")
"""Those that ship."""
SCRIPT_BYTES = 1_000_000


def find(agent: str) -> Recipe | None:
    """The recipe that an agent's name stands for; None for an agent that is not one.

    Raises ManifestError for a file that is no recipe.
    """
    if agent in RECIPES:
        return load(Path(str(files("harness.agents.recipes") / f"{agent}{SUFFIX}")))
    return load(Path(agent)) if agent.endswith(SUFFIX) else None


@cache
def load(path: Path) -> Recipe:
    """Read a recipe. Raises ManifestError, which names the file and the field."""
    data = read_toml(path, "a recipe, such as ./mine.toml")
    try:
        recipe = parse(Recipe, data, str(path))
    except ManifestError as error:
        hint = error.hint.replace("docs/formats.md", "docs/agents.md")
        raise ManifestError(error.message, one_line(hint)) from None
    scripts = {name: _script(path.parent, name) for name in recipe.scripts}
    return replace(recipe, files={**scripts, **recipe.files})


def _script(folder: Path, name: str) -> str:
    """A text beside the recipe, spelled so that no placeholder is seen in it."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ManifestError(f"{path} leads out of the recipe's folder", "Put the file beside it.")
    return read_text(path, SCRIPT_BYTES, f"Put {name} beside the recipe.").replace("$", "$$")
