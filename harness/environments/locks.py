"""Exact versions for environments that have none yet, remembered in the user's cache."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from harness.environments.resolve import RULES, Build, Resolution, resolve
from seqswe.errors import ManifestError
from seqswe.instance import digest_of
from seqswe.manifests.convert import parse
from seqswe.manifests.read import read_json
from seqswe.manifests.write import write_whole
from seqswe.runs.folders import cache_folder
from seqswe.sandbox import Environment


def locked(environment: Environment, build: Build | None = None) -> Environment:
    """The environment with a lock: its own, else one that is resolved now and kept."""
    if environment.lock:
        return environment
    return replace(environment, lock=resolution_of(environment, build).lock)


def resolution_of(environment: Environment, build: Build | None = None) -> Resolution:
    """Resolve the requirements of an environment, or read what was resolved before.

    Raises MissingError if they cannot be resolved.
    """
    if kept := kept_resolution(environment):
        return kept
    resolution = resolve(
        environment.requirements,
        environment.python,
        environment.cutoff,
        environment.distribution,
        build,
    )
    keep(environment, resolution)
    return resolution


def kept_resolution(environment: Environment) -> Resolution | None:
    """What was resolved before; None if nothing was, or if what was kept is damaged."""
    path = _path(environment)
    try:
        return parse(Resolution, read_json(path, ""), path.name)
    except ManifestError:
        return None


def keep(environment: Environment, resolution: Resolution) -> None:
    """Remember what the requirements of an environment were resolved to."""
    data = {"lock": resolution.lock, "changed": resolution.changed}
    write_whole(_path(environment), json.dumps(data))


def _path(environment: Environment) -> Path:
    parts = (RULES, environment.python, environment.cutoff, environment.distribution)
    name = digest_of("\n".join([*parts, *environment.requirements]))[7:23]
    return cache_folder() / "locks" / f"{environment.key}-{name}.json"
