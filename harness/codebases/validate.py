"""Prove an instance in the sandbox: some tests fail without gold and pass with it, every time.

Gold comes first and once: most candidates that fail are recognised by it. Only what is kept is
repeated, and only the tests of the fix: the others have passed twice already, and a test that
disagrees with itself in any task of a codebase counts in none (`without_flaky`).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from harness.codebases.reasons import Reason, nothing_told, reason_of
from harness.grading.apply import APPLY
from harness.grading.controls import Control, controls_for, plant
from harness.grading.grade import Grader
from harness.grading.hidden_tests import grades
from harness.grading.junit import TestRun
from harness.grading.patch import paths_of
from harness.grading.series import Step, run_series
from seqswe.instance import Instance
from seqswe.manifests.manifest import InstanceRecord
from seqswe.sandbox import Sandbox

# The runs have nearly the same sources and share their bytecode, which lies beside them. Python
# tells stale bytecode by a file's time in whole seconds and its size, so the files that gold
# changes are moved in time at every change.
BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
MOST_KEPT = 300
"""PASS_TO_PASS tests of an instance; of more, so many are drawn by a seed."""
WAYS = (
    (r"\[pytest\] section in setup\.cfg", ("-c", "/dev/null")),
    (r"(?m)^E +\w*Warning\b|warning configuration", ("-W", "default", "-o", "filterwarnings=")),
    (r"AssertionRewritingHook", ("--assert=plain",)),
    (r"has no attribute 'cache'", ("-p", "cacheprovider", "-o", "cache_dir=/tmp/pytest-cache")),
)
"""What a log says if the pytest or the dependencies are newer than the tests, and what helps then:
settings of old that are refused, warnings that are errors, import hooks that lack a method, or a
plug-in that wants pytest's cache.
"""
OF_A_PLUGIN = (
    r"Unknown pytest\.mark|Unknown config option|fixture '\w+' not found|uses no argument"
    r"|async def functions"
)
"""What a log says if a plug-in is missing: perhaps it is the project's own."""
LOG = 20_000
"""Last characters kept of a log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """A record with its test ids, or why it is not an instance."""

    record: InstanceRecord
    problem: str = ""
    seconds: float = 0.0
    """Wall clock of one run of the tests with gold."""
    missing: tuple[str, ...] = ()
    """What the environment lacks, as `reasons.Reason.missing` names it."""
    stays: frozenset[str] = frozenset()
    """All tests that pass with and without the fix; PASS_TO_PASS may be a draw of them."""
    log: str = ""
    """What the tests printed, if it is not an instance."""
    state: str = ""
    """A digest of the environment that it was tried in."""


def validate(
    record: InstanceRecord,
    instance: Instance,
    grader: Grader,
    open_sandbox: Callable[[], Sandbox],
    own_plugins: Sequence[str] = (),
) -> Validation:
    """Run the tests with gold, without it, and with it again, in one fresh sandbox.

    own_plugins: plug-ins of pytest that the project itself registers, as `-p` takes them.
    """
    sandbox = open_sandbox()
    try:
        return _Proof(record, instance, grader, sandbox, own_plugins).run()
    finally:
        sandbox.close()


class _Proof:
    def __init__(
        self,
        record: InstanceRecord,
        instance: Instance,
        grader: Grader,
        sandbox: Sandbox,
        own_plugins: Sequence[str],
    ) -> None:
        self._record, self._instance = record, instance
        self._grader, self._sandbox = grader, sandbox
        self._patch = instance.patch.encode("utf-8", "surrogateescape")
        self._own = tuple(argument for name in own_plugins for argument in ("-p", name))
        self._changes = 0
        self._applied = True

    def run(self) -> Validation:
        self._grader.restore_tests(self._instance, self._sandbox)
        if not self._sandbox.run(self._gold(), stdin=self._patch).ok:
            return Validation(record=self._record, problem="the gold patch does not apply")
        runs = self._both_sides()
        gold, log = runs[0]
        reason = reason_of(gold, log, self._instance.test_files)
        if reason.problem:
            return self._rejected(f"with gold: {reason.problem}", log, gold, reason)
        # A series ends early if nothing passed; an expected failure does not count there.
        if len(runs) == 1:
            runs += self._series(self._taken_out())
            self._applied = False
        before, without = runs[1]
        record, stays = self._decided(gold, before)
        if not record.FAIL_TO_PASS:
            why = nothing_told(gold, log)
            return self._rejected(why, f"{without}\n--- with gold ---\n{log}", gold, reason)
        return replace(self._repeated(record, gold, reason), stays=stays)

    def _both_sides(self) -> list[tuple[TestRun, str]]:
        """Run the tests with gold and, if any passes, without, in the way in which most pass."""
        runs = self._gold_and_before()
        for sign, more in ((OF_A_PLUGIN, self._own), *WAYS):
            gold, log = runs[0]
            whole = _passing(gold) == max(len(gold.outcomes), 1)
            if whole or not more or not re.search(sign, log):
                continue
            before, self._instance = (
                self._instance,
                replace(
                    self._instance,
                    pytest_arguments=(*self._instance.pytest_arguments, *more),
                ),
            )
            again = self._gold_and_before()
            if _passing(again[0][0]) > _passing(gold):
                runs = again
            else:
                self._instance = before
        arguments = self._instance.pytest_arguments
        self._record = replace(self._record, pytest_arguments=arguments)
        return runs

    def _gold_and_before(self) -> list[tuple[TestRun, str]]:
        first = Step(script=self._put_back(), must_pass=True)
        runs = self._series(first, self._taken_out())
        self._applied = len(runs) == 1
        return runs

    def _taken_out(self) -> Step:
        """A run without the fix."""
        return Step(script=self._gold(reverse=True))

    def _put_back(self) -> str:
        """A shell script that puts the fix in if it is out."""
        return "" if self._applied else self._gold()

    def _gold(self, *, reverse: bool = False) -> str:
        """A shell script that puts the fix in, or takes it out.

        Files that it changes get a time of their own.
        """
        self._changes += 1
        script = f"{APPLY.removesuffix(' -')} {'-R ' if reverse else ''}-"
        paths = " ".join(map(shlex.quote, paths_of(self._instance.patch)))
        touch = f"touch -c -h -d '+{self._changes} minutes' -- {paths}"
        return f"{script} && {touch}" if paths else script

    def _series(self, *steps: Step, controls: Sequence[Control] = ()) -> list[tuple[TestRun, str]]:
        return run_series(
            self._grader, self._instance, self._sandbox, steps, self._patch, BYTECODE, controls
        )

    def _decided(self, gold: TestRun, before: TestRun) -> tuple[InstanceRecord, frozenset[str]]:
        """The record with the tests that tell the fix from its absence and some that stay; and
        all of these."""
        tests = sorted(t for t in gold.outcomes if grades(self._record, t) and gold.passed(t))
        kept = [t for t in tests if before.outcomes.get(t) in ("passed", "xfailed")]
        fixed = [t for t in tests if t not in set(kept) and gold.fixed(t)]
        stays = frozenset(kept)
        if len(kept) > MOST_KEPT:
            kept = sorted(Random(self._record.instance_id).sample(kept, MOST_KEPT))
        record = replace(self._record, FAIL_TO_PASS=tuple(fixed), PASS_TO_PASS=tuple(kept))
        return record, stays

    def _repeated(self, record: InstanceRecord, gold: TestRun, reason: Reason) -> Validation:
        """Quarantine the tests of the fix that do not agree with themselves.

        The others passed twice, with gold and without it.
        """
        wanted = set(record.FAIL_TO_PASS)
        ids = tuple(test for test in gold.outcomes if test in wanted)  # in the order of the run
        # pytest takes `::` for a separator in a parameter, too.
        named = ids if all("::" not in test.partition("[")[2] for test in ids) else ()
        # With the controls that grading adds, so that a module which has none of it is found here.
        controls = controls_for(record.FAIL_TO_PASS, record.PASS_TO_PASS)
        plant(self._sandbox, controls)
        named = (*named, *(c.node_id for c in controls)) if named else ()
        put_back = self._put_back()
        runs, problem, log = self._repeats(gold, Step(script=put_back, tests=named), controls)
        if named and (problem or _disagreeing(ids, runs)):  # perhaps only without their neighbours
            runs, problem, log = self._repeats(gold, Step(), controls)
        if problem:
            return self._rejected(f"with gold again: {problem}", log, gold, reason)
        flaky = _disagreeing(ids, runs)
        record = replace(
            record,
            FAIL_TO_PASS=tuple(t for t in record.FAIL_TO_PASS if t not in flaky),
            flaky=tuple(sorted(flaky)),
        )
        if not record.FAIL_TO_PASS:
            return self._rejected("every test of the fix is flaky", "", gold, reason)
        return Validation(record=record, seconds=gold.seconds, missing=reason.missing)

    def _repeats(
        self, gold: TestRun, first: Step, controls: Sequence[Control]
    ) -> tuple[list[TestRun], str, str]:
        """`gold` and its repeats, what is wrong with one of them, and its log."""
        found = self._series(replace(first, again=True), controls=controls)
        if any(run.problem for run, _ in found):  # perhaps only in a fork: some libraries abort
            first = replace(first, script="")
            found = self._series(first, first, controls=controls)
        bad = next((each for each in found if each[0].problem), found[-1])
        return [gold, *(run for run, _ in found)], bad[0].problem, bad[1]

    def _rejected(self, problem: str, log: str, gold: TestRun, reason: Reason) -> Validation:
        return Validation(
            record=self._record,
            problem=problem,
            seconds=gold.seconds,
            missing=reason.missing,
            log=log[-LOG:],
        )


def without_flaky(records: Sequence[InstanceRecord]) -> tuple[InstanceRecord, ...]:
    """The records without PASS_TO_PASS tests that disagreed with themselves in one of them."""
    flaky = {test for record in records for test in record.flaky}
    return tuple(
        replace(
            record,
            PASS_TO_PASS=tuple(test for test in record.PASS_TO_PASS if test not in flaky),
            flaky=tuple(sorted({*record.flaky, *flaky.intersection(record.PASS_TO_PASS)})),
        )
        if flaky.intersection(record.PASS_TO_PASS)
        else record
        for record in records
    )


def _passing(run: TestRun) -> int:
    return sum(outcome in ("passed", "xfailed") for outcome in run.outcomes.values())


def _disagreeing(tests: Sequence[str], runs: Sequence[TestRun]) -> set[str]:
    return {test for test in tests if len({run.outcomes.get(test) for run in runs}) > 1}
