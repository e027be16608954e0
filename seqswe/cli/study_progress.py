"""How far a study has come: which of its runs is at hand, and how long all of them take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from seqswe.cli.progress import left


class StudyProgress:
    """Counts the rollouts of runs that go one after the other."""

    def __init__(self, root: Path, rollouts: Sequence[int]) -> None:
        """root: the study's folder; rollouts: how many each run lacks, as far as is known."""
        self.root, self._left = root, list(rollouts)
        self._run, self._made, self._started = 0, 0, time.monotonic()

    def begin(self, run: int) -> None:
        """Another run is at hand, the first of them 1; those before it are over."""
        self._left[: run - 1] = [0] * (run - 1)
        self._run = run

    def expect(self, rollouts: int) -> None:
        """So many are left of the run at hand: fewer than was thought if it borrows an arm."""
        self._left[self._run - 1] = rollouts

    def line(self) -> str:
        """One more rollout has ended: say how the study stands."""
        self._made += 1
        self._left[self._run - 1] = max(0, self._left[self._run - 1] - 1)
        seconds = time.monotonic() - self._started
        rest = left(seconds, self._made, self._made + sum(self._left))
        return f"study: run {self._run} of {len(self._left)}{f', {rest}' if rest else ''}"
