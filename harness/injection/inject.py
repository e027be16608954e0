"""Make a sequence: on successive base commits, draw bugs, try them, keep what tests notice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from random import Random

from harness.grading.hidden_tests import function_of, is_shown
from harness.grading.layout import is_test_module, under
from harness.history.git import Clone
from harness.injection.coverage import Coverage, by_module, coverage_of
from harness.injection.operators import Mutation, mutations
from harness.injection.recipe import SOURCE, Bug, file_patch, texts_of
from harness.injection.select import Preference
from harness.injection.statement import normalize_message, reproduction, reproduction_path
from harness.injection.workbench import Seen, Workbench
from seqswe.manifests.manifest import InstanceRecord, Layout, Manifest

TRIES = 60
"""Bugs tried for one task before the task is given up."""
SITES = 12
"""Mutations that a function must have, or the preferred functions would soon have none left."""
BLUNT = 0.5
"""Share of failing tests above which a bug is rejected: such a bug would not get committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings that, with the codebase, decide the sequence."""

    tasks: int
    seed: int
    zipf: float
    once_per_function: bool = False
    coverage_every: int = 5
    """Base commits after which coverage is measured again."""
    tests: tuple[str, ...] = ()
    """Folders and modules whose tests may show a bug; empty for all of the layout's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """A bug that was drawn for a task and is still to be tried."""

    number: int
    """Number of the task."""
    base: str
    path: str
    mutation: Mutation


@dataclass(kw_only=True)
class Injector:
    """Draws and tries bugs; `prove` has the last word on each, in a sandbox of its own."""

    manifest: Manifest
    clone: Clone
    rules: Rules
    open_workbench: Callable[[str], Workbench]
    """Opens a workbench at a base commit."""
    prove: Callable[[InstanceRecord], InstanceRecord | str]
    """Returns the record with its test ids, or why it is rejected."""
    environment: Callable[[str], str]
    """Returns the key of a base commit's environment."""
    rejected: Counter[str] = field(default_factory=Counter)
    _tried: set[str] = field(default_factory=set)
    _used: set[str] = field(default_factory=set)
    _coverage: Coverage = field(default_factory=lambda: Coverage(tests={}))
    _measured: int = -1
    _parsed: dict[str, tuple[str, Sequence[Mutation]]] = field(default_factory=dict)

    def run(self, bases: Sequence[str]) -> Iterator[InstanceRecord | None]:
        """Yield a record for each task in order, or None if no bug could be found."""
        tasks = self.rules.tasks
        for at, numbers in groupby(range(tasks), key=lambda number: number * len(bases) // tasks):
            with closing(self.open_workbench(bases[at])) as workbench:
                self._measure(workbench, bases[at], at)
                for number in numbers:
                    yield self._task(workbench, bases[at], number)

    def _measure(self, workbench: Workbench, base: str, at: int) -> None:
        block = at // self.rules.coverage_every
        if block == self._measured:
            return
        self._measured = block
        modules = test_modules(self.clone, base, self.manifest.layout, self.rules.tests)
        seen = workbench.run(modules, calls=True)
        if seen.calls:
            self._coverage = coverage_of(self.clone, base, self.manifest.layout, seen)
        else:  # the earlier coverage is better than a stretch of history without bugs
            self.rejected[f"coverage not measured at {base[:12]}: {seen.problem}"] += 1

    def _task(self, workbench: Workbench, base: str, number: int) -> InstanceRecord | None:
        preference = Preference(seed=self.rules.seed, zipf=self.rules.zipf)
        once = self.rules.once_per_function
        eligible = self._coverage.eligible(self.rules.seed, once=once)
        mutations_left: dict[str, list[Mutation]] = {}
        for path in {name.partition("::")[0] for name in eligible}:
            mutations_left |= self._mutations(base, path)
        by_path = by_module(
            name for name in eligible if len(mutations_left.get(name, ())) >= (1 if once else SITES)
        )
        open_ = {f for functions in by_path.values() for f in functions} - self._used
        for attempt in range(TRIES):
            if not open_:
                return None
            lot = Random(f"{self.rules.seed} {number} {attempt}")
            function = preference.function(by_path, open_, lot)
            path, _, _ = function.partition("::")
            if not mutations_left.get(function):
                open_.discard(function)
                continue
            mutation = preference.mutation(mutations_left[function], lot)
            mutations_left[function].remove(mutation)
            draw = Draw(number=number, base=base, path=path, mutation=mutation)
            record = self._try(workbench, draw, lot)
            if isinstance(record, InstanceRecord):
                if self.rules.once_per_function:
                    self._used.add(function)
                return record
            self.rejected[record] += 1
        return None

    def _mutations(self, base: str, path: str) -> dict[str, list[Mutation]]:
        source = self.clone.show(base, path) or ""
        if path not in self._parsed or self._parsed[path][0] != source:
            self._parsed[path] = source, mutations(source)
        by_function: dict[str, list[Mutation]] = {}
        for mutation in self._parsed[path][1]:
            by_function.setdefault(f"{path}::{mutation.function}", []).append(mutation)
        return by_function

    def _try(self, workbench: Workbench, draw: Draw, lot: Random) -> InstanceRecord | str:
        """Try a bug; returns its record, or why it is rejected."""
        base, path, mutation = draw.base, draw.path, draw.mutation
        good, bad = self.clone.show(base, path) or "", mutation.apply()
        identity = "".join(file_patch(path, good, bad).split("@@")[::2])
        if identity in self._tried:
            return "tried before"
        self._tried.add(identity)
        try:
            compile(bad, path, "exec")
        except (SyntaxError, ValueError):
            return "not Python any more"
        files = [
            f
            for f in self._coverage.modules(f"{path}::{mutation.function}")
            if self.clone.show(base, f) is not None
        ]
        before = workbench.baseline(files)
        after = workbench.with_file(path, bad, files)
        shown, reason = self._shown(before, after, lot)
        if not shown:
            return reason
        bug = self._bug(path, mutation, shown, after)
        module = bug.reproduction.split("::", 1)[0]
        try:
            code = reproduction(self.clone.show(base, module) or "", bug.reproduction)
        except LookupError:
            return "its reproduction is inherited"
        where = reproduction_path(bug.reproduction)
        if not workbench.reproduces(where, code, bad_path=path, bad_text=bad):
            return "its reproduction does not stand alone"
        return self.prove(self._record(base, draw.number, bug, files))

    def _shown(self, before: Seen, after: Seen, lot: Random) -> tuple[str, str]:
        """Choose the failing test that becomes the reproduction; returns it, or why none can."""
        if problem := before.problem or after.problem:
            return "", "the suite hangs or cannot be collected" if after.problem else problem
        failing = sorted(t for t in after.failed if t in before.passed)
        if len(failing) > BLUNT * len(before.passed):
            return "", "fails most of the tests"
        seed = self.rules.seed
        functions = sorted({function_of(t) for t in failing})
        shown = [f for f in functions if is_shown(seed, f)]
        if not failing:
            return "", "no test fails"
        if not shown or len(shown) == len(functions):
            return "", "no failing test to show, or none to grade"
        chosen = lot.choice(shown)
        return next(t for t in failing if function_of(t) == chosen), ""

    def _bug(self, path: str, mutation: Mutation, shown: str, after: Seen) -> Bug:
        failure = after.failed[shown]
        hidden = {function_of(t) for t in after.failed} - {function_of(shown)}
        return Bug(
            path=path,
            function=mutation.function,
            operator=mutation.operator,
            site=mutation.site,
            reproduction=shown,
            failure=normalize_message(failure.message),
            line=failure.line,
            hidden=tuple(sorted(hidden)),
            seed=self.rules.seed,
            zipf=self.rules.zipf,
            codebase=self.manifest.name,
        )

    def _record(self, base: str, number: int, bug: Bug, files: list[str]) -> InstanceRecord:
        date = self.clone.date(base)
        record = InstanceRecord(
            instance_id=f"{self.manifest.repo.replace('/', '__')}-bug-{number:04}",
            base_commit=base,
            gold_commit=base,
            created_at=datetime.fromisoformat(date),
            environment=self.environment(base),
            statement_source=SOURCE,
            gold_files=(bug.path,),
            test_files=tuple(files),
            bug=bug.as_json(),
        )
        return with_digests(self.clone, record)


def with_digests(clone: Clone, record: InstanceRecord) -> InstanceRecord:
    """Return the record with the digests of the texts that its recipe makes."""
    return replace(record, digests=texts_of(clone, record).digests)


def test_modules(clone: Clone, commit: str, layout: Layout, only: Sequence[str]) -> list[str]:
    """Return the test modules of a commit, sorted: all of the layout's, or `only` some of them."""
    test = is_test_module(layout)
    listed = clone.run("ls-tree", "-r", "-z", "--name-only", "--end-of-options", commit).split("\0")
    return sorted(p for p in listed if test(p) and (not only or under(p, only)))


def recurrence(records: Sequence[InstanceRecord]) -> float:
    """Return the share of the tasks whose function had a bug before."""
    places = [(r.bug["path"], r.bug["function"]) for r in records]
    again = sum(place in places[:i] for i, place in enumerate(places))
    return round(again / len(places), 3) if places else 0.0
