"""Run directories with planted outcomes, so that every number in a report has a known answer."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from seqswe.agent import Attempt, Usage
from seqswe.experiment import Experiment
from seqswe.instance import Task, digest_of
from seqswe.memory import Recall, Recalled
from seqswe.runs.rollout import Failure, Rollout
from seqswe.runs.store import RunDirectory, RunInfo, TestCounts, dump
from seqswe.runs.trajectory import trajectory
from seqswe.sandbox import Completed

Change = Callable[[Rollout], Rollout | None]
PlantRun = Callable[..., RunDirectory]

BROWSER = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--enable-logging=stderr", "--v=0", "--virtual-time-budget=10000", "--dump-dom"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A page as a browser left it: its document, and what the console complained about."""

    dom: str
    complaints: list[str]


Browse = Callable[[str], Seen]


def rollout(arm: str = "iid", seed: int = 0, position: int = 0, **values: object) -> Rollout:
    """A graded rollout that resolved nothing, with what a test wants to differ."""
    base = Rollout(
        arm=arm, seed=seed, position=position, instance_id=f"task-{position}", key="k",
        resolved=False, gold_files=("src/a.py",),
        recalled=int(arm == "sequential" and position > 0),
    )  # fmt: skip
    return replace(base, **values)


def failed(found: Rollout, cause: str = "sandbox_failed", detail: str = "it broke") -> Rollout:
    """The same rollout without a verdict."""
    return replace(found, resolved=None, failure=Failure(cause=cause, detail=detail))


def outcomes_of(tasks: int, seeds: int, *, lift: float, seed: int = 7) -> dict[str, np.ndarray]:
    """Resolved (tasks, seeds) per arm: tasks differ in difficulty, the lift ramps from 0."""
    draw = np.random.default_rng(seed)
    easy = draw.beta(0.8, 1.2, size=(tasks, 1))
    ramp = 2 * lift * np.linspace(0.0, 1.0, tasks)[:, np.newaxis]
    chance = {"iid": easy, "sequential": np.clip(easy + ramp, 0.0, 1.0)}
    return {arm: draw.random((tasks, seeds)) < p for arm, p in chance.items()}


@pytest.fixture
def plant(tmp_path: Path) -> PlantRun:
    """A factory of run directories; `outcomes` is {arm: resolved (tasks, seeds)}."""

    def make(
        outcomes: dict[str, np.ndarray],
        *,
        name: str = "run",
        change: Change = lambda found: found,
        synthetic: bool = False,
        files: bool = False,
        named: str = "task-{}",
        tests: TestCounts | None = None,
        **settings: object,
    ) -> RunDirectory:
        tasks, seeds = next(iter(outcomes.values())).shape
        ids = tuple(named.format(i) for i in range(tasks))
        info = RunInfo(
            experiment=Experiment(arm=tuple(outcomes), seeds=seeds, **settings),
            instance_ids=ids,
            sequence_digest=digest_of("\n".join(ids)),
            environments={"env": "sha256:1234"},
            synthetic=synthetic,
            tests=tests,
        )
        run = RunDirectory.create(tmp_path / name, info)
        lines = []
        for arm, values in outcomes.items():
            for (position, seed), resolved in np.ndenumerate(values):
                planned = _planted(arm, seed, position, resolved=bool(resolved))
                made = change(replace(planned, instance_id=ids[position]))
                lines += [made] if made else []
        _write(run, lines)
        if files:
            for made in lines:
                leave_files(run, made)
        return run

    return make


def leave_files(run: RunDirectory, made: Rollout, text: str = "Totals are off by a cent.") -> None:
    """What the runner leaves of a rollout: trajectory, patch, test log, verdict."""
    task = Task(
        instance_id=made.instance_id, repo="o/r", base_commit="c", problem_statement=text,
        created_at=datetime(2024, 1, 1, tzinfo=UTC), position=made.position,
    )  # fmt: skip
    items = (Recalled(text=f"{text} It was the rounding.", origins=("task-0",), score=0.5),)
    ran = Completed(exit_code=1, stdout=f"src/a.py: {text}".encode(), stderr=b"")
    about = {"agent": "localizer", "session": "s", "extra": {}}
    attempt = Attempt(message=f"done: {text}", ranking=made.ranking)
    told = trajectory(task, Recall(items=items), attempt, [("grep -rn round src", ran)], about)
    lines = ("diff --git a/src/a.py b/src/a.py", "--- a/src/a.py", "+++ b/src/a.py")
    hunk = (
        "@@ -1,2 +1,2 @@",
        " def total():",
        f"-    return x  # {text}",
        "+    return round(x, 2)",
    )
    patch = "\n".join([*lines, *hunk, ""])
    run.write(
        run.folder(made.arm, made.seed, made.position, made.instance_id),
        {
            "trajectory.json": dump(told),
            "patch.diff": patch,
            "test.log": f"FAILED tests/test_a.py::test_total - {text}\n",
            "report.json": dump({made.instance_id: {"resolved": made.resolved}}),
        },
    )


def _write(run: RunDirectory, lines: list[Rollout]) -> None:
    # One fsync per line is what the store promises and what a test of thousands cannot afford.
    text = "".join(json.dumps(r.as_json(), sort_keys=True) + "\n" for r in lines)
    (run.root / "rollouts.jsonl").write_text(text, encoding="utf-8")


def _planted(arm: str, seed: int, position: int, *, resolved: bool) -> Rollout:
    carried = arm == "sequential"
    return rollout(
        arm,
        seed,
        position,
        resolved=resolved,
        ranking=("src/a.py",) if resolved else ("src/b.py", "src/a.py"),
        usage=Usage(
            steps=10 - (position % 3) * carried,
            prompt_tokens=1000 + position,
            completion_tokens=100,
            cost_usd=0.01 * (0.8 if carried else 1.0),
        ),
        recalled_bytes=50 * position * carried,
        memory_bytes=4096 * (position + 1) if carried else 4096,
        timing={"agent": 1.0, "grade": 0.5},
    )


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """Opens an address in headless Chromium; skips without one, unless it is required."""
    found = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if not found:
        if os.environ.get("SEQSWE_REQUIRE_CHROMIUM") == "1":
            pytest.fail("SEQSWE_REQUIRE_CHROMIUM=1, and there is no chromium")
        pytest.skip("no chromium (Debian: apt-get install chromium)")

    def open_page(address: str) -> Seen:
        profile = tmp_path / "profile"
        done = subprocess.run(
            [found, *BROWSER, f"--user-data-dir={profile}", address],
            capture_output=True, text=True, timeout=300, check=True,
        )  # fmt: skip
        shutil.rmtree(profile, ignore_errors=True)
        return Seen(dom=done.stdout, complaints=re.findall(r".*:CONSOLE.*", done.stderr))

    return open_page
