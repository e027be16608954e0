"""Rollouts of other people's runs: an outcome between 0 and 1 and nothing that led to it."""

from __future__ import annotations

from dataclasses import dataclass

from seqswe.outcome import share
from seqswe.runs.rollout import Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRollout(Rollout):
    """A row of an outcome table; `score` is None where the table has no result."""

    score: float | None = None

    @property
    def graded(self) -> bool:
        """Whether there is a result."""
        return self.score is not None


def _score(rollout: Rollout) -> float | None:
    return rollout.score if isinstance(rollout, ScoredRollout) else None


SCORE = share("outcome", "Outcome", _score, unit="mean outcome", percent=False)
"""The outcome of a table that holds more than resolved or not."""
