"""A study: the runs of one suite in one folder, a run directory for each of its codebases.

study.toml     the suite with its digest, and the settings that all runs share
<codebase>/    a run directory (`store.py`), once it is begun
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from seqswe import __version__
from seqswe.errors import BudgetError, RunDirError, UsageError
from seqswe.experiment import Experiment, affecting
from seqswe.instance import digest_of_fields
from seqswe.manifests.convert import parse
from seqswe.manifests.manifest import Manifest
from seqswe.manifests.read import is_there, read_toml
from seqswe.manifests.suites import Member, Suite, load_suite
from seqswe.patterns import DIGEST
from seqswe.runs.extend import widened
from seqswe.runs.model_requests import ModelRequests
from seqswe.runs.store import RunDirectory

FILE = "study.toml"
CHOSEN = ("codebase", "max_leak", "novelty", "spacing", "span")
"""Settings that say which tasks are run: a suite says it already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyInfo:
    """study.toml."""

    suite: str
    """Its name with its version."""
    suite_digest: Annotated[str, DIGEST]
    experiment: Experiment
    """The settings that all runs share; its codebase says nothing."""
    seqswe: str = __version__

    def data(self) -> dict[str, Any]:
        """What the file holds, with a digest over it."""
        data = {
            "suite": self.suite,
            "suite_digest": self.suite_digest,
            "seqswe": self.seqswe,
            "experiment": self.experiment.as_dict(),
        }
        return {"digest": digest_of_fields(data), **data}


@dataclass(frozen=True, kw_only=True)
class Study:
    """A folder with the runs of a suite."""

    root: Path
    suite: Suite
    info: StudyInfo

    @staticmethod
    def is_one(root: Path) -> bool:
        """Whether a folder holds a study."""
        return is_there(root / FILE)

    @classmethod
    def of(cls, root: Path, suite: Suite, experiment: Experiment) -> Study:
        """A study that is to be; nothing is written. Raises as `manifests` does."""
        study = cls(
            root=root,
            suite=suite,
            info=StudyInfo(suite=suite.label, suite_digest=suite.digest, experiment=experiment),
        )
        study.manifests()
        return study

    @classmethod
    def open(cls, root: Path) -> Study:
        """Open a study. Raises RunDirError where it is damaged or its suite is another here."""
        path = root / FILE
        data = read_toml(path, "a study.toml")
        fields = {name: value for name, value in data.items() if name != "digest"}
        info = parse(StudyInfo, fields, str(path))
        if data.get("digest") != digest_of_fields(fields):
            raise RunDirError(f"{path} was changed after it was written", "Restore it from a copy.")
        suite = load_suite(info.suite)
        if suite.digest != info.suite_digest:
            raise RunDirError(
                f"{root} was begun with another {info.suite} than is installed here",
                "Use the SeqSWE that it was begun with.",
            )
        return cls(root=root, suite=suite, info=info)

    def save(self) -> None:
        """Write study.toml. Raises RunDirError."""
        import tomli_w

        try:
            self.root.mkdir(parents=True, exist_ok=True)
            partial = self.root / f"{FILE}.new"
            partial.write_text(tomli_w.dumps(self.info.data()), encoding="utf-8")
            partial.replace(self.root / FILE)
        except OSError as error:
            raise RunDirError(
                f"cannot write {self.root}: {error.strerror}", "Choose an --out that you may write."
            ) from None

    def widened(self, given: Mapping[str, Any]) -> Study:
        """The same with settings of a `resume`. Raises UsageError, RunDirError."""
        old = self.info.experiment
        check_chosen(given)
        new = widened(old, given)
        for name in sorted(affecting("outcome")):
            if getattr(old, name) != getattr(new, name):
                raise RunDirError(
                    f"{self.root} was begun with {name} {getattr(old, name)!r:.80}",
                    "Resume with the same, or choose another --out.",
                )
        return replace(self, info=replace(self.info, experiment=new))

    def folder(self, member: Member) -> Path:
        """The run directory of one codebase."""
        return self.root / member.codebase

    def runs(self) -> list[Path]:
        """The run directories that are begun, in the suite's order."""
        folders = [self.folder(member) for member in self.suite.members]
        return [folder for folder in folders if is_there(folder / "run.toml")]

    def manifests(self) -> dict[str, Manifest]:
        """The manifest of every codebase by its name.

        Raises ManifestError where one is not as released, UsageError where tasks of it cannot be
        told by the kind of statement that was chosen.
        """
        found = {m.codebase: self.suite.manifest(m) for m in self.suite.members}
        kind = self.info.experiment.statement
        for name, manifest in found.items():
            records = manifest.instances
            told = sum(kind != "symptom" or "symptom" in record.digests for record in records)
            if told < len(records):
                raise UsageError(
                    f"{len(records) - told} of {len(records)} tasks of {self.suite.label}/{name} "
                    "have no symptom",
                    "A suite is run whole: choose another --statement, or --codebase "
                    f"{self.suite.label}/{name}.",
                )
        return found

    def experiment(self, member: Member) -> Experiment:
        """The settings of one codebase's run; budgets are what the other runs have left.

        Raises BudgetError where nothing is left.
        """
        shared = self.info.experiment
        others = [self.folder(m) for m in self.suite.members if m is not member]
        charged = [ModelRequests(folder).charged() for folder in others]
        cost = shared.max_cost - sum(usd for usd, _, _ in charged)
        tokens = shared.max_tokens - sum(count for _, count, _ in charged)
        for name, most, left in (
            ("max_cost", shared.max_cost, cost),
            ("max_tokens", shared.max_tokens, tokens),
        ):
            if most and left <= 0:
                raise BudgetError(
                    f"the study has used its {name} of {most:,g}",
                    f"Go on with `seqswe resume {self.root}` and a larger "
                    f"--{name.replace('_', '-')}.",
                )
        return replace(
            shared,
            codebase=self.suite.codebase(member),
            max_cost=cost if shared.max_cost else 0.0,
            max_tokens=tokens if shared.max_tokens else 0,
        )

    def is_finished(self, member: Member) -> bool:
        """Whether a codebase's run has all the rollouts that its own settings and these plan."""
        folder = self.folder(member)
        if not is_there(folder / "run.toml"):
            return False
        store = RunDirectory.open(folder)
        own, shared = store.info.experiment, self.info.experiment
        planned = sum(map(len, store.info.planned().values()))
        graded = sum(rollout.graded for rollout in store.journal().rollouts)
        same = all(getattr(own, name) == getattr(shared, name) for name in affecting("selection"))
        return same and graded == planned


def check_chosen(given: Collection[str]) -> None:
    """Raise UsageError for a setting that would choose other tasks than the suite's."""
    if wrong := next((name for name in CHOSEN if name in given), ""):
        raise UsageError(
            f"a suite says which tasks are run, and {wrong} is given as well",
            f"Leave out --{wrong.replace('_', '-')}, or give --codebase SUITE/CODEBASE alone.",
        )
