"""Walk a first-parent history and keep the commits that change source and tests."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from packaging.utils import canonicalize_name

from harness.codebases.code_changes import no_test_tells
from harness.codebases.declarations import Remembered
from harness.codebases.environment import environment_at
from harness.codebases.instruction_files import InstructionFiles
from harness.codebases.python_2 import Python2
from harness.codebases.statements import sources
from harness.codebases.statements.issues import Issue
from harness.codebases.statements.leak import leaks_of
from harness.codebases.statements.rules import Rules, rules_of
from harness.grading.layout import is_source, is_test, is_test_module
from harness.grading.patch import Part, parts
from harness.history.absent import AbsentFiles, absent_objects
from harness.history.git import Clone
from harness.history.objects import CommitFiles, Objects
from harness.history.walk import Diffs, Step, diff, walk
from seqswe.errors import MissingError, UsageError
from seqswe.manifests.manifest import InstanceRecord, InstanceTexts, Layout, Manifest
from seqswe.sandbox import Environment

OF_THE_RUNNER = frozenset({"iniconfig", "pluggy", "pytest"})
"""Distributions that pytest has imported before any test: no fix of theirs can be told."""
MAX_DIFF_CHARACTERS = 100_000_000
"""A larger change is data, whatever else is in it, and takes minutes to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """The result of mining: candidates in order, their environments, and why others are skipped."""

    records: tuple[InstanceRecord, ...]
    environments: tuple[Environment, ...]
    skipped: Mapping[str, int]
    """How many commits were left out, by reason; with the candidates they add up to `walked`."""
    walked: int
    head: str

    @property
    def statements(self) -> Mapping[str, int]:
        """How many statements come from which kind of source."""
        return count_sources(self.records)


def count_sources(records: Iterable[InstanceRecord]) -> Mapping[str, int]:
    """How many statements come from which kind of source, the most frequent first."""
    kinds = Counter(record.statement_source.partition(":")[0] for record in records)
    return dict(kinds.most_common())


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Why a commit is no candidate, in words."""

    reason: str


def history_of(clone: Clone, manifest: Manifest) -> list[Step]:
    """Read the history that a manifest's rules ask for. Raises MissingError without its head."""
    rules = manifest.mining
    head = clone.commit_id(rules.head or "HEAD")
    if not head:
        raise MissingError(
            f"the clone {clone.path} lacks the commit {rules.head or 'HEAD'}",
            "Fetch the whole history into the clone, or change `head` in manifest.toml.",
        )
    return walk(clone, head, rules.window)


def mine(
    clone: Clone,
    manifest: Manifest,
    issues: Mapping[int, Issue],
    history: Sequence[Step] | None = None,
) -> Mined:
    """Find the candidates of a codebase by the rules of its manifest; nothing is executed.

    history: of `history_of`, if it was read before. Raises UsageError for a part of pytest.
    """
    _refuse_a_part_of_the_runner(manifest.python.distribution)
    steps = history_of(clone, manifest) if history is None else history
    head = steps[-1].commit
    skipped: Counter[str] = Counter()
    records: list[InstanceRecord] = []
    environments: dict[str, Environment] = {}
    clock: datetime | None = None
    with Objects(clone) as objects, Diffs(clone) as diffs:
        miner = Miner(
            clone=clone,
            manifest=manifest,
            issues=issues,
            objects=objects,
            early=Python2(objects),
            diffs=diffs,
            trees=AbsentFiles(objects, absent_objects(clone, head)),
            dates=_dates(clone, steps),
            declarations=Remembered(),
            instructions=InstructionFiles(objects),
            rules=rules_of(manifest.mining.statements, manifest.name),
        )
        for step in steps:
            found = miner.candidate(step)
            if isinstance(found, InstanceRecord) and clock and found.created_at < clock:
                found = LeftOut(reason="dated before its predecessor")
            if isinstance(found, LeftOut):
                skipped[found.reason] += 1
                continue
            clock = found.created_at
            environment = miner.environment(step)
            environments.setdefault(environment.key, environment)
            records.append(replace(found, environment=environment.key))
    return Mined(
        records=tuple(records),
        environments=tuple(environments.values()),
        skipped=dict(skipped),
        walked=len(steps),
        head=head,
    )


def _refuse_a_part_of_the_runner(distribution: str) -> None:
    if canonicalize_name(distribution) in OF_THE_RUNNER:
        raise UsageError(
            f"{distribution} is a part of pytest, which runs the tests: they would see the "
            "runner's own copy and not the checkout's",
            "Choose another codebase.",
        )


def _dates(clone: Clone, steps: Sequence[Step]) -> dict[str, datetime | None]:
    """Dates of all commits and of the one before the first."""
    before = [step for parent in steps[0].parents[:1] for step in walk(clone, parent, 1)]
    return {step.commit: step.date for step in (*before, *steps)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Miner:
    """What looking at one commit after the other needs."""

    clone: Clone
    manifest: Manifest
    issues: Mapping[int, Issue]
    objects: Objects
    early: Python2
    diffs: Diffs
    trees: AbsentFiles
    dates: Mapping[str, datetime | None]
    declarations: Remembered
    instructions: InstructionFiles
    rules: Rules

    def candidate(self, step: Step) -> InstanceRecord | LeftOut:
        """Return the record of a commit without its environment, or why it is left out."""
        if reason := next(self._reasons(step), ""):
            return LeftOut(reason=reason)
        layout, rules = self.manifest.layout, self.manifest.mining
        base = step.parents[0]
        try:
            patches = split_diff(self.diffs.diff(base, step.commit), layout)
        except ValueError:
            return LeftOut(reason="its patch cannot be split")
        if patches.changed > rules.max_changed_lines:
            return LeftOut(reason=f"changes more than {rules.max_changed_lines} lines of source")
        why = no_test_tells(
            self.objects, self.early, step, patches.patch, patches.test_patch, layout
        )
        if why:
            return LeftOut(reason=why)
        clock = self.dates.get(base)
        if clock is None or step.date is None:
            return LeftOut(reason="its date cannot be read")
        statement = sources.choose(self._fix(step, patches), clock, self.issues)
        if statement is None:
            merges = len(step.parents) > 1
            return LeftOut(reason="only merges" if merges else "its message says nothing")
        texts = InstanceTexts(
            statement=statement.text,
            source=statement.source,
            patch=patches.patch,
            test_patch=patches.test_patch,
        )
        kept = (change.path for change in step.changes if change.status != "D")
        return InstanceRecord(
            instance_id=f"{self.manifest.repo.replace('/', '__')}-{step.commit[:10]}",
            base_commit=base,
            gold_commit=step.commit,
            created_at=step.date,
            environment="",
            statement_source=texts.source,
            gold_files=tuple(sorted(filter(is_source(layout), step.paths))),
            test_files=tuple(sorted(filter(is_test_module(layout), kept))),
            instructions=self.instructions.at(base),
            digests=texts.digests,
            leaks=leaks_of(texts.statement, texts.patch),
        )

    def _fix(self, step: Step, patches: Patches) -> sources.Fix:
        return sources.Fix(
            clone=self.clone,
            base=step.parents[0],
            parents=step.parents,
            message=step.message,
            parts=patches.parts,
            rules=self.rules,
        )

    def _reasons(self, step: Step) -> Iterator[str]:
        """Why a commit is left out, as far as its message and the names of its files tell."""
        rules, layout = self.manifest.mining, self.manifest.layout
        if not step.parents:
            yield "is the first commit"
        sources = sum(map(is_source(layout), step.paths))
        tests = [c for c in step.changes if is_test_module(layout)(c.path)]
        if not sources:
            yield "changes no source"
        if not tests:
            yield "changes no test module"
        if all(change.status == "D" for change in tests):
            yield "only removes test modules"
        if sources > rules.max_source_files:
            yield f"changes more than {rules.max_source_files} source files"
        if rules.message and not re.search(rules.message, step.message, re.IGNORECASE):
            yield "its message does not match"
        if self.trees.needed_by(step):
            yield "a file that it needs is absent from the clone"

    def environment(self, step: Step) -> Environment:
        """The environment of a candidate."""
        base = CommitFiles(self.objects, step.parents[0])
        assert step.date
        gold = CommitFiles(self.objects, step.commit)
        python = self.manifest.python
        return environment_at(base, gold, step.date, python, self.declarations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patches:
    """A diff taken apart."""

    patch: str
    test_patch: str
    changed: int
    """Lines of `patch` that are added or removed."""
    parts: tuple[Part, ...]
    """Both, file by file, in the order of the diff."""


def split_diff(text: str, layout: Layout) -> Patches:
    """Split a diff into source and tests. Raises ValueError if it does not come apart."""
    if len(text) > MAX_DIFF_CHARACTERS:
        raise ValueError("the diff is too large")
    found = parts(text)
    if "".join(part.text for part in found) != text:
        raise ValueError("the diff does not come apart cleanly")
    test = is_test(layout)
    sides: tuple[list[Part], list[Part]] = ([], [])
    for part in found:
        sides[any(map(test, part.paths))].append(part)
    source, tests = sides
    return Patches(
        patch="".join(part.text for part in source),
        test_patch="".join(part.text for part in tests),
        changed=sum(part.changed for part in source),
        parts=tuple(found),
    )


def fix_of(
    clone: Clone, layout: Layout, record: InstanceRecord, rules: Rules
) -> tuple[Patches, sources.Fix]:
    """Read the diff of a record's fix and what its statement is made from.

    Raises ValueError if the diff does not come apart, GitError if a commit is absent.
    """
    patches = split_diff(diff(clone, record.base_commit, record.gold_commit), layout)
    fix = sources.Fix.of(clone, record.base_commit, record.gold_commit, patches.parts, rules)
    return patches, fix


def texts_of(
    clone: Clone, manifest: Manifest, record: InstanceRecord, issues: Mapping[int, Issue]
) -> InstanceTexts:
    """Read statement, patch and test patch of a record; "" for an issue that is not at hand.

    Raises as `fix_of` does, and ManifestError for rules that are not kept.
    """
    rules = rules_of(manifest.mining.statements, manifest.name)
    patches, fix = fix_of(clone, manifest.layout, record, rules)
    return InstanceTexts(
        statement=sources.read(fix, record.statement_source, issues),
        source=record.statement_source,
        patch=patches.patch,
        test_patch=patches.test_patch,
    )
