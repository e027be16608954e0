"""The sequence that settings choose: manifest, clone and instances, for those who run nothing."""

from __future__ import annotations

from dataclasses import dataclass

from harness.codebases.instances import instances_of
from harness.codebases.locate import clone_of
from harness.codebases.statements.issues import load_issues
from harness.history.git import Clone
from seqswe.experiment import Experiment
from seqswe.instance import Instance
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import Manifest

SETTINGS = (
    *("codebase", "mirror", "issues", "limit"),
    *("statement", "max_leak", "novelty", "spacing", "span"),
)
"""Settings that a sequence follows from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """The tasks that a run with the same settings would have, in order."""

    manifest: Manifest
    clone: Clone
    instances: tuple[Instance, ...]

    @classmethod
    def of(cls, experiment: Experiment) -> Sequence:
        """Load it. Raises what is wrong with the settings or missing here."""
        manifest = experiment.selection.of(manifests.load(experiment.codebase))
        clone = clone_of(manifest, experiment.mirror)
        records = manifest.instances[: experiment.limit or None]
        issues = load_issues(experiment.issues)
        instances = instances_of(clone, manifest, records, issues, experiment.statement)
        return cls(manifest=manifest, clone=clone, instances=tuple(instances))
