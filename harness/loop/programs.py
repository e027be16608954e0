"""The program that a run's agent brings, installed once for every Python of its environments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.agents.recipes import find
from seqswe import plugins
from seqswe.errors import UsageError
from seqswe.experiment import Experiment
from seqswe.sandbox import Environment, Program, SandboxProvider


def program_of(experiment: Experiment) -> Program | None:
    """What the agent brings; None if it brings nothing.

    Raises ManifestError for a file that is no recipe, UsageError for a sandbox that cannot have it.
    """
    recipe = find(experiment.agent)
    program = recipe.program if recipe else None
    sandbox = plugins.resolve("sandbox", experiment.sandbox)
    if program and not hasattr(sandbox, "install"):
        raise UsageError(
            f"agent {experiment.agent!r} brings a program, and --sandbox {experiment.sandbox} "
            "installs none",
            "Choose --sandbox docker.",
        )
    return program


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
