"""What run, plan and demo do before anything else: settings, the folder, unknown variables."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from itertools import count
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from seqswe.cli.echo import echo
from seqswe.cli.options import sources
from seqswe.experiment import Experiment, settings
from seqswe.plugins import without_folder

DEMO: Mapping[str, Any] = {
    "codebase": "ledgerlite-injected",
    "agent": "repair",
    "memory": "episodic",
    "memory_option": ("k=100",),
    "feedback": "none",
}
"""The demo's experiment, where it differs from the defaults: docs/candle.md says how it came."""
NAMING = ("codebase", "agent", "memory", "agent_option", "memory_option")
"""Settings of which none is given if somebody just types `seqswe run`."""
PREFIX = "SEQSWE_"
OTHERS = (
    *("CACHE", "CODEBASES", "TRACEBACK", "CONFIG", "OUT", "QUIET", "VERBOSE", "JSON"),
    *("MIRRORS", "REQUIRE_DOCKER", "REQUIRE_CHROMIUM", "SOURCES", "ENGINE_STATE"),
)
"""Variables that somebody reads, and that are no settings."""


def out_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--out`."""
    return click.option(
        "--out",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="New folder for the run; by default runs/CODEBASE-AGENT-MEMORY-1, or the next free.",
    )(command)


def free_folder(experiment: Experiment) -> Path:
    """The first folder below `runs` that no run of this codebase, agent and memory has."""
    agent, memory = map(short_name, (experiment.agent, experiment.memory))
    name = f"{Path(experiment.codebase).name}-{agent}-{memory}"
    return next(p for n in count(1) if not (p := Path("runs", f"{name}-{n}")).exists())


def short_name(plugin: str) -> str:
    """A plug-in's name as a part of a folder's: `mine-Thing` for `./mine.py:Thing`."""
    name = without_folder(plugin).replace(".py:", "-")
    return re.sub(r"[^\w.-]+", "-", Path(name).name.removesuffix(".toml"))


def with_demo(
    ctx: click.Context, values: Mapping[str, Any], *, always: bool = False
) -> tuple[dict[str, Any], dict[str, str]]:
    """Settings and where each came from; if nothing is named, those of the demo's experiment.

    always: take them for whatever is not given. Options of a memory are for the demo's own.
    """
    origin = sources(ctx)
    given = [name for name in NAMING if origin[name] != "default"]
    if given and not always:
        return dict(values), origin
    demo = {name: value for name, value in DEMO.items() if origin[name] == "default"}
    if "memory" in given:
        demo.pop("memory_option", None)
    return {**values, **demo}, {**origin, **dict.fromkeys(demo, "demo")}


def given_on_command_line(ctx: click.Context, name: str) -> bool:
    """Whether somebody chose the value of an option."""
    return ctx.get_parameter_source(name) not in (None, ParameterSource.DEFAULT)


def warn_of_unknown_variables(experiment: Experiment) -> None:
    """Say which SEQSWE_ variables nobody reads: a typing error would else go unheard."""
    known = {PREFIX + name for name in (*map(str.upper, settings()), *OTHERS)}
    known |= {*experiment.plugin_env, experiment.memory_model_key}
    for name in sorted(n for n in os.environ if n.startswith(PREFIX) and n not in known):
        close = get_close_matches(name, known, n=1)
        did = f"; did you mean {close[0]}?" if close else ""
        echo(f"warning: the environment variable {name} is no setting{did}", err=True)
