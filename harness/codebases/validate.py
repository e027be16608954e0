"""Prove an instance in the sandbox: some tests fail without gold and pass with it, every time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.grading.grade import APPLY, Grader
from harness.grading.hidden_tests import grades
from harness.grading.junit import TestRun
from seqswe.instance import Instance
from seqswe.manifests.manifest import InstanceRecord
from seqswe.sandbox import Sandbox

# Four runs of nearly the same sources share their bytecode. Python tells stale bytecode by a
# file's time in whole seconds and its size, so the files that gold changes are moved in time.
BYTECODE = {"PYTHONPYCACHEPREFIX": "/tmp/bytecode", "PYTHONDONTWRITEBYTECODE": ""}
APPLY_GOLD = f"{APPLY} && git diff --name-only -z | xargs -0 -r touch -c -d '+1 minute'"
REPEATS = 3
"""Runs with gold: a test that does not agree with itself is quarantined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """A record with its test ids, or why it is not an instance."""

    record: InstanceRecord
    problem: str = ""
    seconds: float = 0.0
    """Wall clock of one run of the tests with gold."""


def validate(
    record: InstanceRecord, instance: Instance, grader: Grader, open_sandbox: Callable[[], Sandbox]
) -> Validation:
    """Run the tests once without gold and `REPEATS` times with it, in one fresh sandbox."""
    sandbox = open_sandbox()
    try:
        grader.restore_tests(instance, sandbox)
        before, _ = grader.execute(instance.test_files, sandbox, BYTECODE)
        if not before.outcomes and before.problem and "exit code" not in before.problem:
            return Validation(record=record, problem=f"before gold: {before.problem}")
        done = sandbox.run(APPLY_GOLD, stdin=instance.patch.encode("utf-8", "surrogateescape"))
        if not done.ok:
            return Validation(record=record, problem="the gold patch does not apply")
        after = [grader.execute(instance.test_files, sandbox, BYTECODE)[0] for _ in range(REPEATS)]
    finally:
        sandbox.close()
    if problem := next((run.problem for run in after if run.problem), ""):
        return Validation(record=record, problem=f"with gold: {problem}")
    return _decide(record, before, after)


def _decide(record: InstanceRecord, before: TestRun, after: Sequence[TestRun]) -> Validation:
    tests = sorted(t for t in set().union(*(run.outcomes for run in after)) if grades(record, t))
    flaky = {t for t in tests if len({run.outcomes.get(t) for run in after}) > 1}
    passing = [t for t in tests if t not in flaky and after[0].passed(t)]
    known_good = {t for t in passing if before.outcomes.get(t) in ("passed", "xfailed")}
    fail_to_pass = tuple(t for t in passing if t not in known_good and after[0].fixed(t))
    proved = replace(
        record,
        FAIL_TO_PASS=fail_to_pass,
        PASS_TO_PASS=tuple(t for t in passing if t in known_good),
        flaky=tuple(sorted(flaky)),
    )
    problem = "" if fail_to_pass else "no test fails without gold and passes with it"
    return Validation(record=proved, problem=problem)
