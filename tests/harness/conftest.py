"""The demo codebase's history laid out for sandboxes, and runs of it by the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from harness.history import History
from seqswe.cli import main
from seqswe.runs.store import RunDirectory
from seqswe.sandbox import Limits, SandboxSpec

PLUGINS = "tests.harness.plugins_of_tests:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended, and the run directory it worked on."""

    code: int
    err: str
    store: RunDirectory

    def verdicts(self, arm: str) -> list[bool | None]:
        """Resolved, by position, in the first seed of an arm."""
        return [r.resolved for r in self.store.journal().rollouts if (r.arm, r.seed) == (arm, 0)]

    def causes(self, arm: str) -> list[str]:
        """Causes of failures, by position."""
        rollouts = [r for r in self.store.journal().rollouts if r.arm == arm]
        return [r.failure.cause if r.failure else "" for r in rollouts]


Call = Callable[..., Ended]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """`call("run", out, "--agent", "gold")`; a name with a leading ":" is one of the tests' own."""

    def make(command: str, out: Path, *given: str) -> Ended:
        own = [PLUGINS + g[1:] if g.startswith(":") else g for g in given]
        where = ["--out", str(out), "--sandbox", "local"] if command == "run" else [str(out)]
        with pytest.raises(SystemExit) as ended:
            main([command, *where, *own])
        code = ended.value.code
        assert isinstance(code, int)
        said = capsys.readouterr().err
        assert "Traceback" not in said
        return Ended(code=code, err=said, store=RunDirectory.open(out))

    return make


@pytest.fixture
def run(call: Call, tmp_path: Path) -> Call:
    """A run of a few tasks with one seed; `into` a folder, if a test makes two of them."""

    def make(
        *given: str, limit: int = 3, arms: tuple[str, ...] = ("sequential",), into: str = "run"
    ) -> Ended:
        chosen = [word for arm in arms for word in ("--arm", arm)]
        return call("run", tmp_path / into, *chosen, "--seeds", "1", "--limit", str(limit), *given)

    return make


@pytest.fixture(scope="session")
def history(ledgerlite, clone, cache):
    """The packs of the demo codebase's sequence."""
    bases = [record.base_commit for record in ledgerlite.instances]
    return History(clone, bases, cache / "history" / "ledgerlite")


@pytest.fixture
def lay(history, ledgerlite, tmp_path):
    """Makes the specification of a sandbox at a position of the sequence."""
    numbers = count()

    def make(position=0, **limits):
        record = ledgerlite.instances[position]
        limits = {"memory_mb": 512, "disk_mb": 64, "pids": 64, **limits}
        return SandboxSpec(
            environment=ledgerlite.environment(record.environment),
            checkout=history.checkout(record.base_commit, tmp_path / f"objects-{next(numbers)}"),
            limits=Limits(**limits),
            labels={"run": "tests", "task": record.instance_id},
        )

    return make
