"""The agent protocol: who tries to solve a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from seqswe.instance import Task
from seqswe.memory import Recall
from seqswe.sandbox import Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a rollout consumed; each becomes a curve of its own."""

    steps: int = 0
    executions: int = 0
    """Candidate or test executions, for agents that count them."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    """None if it was not metered: an unknown cost is never 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What an agent says of its work. Its patch is not here: it is collected from the sandbox."""

    ranking: tuple[str, ...] = ()
    """Files it thought relevant, best first."""
    usage: Usage = Usage()
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Anything (JSON) it wants to find again in later recalls."""
    message: str = ""


@runtime_checkable
class Agent(Protocol):
    """Solves one task in a sandbox. A fresh agent is built for every rollout.

    Built as `Factory(seed=..., **options)`. A class with `reads_gold = True` is also given
    `gold`, a callable from instance id to Instance; reports label it as not deployable.
    A class that does not only read the recall it is handed says so: `deliveries` names the ways
    by which it can be given a memory, and `inside = True` that it runs within the sandbox.
    """

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """Edit files in the sandbox; the difference to the base commit is the patch."""
        ...
