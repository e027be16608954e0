"""Runs of the demo codebase through the command line, in the local sandbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from seqswe.cli import main
from seqswe.store import RunDirectory

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
    """A run of a few tasks with one seed, into a folder of its own."""

    def make(*given: str, limit: int = 3, arms: tuple[str, ...] = ("sequential",)) -> Ended:
        chosen = [word for arm in arms for word in ("--arm", arm)]
        return call("run", tmp_path / "run", *chosen, "--seeds", "1", "--limit", str(limit), *given)

    return make
