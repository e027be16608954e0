"""Runs of pytest at one base commit, without a bug and with one."""

from __future__ import annotations

import gzip
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.grading.suite import arguments, processor_time
from harness.injection import probe
from seqswe.errors import RolloutError
from seqswe.manifests.manifest import TestSettings
from seqswe.sandbox import Completed, Sandbox

RUN = """
{limits}
mkdir -p "$HOME/.seqswe"
cat > "$HOME/.seqswe/seqswe_probe.py"
export SEQSWE_PROBE="$HOME/.seqswe/probe.json"
export PYTHONPATH="$HOME/.seqswe${{PYTHONPATH:+:$PYTHONPATH}}"
rm -f "$SEQSWE_PROBE"
python -c "import sys; sys.path.remove(''); import pytest; raise SystemExit(pytest.main())" \
  -p seqswe_probe -o addopts= -p no:cacheprovider --color=no --tb=no -q \
  --continue-on-collection-errors {arguments} {files} >/dev/null 2>&1
gzip -c "$SEQSWE_PROBE"
"""
TRIES = 3
SOURCE = Path(probe.__file__).read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class TestFailure:
    """Why a test failed."""

    message: str
    line: int
    """1-based line of the test's own module; 0 if it failed elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One run: the tests that passed, the failures and, if requested, the calls."""

    passed: frozenset[str] = frozenset()
    failed: Mapping[str, TestFailure] = field(default_factory=dict)
    calls: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)
    problem: str = ""
    """Why the run is no evidence: it hung, or not all of it could be collected."""


class Workbench:
    """A sandbox at a base commit in which bugs are tried, one after the other."""

    def __init__(self, sandbox: Sandbox, settings: TestSettings) -> None:
        self._sandbox, self._settings = sandbox, settings
        self._baseline: dict[tuple[str, ...], Seen] = {}

    def run(self, files: Sequence[str], *, calls: bool = False) -> Seen:
        """Run test modules with the files as they are."""
        times = probe.SLOWER if calls else 1
        script = RUN.format(
            limits=processor_time(self._settings, times),
            arguments=arguments(self._settings),
            files=" ".join(map(shlex.quote, files)),
        )
        env = {"SEQSWE_PROBE_CALLS": "1"} if calls else {}
        done = self._run_with_retries(script, env, times * self._settings.wall_seconds)
        if done.timed_out or done.truncated or not done.stdout:
            return Seen(problem="it hangs or ends pytest itself")
        return _seen(done.stdout)

    def _run_with_retries(self, script: str, env: Mapping[str, str], seconds: float) -> Completed:
        """Run a script again if the sandbox failed, which must not decide which bug is kept."""
        for tries_left in reversed(range(TRIES)):
            try:
                return self._sandbox.run(script, stdin=SOURCE, env=env, timeout=seconds)
            except RolloutError as error:
                if error.cause != "sandbox_failed" or not tries_left:
                    raise
        raise AssertionError("unreachable")

    def baseline(self, files: Sequence[str]) -> Seen:
        """Run test modules without a bug; the same modules together run only once."""
        together = tuple(files)
        if together not in self._baseline:
            self._baseline[together] = self.run(files)
        return self._baseline[together]

    def with_file(self, path: str, text: str, files: Sequence[str]) -> Seen:
        """Run test modules with one file changed, and put it back."""
        before = self._sandbox.read(path)
        self._sandbox.write(path, text.encode("utf-8", "surrogateescape"))
        try:
            return self.run(files)
        finally:
            self._sandbox.write(path, before)

    def reproduces(self, path: str, text: str, *, bad_path: str, bad_text: str) -> bool:
        """Whether a reproduction passes on the code as it is, and fails with the bad file."""
        self._sandbox.write(path, text.encode("utf-8", "surrogateescape"))
        try:
            good = self.run([path])
            return bool(
                good.passed
                and not (good.failed or good.problem)
                and self.with_file(bad_path, bad_text, [path]).failed
            )
        finally:
            if not self._sandbox.run(["rm", "--", path]).ok:
                raise RolloutError("sandbox_failed", f"cannot remove {path}")

    def close(self) -> None:
        """Close the sandbox."""
        self._sandbox.close()


def _seen(output: bytes) -> Seen:
    data = json.loads(gzip.decompress(output))
    failed = {
        test: TestFailure(message=message, line=line)
        for test, (outcome, message, line) in data["tests"].items()
        if outcome == "failed"
    }
    return Seen(
        passed=frozenset(t for t, (outcome, *_) in data["tests"].items() if outcome == "passed"),
        failed=failed,
        calls={t: [(f, line) for f, line in places] for t, places in data["calls"].items()},
        problem=f"{data['errors'][0]} cannot be collected" if data["errors"] else "",
    )
