"""Grade a patch in a fresh sandbox: filter it, restore the tests last, run, cross-check."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from secrets import token_hex

from harness.grading.junit import TestRun, read
from harness.grading.patch import candidate_part, paths_of
from harness.grading.suite import TOO_LONG, arguments, processor_time
from seqswe.errors import RolloutError
from seqswe.instance import Instance
from seqswe.manifests.manifest import Layout, TestSettings
from seqswe.runs.rollout import TestsStatus, Verdict
from seqswe.sandbox import Environment, Sandbox

CHANGING = (
    (re.compile(r"\bin \d+(?:\.\d+)?s\b(?: \(\d+:\d\d:\d\d\))?"), "in ?s"),
    (re.compile(r"\b0x[0-9a-f]{6,16}\b"), "0x?"),
    (re.compile(r"/\S*/tmp\.\w{10}\b"), "/tmp/?"),
)
"""Durations, addresses and names of temporary files, and what stands in their place."""
APPLY = "git apply --whitespace=nowarn -"
RUN_TESTS = "run_tests.sh"
CONTROL = "control.py.txt"
"""A pytest plug-in that adds a test which must fail, last of all and not shown in the log.

Code that makes every test pass, or writes a report of its own, gives itself away by it.
"""
PLACEHOLDER = re.compile(r"\{([a-z]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """A verdict and the log it rests on."""

    verdict: Verdict
    log: str
    test_seconds: float = 0.0
    """Seconds that the tests themselves took."""


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
            kept, dropped = candidate_part(patch, self.layout, gold)
        except ValueError as error:
            return _unresolved(instance, f"the patch cannot be read: {error}", applied=False)
        if kept and not (done := sandbox.run(APPLY, stdin=_bytes(kept))).ok:
            log = done.stderr.decode(errors="replace")
            return _unresolved(
                instance, f"the patch does not apply\n{log}", applied=False, dropped=dropped
            )
        try:
            run, log = self.run_tests(instance, sandbox)
        except RolloutError as error:
            # Validation showed that they can be restored on the base commit, so the patch is why.
            if not kept or error.cause != "grader_failed":
                raise
            return _unresolved(instance, error.message, applied=True, dropped=dropped)
        verdict = _verdict(instance, run, dropped)
        return Graded(verdict=verdict, log=log, test_seconds=run.seconds)

    def run_tests(self, instance: Instance, sandbox: Sandbox) -> tuple[TestRun, str]:
        """Restore the instance's test files, as the last change, then run them."""
        self.restore_tests(instance, sandbox)
        return self.execute(instance, sandbox)

    def restore_tests(self, instance: Instance, sandbox: Sandbox) -> None:
        """Put every file of the test patch into its final state."""
        if not instance.test_patch:
            return
        files = " ".join(shlex.quote(p) for p in paths_of(instance.test_patch))
        script = f"""
for file in {files}; do
  rm -rf -- "$file"; git checkout -q HEAD -- "$file" 2>/dev/null || true
done
{APPLY}"""
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
    ) -> tuple[TestRun, str]:
        """Run an instance's test modules, or some of their tests; returns outcomes and log."""
        control = f"control_{token_hex(8)}"
        script = _script(self._settings(instance), ids or instance.test_files, control)
        done = sandbox.run(script, timeout=self.tests.wall_seconds, env=env)
        log = normalize_log(done.stderr.decode("utf-8", "replace"), sandbox.root)
        if done.timed_out or done.exit_code == TOO_LONG:
            late = f"the tests took longer than {self.tests.seconds:.0f} s"
            return TestRun(problem=late, seconds=done.seconds), log
        run = read(done.stdout, done.stderr, done.exit_code, control, instance.test_files)
        return replace(run, seconds=done.seconds), log

    def _settings(self, instance: Instance) -> TestSettings:
        """How this instance's tests are run: as its environment and its validation found out."""
        environment = self.environments.get(instance.environment)
        plugins = environment.plugins if environment else ()
        return replace(
            self.tests,
            plugins=(*self.tests.plugins, *plugins),
            arguments=(*self.tests.arguments, *instance.pytest_arguments),
        )


def _script(tests: TestSettings, files: Iterable[str], control: str) -> str:
    """Fill in the shell script that runs some test modules; `control` names the plug-in."""
    values = {
        "limits": processor_time(tests),
        "arguments": arguments(tests),
        "files": " ".join(shlex.quote(f) for f in files),
        "control": control,
        "plugin": _inside(CONTROL).strip(),
    }
    template = _inside(RUN_TESTS).replace("\\\n", "")  # as a shell joins continued lines
    return PLACEHOLDER.sub(lambda name: values[name[1]], template)


def normalize_log(log: str, root: str) -> str:
    """Replace what differs between runs that did the same: durations, addresses, folders.

    Logs reach memories, and a memory's snapshot must not depend on how fast a test was.
    """
    for pattern, replacement in CHANGING:
        log = pattern.sub(replacement, log)
    return log.replace(root, "/testbed")


def _verdict(instance: Instance, run: TestRun, dropped: list[str]) -> Verdict:
    def status(tests: tuple[str, ...], good: Callable[[str], bool]) -> TestsStatus:
        return TestsStatus(
            success=tuple(t for t in tests if good(t)),
            failure=tuple(t for t in tests if not good(t)),
        )

    wanted = status(instance.fail_to_pass, run.fixed)
    kept = status(instance.pass_to_pass, run.passed)
    return Verdict(
        resolved=bool(wanted.success) and not wanted.failure and not kept.failure,
        fail_to_pass=wanted,
        pass_to_pass=kept,
        tests_ran=len(run.outcomes),
        dropped_files=tuple(dropped),
        problem=run.problem,
    )


def _unresolved(
    instance: Instance, why: str, *, applied: bool, dropped: list[str] | None = None
) -> Graded:
    verdict = Verdict(
        resolved=False,
        patch_applied=applied,
        problem=why.splitlines()[0],
        fail_to_pass=TestsStatus(failure=instance.fail_to_pass),
        dropped_files=tuple(dropped or ()),
    )
    return Graded(verdict=verdict, log=why)


def empty_patch(instance: Instance) -> Graded:
    """Return the verdict of an empty patch: unresolved, without running anything, as in SWE-bench.

    Validation has shown what a run would show: FAIL_TO_PASS fail without gold.
    """
    verdict = Verdict(
        resolved=False,
        patch_is_none=True,
        patch_applied=False,
        fail_to_pass=TestsStatus(failure=instance.fail_to_pass),
        pass_to_pass=TestsStatus(success=instance.pass_to_pass),
    )
    return Graded(verdict=verdict, log="empty patch: nothing to run\n")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _inside(name: str) -> str:
    """Read a file of `inside/`."""
    return (resources.files("harness.grading") / "inside" / name).read_text(encoding="utf-8")
