"""Grade a patch in a fresh sandbox: filter it, restore the tests last, run, cross-check."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.grading.apply import APPLY, PatchError, apply_patch, forbidden_paths
from harness.grading.controls import Control, controls_for, plant
from harness.grading.junit import TestRun, read
from harness.grading.log import normalize_log, without_controls
from harness.grading.patch import paths_of
from harness.grading.suite import once, used_up
from seqswe.errors import RolloutError
from seqswe.instance import Instance
from seqswe.manifests.manifest import Layout, TestSettings
from seqswe.runs.rollout import Reason, TestsStatus, Verdict
from seqswe.sandbox import Environment, Sandbox

BY_THE_PATCH: Mapping[str, Reason] = {
    "grader_failed": "tests_in_the_way",
    "agent_crashed": "tests_not_believed",
    "agent_out_of_budget": "tests_cut_off",
}
"""What a failure says of a patch with which it came, and without which it did not."""
MAX_PROBLEM = 300
"""Characters of a problem in journal and report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """A verdict and the log it rests on."""

    verdict: Verdict
    log: str
    test_seconds: float = 0.0
    """Seconds that the tests themselves took."""

    def with_left_out(self, files: Mapping[str, str]) -> Graded:
        """The same with changed files that could not be collected, path → why."""
        dropped = {**files, **self.verdict.dropped_files}
        return replace(self, verdict=replace(self.verdict, dropped_files=dropped))

    @property
    def told(self) -> str:
        """What a memory may be told: the log or, where the clock decided how much of it there is,
        the problem alone."""
        cut_off = self.verdict.reason == "tests_cut_off"
        return f"{self.verdict.problem}\n" if cut_off else self.log


@dataclass(frozen=True, slots=True, kw_only=True)
class Grader:
    """Grades patches of one codebase, by its layout and its way of running tests."""

    layout: Layout
    tests: TestSettings
    environments: Mapping[str, Environment] = field(default_factory=dict)
    """By key: their plug-ins are loaded."""

    def grade(self, instance: Instance, patch: str, sandbox: Sandbox) -> Graded:
        """Apply a patch and run the instance's tests in a fresh sandbox at its base commit.

        Raises RolloutError("grader_failed") if the test patch itself does not apply.
        """
        gold = paths_of(instance.patch) if instance.patch else ()
        try:
            applied = apply_patch(sandbox, patch, forbidden_paths(self.layout, gold))
        except PatchError as error:
            return _unresolved(instance, error.reason, error.problem, error.log)
        try:
            run, log = self.run_tests(instance, sandbox)
        except RolloutError as error:
            # Validation showed that they can be restored on the base commit, and that they run in a
            # sandbox of this size, so the patch is why.
            reason = BY_THE_PATCH.get(error.cause)
            if not applied.files or reason is None:
                raise
            return _unresolved(instance, reason, error.message, dropped=applied.dropped)
        verdict = _verdict(instance, run, applied.dropped)
        return Graded(verdict=verdict, log=log, test_seconds=run.seconds)

    def run_tests(self, instance: Instance, sandbox: Sandbox) -> tuple[TestRun, str]:
        """Restore the instance's test files, as the last change, add controls, and run them."""
        self.restore_tests(instance, sandbox)
        controls = controls_for(instance.fail_to_pass, instance.pass_to_pass)
        plant(sandbox, controls)
        return self.execute(instance, sandbox, controls=controls)

    def restore_tests(self, instance: Instance, sandbox: Sandbox) -> None:
        """Put every file of the test patch into its final state."""
        if not instance.test_patch:
            return
        script = restore_script(instance.test_patch)
        done = sandbox.run(script, stdin=_bytes(instance.test_patch))
        if not done.ok:
            raise RolloutError(
                "grader_failed", f"the test patch does not apply: {done.stderr[-300:]!r}"
            )

    def execute(
        self,
        instance: Instance,
        sandbox: Sandbox,
        env: dict[str, str] | None = None,
        ids: Sequence[str] = (),
        controls: Sequence[Control] = (),
    ) -> tuple[TestRun, str]:
        """Run an instance's test modules, or some of their tests; returns outcomes and log.

        `controls` were planted before.
        """
        script = once(self.settings(instance), ids or instance.test_files)
        done = sandbox.run(script, timeout=self.tests.wall_seconds, env=env)
        report, _, times = done.stdout.rpartition(b"\0")
        log = normalize_log(done.stderr.decode("utf-8", "replace"), sandbox.root)
        if done.timed_out or used_up(done.exit_code, times, self.tests):
            late = f"the tests took longer than {self.tests.seconds:.0f} s"
            return TestRun(problem=late, cut_off=True, seconds=done.seconds), f"{log}\n{late}\n"
        run = read(report, done.stderr, done.exit_code, instance.test_files, controls)
        run = replace(run, seconds=done.seconds)
        return run, without_controls(log, [c.name for c in controls], run.controls)

    def settings(self, instance: Instance) -> TestSettings:
        """How this instance's tests are run: as its environment and its validation found out."""
        environment = self.environments.get(instance.environment)
        plugins = environment.plugins if environment else ()
        return replace(
            self.tests,
            plugins=(*self.tests.plugins, *plugins),
            arguments=(*self.tests.arguments, *instance.pytest_arguments),
        )


def restore_script(test_patch: str) -> str:
    """Shell commands that put the files of a test patch, given on standard input, into their final
    state."""
    files = " ".join(shlex.quote(p) for p in paths_of(test_patch))
    return f"""
for file in {files}; do
  rm -rf -- "$file"; git checkout -q HEAD -- "$file" 2>/dev/null || true
done
{APPLY} && git update-index --add --remove -- {files}"""


def _verdict(instance: Instance, run: TestRun, dropped: Mapping[str, str]) -> Verdict:
    def status(tests: tuple[str, ...], good: Callable[[str], bool]) -> TestsStatus:
        return TestsStatus(
            success=tuple(t for t in tests if good(t)),
            failure=tuple(t for t in tests if not good(t)),
        )

    wanted = status(instance.fail_to_pass, run.fixed)
    kept = status(instance.pass_to_pass, run.passed)
    resolved = bool(wanted.success) and not wanted.failure and not kept.failure
    return Verdict(
        resolved=resolved,
        reason=_reason(run, resolved),
        fail_to_pass=wanted,
        pass_to_pass=kept,
        tests_ran=len(run.outcomes),
        dropped_files=dropped,
        problem=run.problem[:MAX_PROBLEM],
    )


def _reason(run: TestRun, resolved: bool) -> Reason:
    if run.cut_off:
        return "tests_cut_off"
    if run.problem:
        return "tests_not_believed"
    return "resolved" if resolved else "tests_failed"


def _unresolved(
    instance: Instance,
    reason: Reason,
    problem: str,
    log: str = "",
    dropped: Mapping[str, str] | None = None,
) -> Graded:
    verdict = Verdict(
        resolved=False,
        reason=reason,
        patch_applied=reason not in ("patch_unreadable", "patch_not_applicable"),
        problem=problem.splitlines()[0][:MAX_PROBLEM],
        fail_to_pass=TestsStatus(failure=instance.fail_to_pass),
        dropped_files=dropped or {},
    )
    return Graded(verdict=verdict, log=log or problem)


def empty_patch(instance: Instance) -> Graded:
    """Return the verdict of an empty patch: unresolved, without running anything, as in SWE-bench.

    Validation has shown what a run would show: FAIL_TO_PASS fail without gold.
    """
    verdict = Verdict(
        resolved=False,
        reason="no_patch",
        patch_is_none=True,
        patch_applied=False,
        fail_to_pass=TestsStatus(failure=instance.fail_to_pass),
        pass_to_pass=TestsStatus(success=instance.pass_to_pass),
    )
    return Graded(verdict=verdict, log="empty patch: nothing to run\n")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
