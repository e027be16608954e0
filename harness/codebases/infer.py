"""A manifest for a repository that nobody has described: decided from its tree and its history.

Every decision comes with the reason for it, so that a person can correct it in manifest.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.codebases.declarations import declaration_of
from harness.codebases.environment import PYTHONS
from harness.codebases.find_layout import find_layout
from harness.codebases.found import Found
from harness.codebases.licence import licence_of
from harness.codebases.statements.rules import LATEST
from harness.codebases.target import LOCAL, Origin
from harness.history.objects import CommitFiles, Objects
from harness.history.walk import Step
from seqswe.errors import ManifestError, UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import Manifest, Mining, PythonSettings
from seqswe.patterns import NAME

MOST_NAMES = 1_000
"""Codebases of one's own with the same name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inferred:
    """A manifest, and what was decided, in order."""

    manifest: Manifest
    decisions: Mapping[str, Found]

    @property
    def lines(self) -> list[str]:
        """One short line for each decision."""
        width = max(map(len, self.decisions)) + 2
        return [
            f"{name:{width}}{found.value or '-'}: {found.why}"
            for name, found in self.decisions.items()
        ]


def infer(origin: Origin, history: Sequence[Step]) -> Inferred:
    """Decide everything that a manifest says. Raises UsageError if there is no Python in it."""
    changed = {path for step in history for path in step.paths}
    if not any(path.endswith(".py") for path in changed):
        raise UsageError(
            f"{origin.repo} has no Python file in its history",
            "Only codebases in Python can be mined.",
        )
    with Objects(origin.clone) as objects:
        files = CommitFiles(objects, history[-1].commit)
        declared = declaration_of(files, PYTHONS[-1])
        licence = licence_of(files)
        fallback = origin.repo.partition("/")[2]
        package = (declared.name or fallback).replace("-", "_")
        found = find_layout(files, changed, package)
    name = choose_name(origin)
    distribution = (
        Found(value=declared.name, why="the name that the project declares")
        if declared.name
        else Found(value=fallback, why="the repository's name, since none is declared")
    )
    asks = f"the project asks for {declared.python} today" if declared.python else ""
    decisions = {
        "name": name,
        "repository": Found(value=origin.repo, why=f"{origin.found}, {origin.url}"),
        "licence": licence,
        "distribution": distribution,
        **found.reasons,
        "Python": Found(
            value=f"one of {', '.join(PYTHONS)}",
            why="by each task's date and what the project asks for then" + (asks and f"; {asks}"),
        ),
        "dependencies": Found(
            value="dated", why="what base and fix declare, as of the task's quarter"
        ),
    }
    manifest = Manifest(
        name=name.value,
        repo=origin.repo,
        url=origin.url,
        licence=licence.value,
        layout=found.layout,
        python=PythonSettings(dated=True, distribution=distribution.value),
        mining=Mining(statements=LATEST.version),
    )
    return Inferred(manifest=manifest, decisions=decisions)


def choose_name(origin: Origin) -> Found:
    """Name a codebase after its repository, so that no other is called the same."""
    owner, _, repo = origin.repo.lower().partition("/")
    plain = _as_name(repo)
    if not _is_taken(plain, origin):
        return Found(value=plain, why="the repository's name")
    rest = _names(plain, _as_name(f"{owner}-{plain}") if owner != LOCAL else "")
    name = next(name for name in rest if not _is_taken(name, origin))
    return Found(value=name, why=f"another codebase is called {plain}")


def _names(plain: str, longer: str) -> Iterator[str]:
    if longer:
        yield longer
    yield from (f"{plain}-{number}" for number in range(2, MOST_NAMES))


def _as_name(text: str) -> str:
    name = re.sub(r"[^a-z0-9._-]+|\.{2,}", "-", text.lower()).strip("-._")[:80]
    return name if NAME.fits(name) else "codebase"


def _is_taken(name: str, origin: Origin) -> bool:
    """Whether a manifest that ships has this name, or one's own of another repository."""
    if name in manifests.names(manifests.shipped()):
        return True
    folder = manifests.codebases_folder() / name
    return (folder / "manifest.toml").exists() and not describes(folder, origin)


def describes(folder: Path, origin: Origin) -> bool:
    """Whether the manifest in a folder is of this repository."""
    try:
        manifest = manifests.load(str(folder))
    except ManifestError:
        return False
    return (manifest.repo, manifest.url) == (origin.repo, origin.url)
