"""A study: the runs of a suite or of a matrix of settings in one folder, a run directory for each.

study.toml     the suite with its digest or the matrix, and the settings that all runs share
<part>/        a run directory (`store.py`), once it is begun
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from seqswe import __version__
from seqswe.arms import BASELINE
from seqswe.errors import BudgetError, RunDirError, UsageError
from seqswe.experiment import Experiment, Plan, affecting, make_plan
from seqswe.instance import digest_of_fields
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.convert import parse
from seqswe.manifests.manifest import Manifest
from seqswe.manifests.read import is_there, read_toml
from seqswe.manifests.suites import Suite, load_suite
from seqswe.manifests.write import write_whole
from seqswe.patterns import DIGEST
from seqswe.runs.extend import widened
from seqswe.runs.lending import OF_MEMORY
from seqswe.runs.matrix import Matrix, Part, parts_of
from seqswe.runs.model_requests import ModelRequests
from seqswe.runs.store import RunDirectory, RunInfo

FILE = "study.toml"
CHOSEN = ("codebase", "max_leak", "novelty", "spacing", "span")
"""Settings that say which tasks are run: a suite says it already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyInfo:
    """study.toml."""

    suite: str = ""
    """Its name with its version; "" where a matrix names the codebases."""
    suite_digest: Annotated[str, DIGEST] = ""
    matrix: Matrix = field(default_factory=dict)
    experiment: Experiment
    """The settings that all runs share; what the suite or the matrix sets says nothing."""
    seqswe: str = __version__

    def data(self) -> dict[str, Any]:
        """What the file holds, with a digest over it."""
        suite = {"suite": self.suite, "suite_digest": self.suite_digest} if self.suite else {}
        matrix = {"matrix": {axis: list(values) for axis, values in self.matrix.items()}}
        data = {
            **suite,
            **(matrix if self.matrix else {}),
            "seqswe": self.seqswe,
            "experiment": self.experiment.as_dict(),
        }
        return {"digest": digest_of_fields(data), **data}


@dataclass(frozen=True, kw_only=True)
class Study:
    """A folder with runs that belong together."""

    root: Path
    info: StudyInfo
    parts: tuple[Part, ...]
    suite: Suite | None = None

    @staticmethod
    def is_one(root: Path) -> bool:
        """Whether a folder holds a study."""
        return is_there(root / FILE)

    @classmethod
    def of_suite(cls, root: Path, suite: Suite, experiment: Experiment) -> Study:
        """A study that is to be; nothing is written. Raises as `manifests` does."""
        info = StudyInfo(suite=suite.label, suite_digest=suite.digest, experiment=experiment)
        study = cls._with(root, info, suite)
        study.manifests()
        return study

    @classmethod
    def of_matrix(cls, root: Path, matrix: Matrix, experiment: Experiment) -> Study:
        """A study that is to be; nothing is written. Raises UsageError, ManifestError."""
        study = cls._with(root, StudyInfo(matrix=matrix, experiment=experiment), None)
        study.manifests()
        return study

    @classmethod
    def _with(cls, root: Path, info: StudyInfo, suite: Suite | None) -> Study:
        if suite:
            parts = tuple(
                Part(name=m.codebase, settings={"codebase": suite.codebase(m)})
                for m in suite.members
            )
        else:
            parts = parts_of(info.matrix)
        return cls(root=root, info=info, parts=parts, suite=suite)

    @classmethod
    def open(cls, root: Path) -> Study:
        """Open a study. Raises RunDirError where it is damaged or its suite is another here."""
        path = root / FILE
        data = read_toml(path, "a study.toml")
        fields = {name: value for name, value in data.items() if name != "digest"}
        info = parse(StudyInfo, fields, str(path))
        if data.get("digest") != digest_of_fields(fields):
            raise RunDirError(f"{path} was changed after it was written", "Restore it from a copy.")
        suite = load_suite(info.suite) if info.suite else None
        if suite and suite.digest != info.suite_digest:
            raise RunDirError(
                f"{root} was begun with another {info.suite} than is installed here",
                "Use the SeqSWE that it was begun with.",
            )
        return cls._with(root, info, suite)

    def save(self) -> None:
        """Write study.toml. Raises RunDirError."""
        import tomli_w

        try:
            write_whole(self.root / FILE, tomli_w.dumps(self.info.data()))
        except OSError as error:
            raise RunDirError(
                f"cannot write {self.root}: {error.strerror}", "Choose an --out that you may write."
            ) from None

    @property
    def label(self) -> str:
        """What it is of, in a word."""
        return self.suite.label if self.suite else f"{len(self.parts)} runs"

    def widened(self, given: Mapping[str, Any]) -> Study:
        """The same with settings of a `resume`. Raises UsageError, RunDirError."""
        old = self.info.experiment
        if self.suite:
            check_chosen(given)
        check_not_in(self.info.matrix, given)
        new = widened(old, given)
        for name in sorted(affecting("outcome")):
            if getattr(old, name) != getattr(new, name):
                raise RunDirError(
                    f"{self.root} was begun with {name} {getattr(old, name)!r:.80}",
                    "Resume with the same, or choose another --out.",
                )
        return replace(self, info=replace(self.info, experiment=new))

    def folder(self, part: Part) -> Path:
        """The run directory of a part."""
        return self.root / part.name

    def is_begun(self, part: Part) -> bool:
        """Whether there is a run directory of a part."""
        return is_there(self.folder(part) / "run.toml")

    def runs(self) -> list[Path]:
        """The run directories that are begun, in the order of the parts."""
        return [self.folder(part) for part in self.parts if self.is_begun(part)]

    def manifests(self) -> dict[str, Manifest]:
        """The manifest of every codebase by its name.

        Raises ManifestError where one of a suite is not as released, UnknownName for a codebase
        that is not there, UsageError where tasks of a suite cannot be told by the kind of statement
        that was chosen.
        """
        if not self.suite:
            names = dict.fromkeys(self.settings(part).codebase for part in self.parts)
            return {name: manifests.load(name) for name in names}
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

    def settings(self, part: Part) -> Experiment:
        """The settings of a part's run, but for budgets, which are the study's.

        Without an iid arm once it is begun with a borrowed one. Raises UsageError for settings
        that make no sense.
        """
        own = replace(self.info.experiment, **part.settings)
        if self.is_begun(part) and _borrows(RunDirectory.open(self.folder(part)).info):
            return replace(own, arm=tuple(arm for arm in own.arm if arm != BASELINE))
        return own

    def as_set(self, found: Mapping[str, Manifest]) -> Mapping[str, Manifest]:
        """What `manifests` found, by the codebase that a part's settings name."""
        suite = self.suite
        return {suite.codebase(m): found[m.codebase] for m in suite.members} if suite else found

    def plans(self, found: Mapping[str, Manifest]) -> dict[str, Plan]:
        """What each part's run would do, by the part's name. Raises as `settings`.

        found: see `manifests`. A run that may borrow an iid arm is planned with its own until it
        is begun.
        """
        of = self.as_set(found)
        experiments = {part.name: self.settings(part) for part in self.parts}
        return {
            name: make_plan(
                one, tuple(r.instance_id for r in one.selection.of(of[one.codebase]).instances)
            )
            for name, one in experiments.items()
        }

    def rollouts_left(self, part: Part, planned: Plan) -> int:
        """How many rollouts of a part's plan have no verdict yet."""
        if not self.is_begun(part):
            return planned.rollouts
        journal = RunDirectory.open(self.folder(part)).journal()
        return max(0, planned.rollouts - sum(rollout.graded for rollout in journal.rollouts))

    def experiment(self, part: Part) -> Experiment:
        """The settings of a part's run; budgets are what the other runs have left.

        Raises BudgetError where nothing is left, UsageError as `settings` does.
        """
        shared = self.info.experiment
        charged = [ModelRequests(self.folder(p)).charged() for p in self.parts if p is not part]
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
            self.settings(part),
            max_cost=cost if shared.max_cost else 0.0,
            max_tokens=tokens if shared.max_tokens else 0,
        )

    def lender(self, part: Part) -> Path | None:
        """The finished run before a part's that differs in its memory alone and has an iid arm."""
        if not set(self.settings(part).arm) - {BASELINE}:
            return None  # nothing would be left to run
        for earlier in self.parts[: self.parts.index(part)]:
            if but_memory(earlier) == but_memory(part) and self.is_finished(earlier):
                folder = self.folder(earlier)
                if BASELINE in RunDirectory.open(folder).info.experiment.arm:
                    return folder
        return None

    def is_finished(self, part: Part) -> bool:
        """Whether a part's run has all the rollouts that its own settings and these plan."""
        if not self.is_begun(part):
            return False
        store = RunDirectory.open(self.folder(part))
        own, wanted = store.info.experiment, self.settings(part)
        planned = sum(map(len, store.info.planned().values()))
        graded = sum(rollout.graded for rollout in store.journal().rollouts)
        same = all(getattr(own, name) == getattr(wanted, name) for name in affecting("selection"))
        return same and graded == planned


def _borrows(info: RunInfo) -> bool:
    return info.empty_recalls is not None and BASELINE not in info.experiment.arm


def but_memory(part: Part) -> dict[str, Any]:
    """What makes a part, without what may differ between runs that share an iid arm."""
    return {name: value for name, value in part.settings.items() if name not in OF_MEMORY}


def check_chosen(given: Collection[str]) -> None:
    """Raise UsageError for a setting that would choose other tasks than the suite's."""
    if wrong := next((name for name in CHOSEN if name in given), ""):
        raise UsageError(
            f"a suite says which tasks are run, and {wrong} is given as well",
            f"Leave out --{wrong.replace('_', '-')}, or give --codebase SUITE/CODEBASE alone.",
        )


def check_not_in(matrix: Matrix, given: Collection[str]) -> None:
    """Raise UsageError for a setting that is given beside the matrix that sets it."""
    if wrong := next((name for part in parts_of(matrix) for name in part.settings
                      if name in given), ""):  # fmt: skip
        raise UsageError(
            f"the matrix sets {wrong}, and it is given as well",
            f"Leave out --{wrong.replace('_', '-')}, or change the matrix and start a new study.",
        )
