"""The project's own metadata in the sandboxes of its tasks, when they are proved and when run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from harness.codebases.project import Project, project_of, version_from_tags
from harness.history.git import Clone
from harness.history.objects import CommitFiles, Objects
from seqswe.sandbox import Environment


class Metadata:
    """Reads metadata at the commits of a clone. Close it after use."""

    def __init__(self, clone: Clone) -> None:
        self._clone, self._objects = clone, Objects(clone)
        self._cached = lru_cache(maxsize=64)(self._project)

    def project(self, commit: str, distribution: str) -> Project:
        """Name, version, entry points and packages of the project at a commit."""
        return self._cached(commit, distribution)

    def files(self, commit: str, environment: Environment) -> dict[str, str]:
        """What an installation of the project would have left, path → text.

        Nothing for an environment without a date: its tasks were proved without.
        """
        if not environment.cutoff:
            return {}
        return self.project(commit, environment.distribution).files()

    def generated(self, commit: str, environment: Environment) -> Mapping[str, str]:
        """What a build of the project would have written into the checkout, path → text."""
        if not environment.cutoff:
            return {}
        return self.project(commit, environment.distribution).generated

    def close(self) -> None:
        """End the process that reads the clone."""
        self._objects.close()

    def _project(self, commit: str, distribution: str) -> Project:
        version = version_from_tags(self._clone, commit, distribution)
        return project_of(CommitFiles(self._objects, commit), distribution, version)
