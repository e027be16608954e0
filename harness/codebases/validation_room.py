"""Where candidates are proved: sandboxes of their environments, which are repaired on the way.

An environment that lacks a module which tests import gets the distribution that brings it, and one
whose Python is too new an older one, with the reason, a few times at most; what was proved before
that is proved again. An environment in which nothing imports is given up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any

from packaging.utils import canonicalize_name

from harness.codebases.instances import instance_of
from harness.codebases.metadata import Metadata
from harness.codebases.missing import distributions_for
from harness.codebases.older_python import older_python_for
from harness.codebases.pytest_plugins import GROUP, plugins_among, pytest_plugins_of
from harness.codebases.statements.issues import Issue
from harness.codebases.validate import Validation, validate
from harness.grading import Grader
from harness.grading.patch import paths_of
from harness.history import Checkouts
from harness.history.git import Clone
from seqswe.errors import MissingError, RolloutError
from seqswe.instance import Instance, digest_of
from seqswe.manifests.manifest import InstanceRecord, Manifest
from seqswe.sandbox import Environment, Limits, Sandbox, SandboxProvider, SandboxSpec

REPAIRS = 2
"""Times that an environment may be given what it lacks."""
ENOUGH = 4
"""Candidates of an environment after which it may be given up."""
BROKEN = re.compile(r"^with gold: \d+ of \d+ test modules do not import")


@dataclass(kw_only=True)
class ValidationRoom:
    """What proving the candidates of one codebase needs. Safe between threads."""

    manifest: Manifest
    clone: Clone
    checkouts: Checkouts
    provider: SandboxProvider
    scratch: Path
    issues: Mapping[int, Issue]
    keep: Callable[[tuple[Environment, ...]], None] = lambda environments: None
    """Called with all environments when one was resolved or repaired, so that a kill loses none."""
    repairs: int = REPAIRS
    """Times that each environment may be given what it lacks."""
    environments: dict[str, Environment] = field(default_factory=dict)
    _repairs: Counter[str] = field(default_factory=Counter)
    _proved: Counter[str] = field(default_factory=Counter)
    _broken: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.environments = {e.key: e for e in self.manifest.environments}
        self._metadata = Metadata(self.clone)
        self._numbers = count()

    def prove(self, record: InstanceRecord) -> Validation:
        """Prove one candidate; trouble of the sandbox or the environment is a problem too."""
        key = record.environment
        if self._broken[key] > max(ENOUGH, self._proved[key]) / 3 and self._proved[key] >= ENOUGH:
            why = f"its environment {key} is broken: {self._broken[key]} of {self._proved[key]}"
            return Validation(record=record, problem=f"{why} do not import with gold")
        try:
            instance = instance_of(self.clone, self.manifest, record, self.issues)
            if written := self._written_by_both(instance):
                return Validation(
                    record=record, problem=f"a build writes {written} before gold adds it"
                )
            result = self._validated(record, instance)
            while result.missing and result.problem and self._repaired(key, result, instance):
                result = self._validated(record, instance)
        except RolloutError as error:
            problem = " ".join(f"{error.cause}: {error.message}".split())[:200]
            return Validation(record=record, problem=problem, state=self.state(key))
        except MissingError as error:
            return Validation(record=record, problem=f"environment: {error.message}"[:200])
        with self._lock:
            self._proved[key] += 1
            self._broken[key] += bool(BROKEN.match(result.problem))
        return result

    def state(self, key: str) -> str:
        """A digest of what an environment holds: what was proved with another is proved again."""
        environment = self.environments.get(key)
        return _state_of(environment) if environment else ""

    def open(self, instance: Instance, environment: Environment | None = None) -> Sandbox:
        """A fresh sandbox as the instance's agent would be given."""
        environment = environment or self.environment(instance.environment)
        folder = self.scratch / f"{instance.instance_id}.{next(self._numbers)}"
        spec = SandboxSpec(
            environment=environment,
            checkout=self.checkouts.checkout(instance, folder),
            limits=Limits(),
            labels={"run": "validate", "task": instance.instance_id},
            project=self._metadata.files(instance.base_commit, environment),
            generated=self._metadata.generated(instance.base_commit, environment),
        )
        return self.provider.open(spec)

    def environment(self, key: str) -> Environment:
        """An environment with its lock and plug-ins, resolved when it is first needed."""
        with self._lock:
            environment = self.environments.get(key) or self.manifest.environment(key)
            if not environment.lock:
                environment = self._keep(self._resolved(environment))
            return environment

    def close(self) -> None:
        """End what reads the clone."""
        self._metadata.close()

    def _written_by_both(self, instance: Instance) -> str:
        """A file of the fix that is in the sandbox already, as a build would have left it.

        No patch can add it, and it is in no patch of an agent.
        """
        environment = self.manifest.environment(instance.environment)
        made = self._metadata.generated(instance.base_commit, environment)
        return next((p for p in paths_of(instance.patch + instance.test_patch) if p in made), "")

    def _validated(self, record: InstanceRecord, instance: Instance) -> Validation:
        environment = self.environment(record.environment)  # another thread may repair it meanwhile
        grader = Grader(
            layout=self.manifest.layout,
            tests=self.manifest.tests,
            environments={environment.key: environment},
        )
        project = self._metadata.project(instance.base_commit, environment.distribution)
        result = validate(
            record,
            instance,
            grader,
            lambda: self.open(instance, environment),
            plugins_among(project.entry_points.get(GROUP, {}).items()),
        )
        return replace(result, state=_state_of(environment))

    def _resolved(self, environment: Environment) -> Environment:
        resolve: Any = getattr(self.provider, "resolve", None)
        packages: Any = getattr(self.provider, "packages", None)
        if resolve is None or packages is None:  # it installs what is required as it likes
            return environment
        resolution = resolve(environment)
        changes = (*environment.changes, *resolution.changed)
        whole = replace(environment, lock=resolution.lock, changes=tuple(dict.fromkeys(changes)))
        return replace(whole, plugins=pytest_plugins_of(packages(whole)))

    def _repaired(self, key: str, result: Validation, instance: Instance) -> bool:
        """Whether the environment is another one than when the candidate was tried in it."""
        distribution = self.environments[key].distribution
        own = self._metadata.project(instance.base_commit, distribution).packages
        with self._lock:
            environment = self.environments[key]
            if _state_of(environment) != result.state:  # repaired for another candidate
                return True
            known = _names(environment)
            wanted = {
                name: f"{name} is added: {why} is missing"
                for name, why in distributions_for(result.missing, own).items()
                if canonicalize_name(name) not in known
            }
            older, why = older_python_for(result.missing, environment.python)
            spent = self._repairs[key] >= self.repairs
            if spent or environment.cutoff == "" or not (wanted or older):
                return False
            self._repairs[key] += 1
            more = replace(
                environment,
                python=older or environment.python,
                lock=(),
                plugins=(),
                requirements=tuple(sorted({*environment.requirements, *wanted})),
                changes=(*environment.changes, *wanted.values(), *([why] if older else [])),
            )
            self._keep(self._resolved(more))
        return True

    def _keep(self, environment: Environment) -> Environment:
        if self.environments.get(environment.key) != environment:
            self.environments[environment.key] = environment
            self.keep(tuple(self.environments.values()))
        return environment


def _state_of(environment: Environment) -> str:
    return digest_of(repr(environment))[7:19]


def _names(environment: Environment) -> set[str]:
    """Distributions that an environment holds, or that were left out of it."""
    entries = (*environment.requirements, *environment.lock, *environment.changes)
    return {canonicalize_name(re.split(r"[=<>!~\[; ]", entry)[0]) for entry in entries}
