"""What an environment needs of the harness, which the core finds by name alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from seqswe.agent import Attempt
from seqswe.errors import RolloutError
from seqswe.experiment import Experiment
from seqswe.instance import Task
from seqswe.memory import Recall
from seqswe.runs.rollout import Rollout
from seqswe.sandbox import Sandbox

STAGE = "harness.loop.stage"
"""Module with `open_stage(experiment, out)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Which rollout, from which memory: "empty", "carry", or the digest of a snapshot."""

    position: int
    seed: int = 0
    memory: str = "empty"


class Turn(Protocol):
    """A rollout whose agent's turn it is: the caller acts in its sandbox, then hands in."""

    task: Task
    recall: Recall
    sandbox: Sandbox
    """Records what is run, and counts it against the task's limits."""
    about: Mapping[str, Any]
    """Arm, seed, memory and whether the rollout goes into the run directory."""

    def hand_in(self, attempt: Attempt) -> Rollout:
        """End the turn; returns the graded rollout.

        Raises RolloutError for a failure of the machine: then there is no verdict.
        """
        ...

    def fail(self, error: RolloutError) -> Rollout:
        """End the turn by an error of the sandbox, as if the agent had raised it."""
        ...

    def abandon(self) -> None:
        """Give the rollout up: nothing is graded and nothing is learned."""
        ...


class Stage(Protocol):
    """Everything that rollouts share; safe between threads."""

    instance_ids: tuple[str, ...]
    """Of the tasks, in their order."""

    def begin(self, start: Start) -> Turn:
        """Recall, and open the sandbox of a rollout.

        Raises UsageError for a memory that is not there, RolloutError as `Turn.hand_in` does.
        """
        ...

    def close(self) -> None:
        """Close everything; safe to call twice."""
        ...


def open_stage(experiment: Experiment, out: Path | None) -> Stage:
    """Load an experiment and make its sandboxes ready; `out` is its run directory, None for none.

    Raises what `seqswe run` says before anything is run.
    """
    return cast(Stage, import_module(STAGE).open_stage(experiment, out))
