"""Run a suite several times in one sandbox, in forks of one interpreter that has imported pytest.

Only pytest itself is imported before a fork, nothing of the checkout, so each run is as one of its
own; what is saved is the start, which often takes longer than the tests.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from signal import SIGKILL, SIGXCPU

from harness.grading.controls import Control
from harness.grading.grade import Grader
from harness.grading.junit import TestRun, read
from harness.grading.log import normalize_log, without_controls
from harness.grading.suite import often
from seqswe.errors import ManifestError
from seqswe.instance import Instance
from seqswe.manifests.read import parse_json
from seqswe.sandbox import Sandbox

MOST = 200_000_000
"""Bytes of all reports and logs of a series, unpacked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One run of a series, and what is done before it."""

    script: str = ""
    """For the shell; reads what the series was given."""
    tests: tuple[str, ...] = ()
    """Ids, or files; none: the instance's test modules."""
    must_pass: bool = False
    """Whether the series ends here unless some test passes."""
    again: bool = False
    """Whether the tests, once collected, run twice, each time in a process of its own: two runs."""


def run_series(
    grader: Grader,
    instance: Instance,
    sandbox: Sandbox,
    steps: Sequence[Step],
    given: bytes = b"",
    env: dict[str, str] | None = None,
    controls: Sequence[Control] = (),
) -> list[tuple[TestRun, str]]:
    """Outcomes and log of every step that was run, the first at least; see `Grader.execute`."""
    tests = grader.settings(instance)
    plan = {
        "seconds": tests.wall_seconds,
        "steps": [
            {
                "script": step.script,
                "tests": step.tests or instance.test_files,
                "must_pass": step.must_pass,
                "again": step.again,
            }
            for step in steps
        ],
    }
    done = sandbox.run(
        often(tests),
        stdin=json.dumps(plan).encode() + b"\n" + given,
        timeout=tests.wall_seconds * len(steps) + 10,
        env=env,
    )
    try:
        runs = list(_runs(zlib.decompressobj().decompress(done.stdout, MOST)))
    except (zlib.error, ManifestError, ValueError, KeyError, TypeError):
        runs = []
    if not runs:
        log = normalize_log(done.stderr.decode("utf-8", "replace"), sandbox.root)
        problem = f"the tests ended with exit code {done.exit_code} before any ran"
        return [(TestRun(problem=problem, seconds=done.seconds), log)]
    results = []
    for said, report, text in runs:
        log = normalize_log(text.decode("utf-8", "replace"), sandbox.root)
        seconds, code = float(said["seconds"]), int(said["code"])
        killed = code == 128 + SIGKILL and float(said["processor"]) >= tests.seconds
        if said["late"] or killed or code == 128 + SIGXCPU:
            late = f"the tests took longer than {tests.seconds:.0f} s"
            results.append((TestRun(problem=late, cut_off=True, seconds=seconds), log))
            continue
        run = replace(read(report, text, code, instance.test_files, controls), seconds=seconds)
        results.append((run, without_controls(log, [c.name for c in controls], run.controls)))
    return results


def _runs(data: bytes) -> Iterator[tuple[dict[str, float], bytes, bytes]]:
    """What is said of each run, its report and its log. Raises what a forged one may."""
    while data:
        head, _, data = data.partition(b"\n")
        said = parse_json(head, "a run of tests", "It was written in the sandbox.")
        report, log = int(said["report"]), int(said["log"])
        if min(report, log) < 0 or report + log > len(data):
            raise ValueError("a run is cut short")
        yield said, data[:report], data[report : report + log]
        data = data[report + log :]
