"""Coding agents that people use, as recipes: how to install, start, read and replay each.

Like every agent, it imports no other room. Start at `recipe.py`, what a recipe states; the TOML
files beside it are those that ship, `agent.py` carries one out.
"""

from harness.agents.recipes.find import RECIPES, find, load
from harness.agents.recipes.recipe import Recipe

__all__ = ["RECIPES", "Recipe", "find", "load"]
