"""The program that a run's agent brings, installed once for every Python of its environments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.agents.recipes import find
from seqswe import plugins
from seqswe.errors import UsageError
from seqswe.experiment import NATIVE, Experiment
from seqswe.sandbox import Environment, Program, SandboxProvider


def program_of(experiment: Experiment) -> Program | None:
    """What the agent brings; None if it brings nothing.

    Raises ManifestError for a file that is no recipe, UsageError for a sandbox that cannot have it.
    """
    recipe = find(experiment.agent)
    program = recipe.program if recipe else None
    if program and not hasattr(plugins.resolve("sandbox", experiment.sandbox), "install"):
        raise UsageError(
            f"agent {experiment.agent!r} brings a program, and --sandbox {experiment.sandbox} "
            "installs none",
            "Choose --sandbox docker.",
        )
    return program


def check_native(experiment: Experiment, *, own_memory: bool) -> None:
    """Raise UsageError if an agent's own memory is to be kept, and cannot be.

    own_memory: whether the agent's class says that it has one.
    """
    if experiment.memory != NATIVE:
        return
    recipe = find(experiment.agent)
    if not own_memory and (recipe is None or recipe.native is None):
        raise UsageError(
            f"agent {experiment.agent!r} has no memory of its own that can be kept",
            "Choose --agent claude-code, or another --memory.",
        )
    if experiment.delivery != "prompt":
        raise UsageError(
            "an agent's own memory lies in its home folder: there is nothing to deliver",
            "Leave out --delivery.",
        )


def is_installed(program: Program, provider: SandboxProvider) -> bool:
    """Whether it is there already, so that installing it takes no time and no network."""
    known = getattr(provider, "installed", None)
    return bool(known(program)) if callable(known) else False


def install(
    program: Program | None, provider: SandboxProvider, environments: Iterable[Environment]
) -> Mapping[str, Path]:
    """Folders of the host by environment, each made if needed. Raises MissingError."""
    if program is None:
        return {}
    given: Any = provider
    return {each.key: given.install(program, each.python) for each in environments}
