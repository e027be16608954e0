"""mini-swe-agent, imported without what its import does to a process.

It prints a banner, makes a folder below HOME and loads variables from a file in it. Told of a
folder that exists and holds no such file, it does none of that.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from seqswe import plugins

HERE = {"MSWEA_SILENT_STARTUP": "1", "MSWEA_GLOBAL_CONFIG_DIR": str(Path(__file__).parent)}
CONFIG = "mini.yaml"
"""Of those that it ships: tools are called, and nobody is asked."""


@cache
def module(name: str) -> ModuleType:
    """A module of it by the name below its package. Raises MissingError."""
    before = {variable: os.environ.get(variable) for variable in HERE}
    os.environ.update(HERE)
    try:
        found: ModuleType = plugins.require("minisweagent", "mini", "agent 'mini'")
        if name:
            found = import_module(f"minisweagent.{name}")
    finally:
        for variable, value in before.items():
            if value is None:
                del os.environ[variable]
            else:
                os.environ[variable] = value
    return found


@cache
def config() -> dict[str, Any]:
    """Its own settings: the templates of its messages, and variables of its commands."""
    found: dict[str, Any] = module("config").get_config_from_spec(CONFIG)
    return found


def version() -> str:
    """Its version."""
    return str(module("").__version__)
