"""The memory protocol: what an agent keeps from one task to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from seqswe.instance import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """One thing remembered, and the earlier rollouts it came from."""

    text: str
    score: float = 0.0
    origins: tuple[str, ...] = ()
    """Instance ids of the rollouts this was learned from; the harness checks that all are past."""
    files: tuple[str, ...] = ()
    """Files that the earlier solution touched, where the feedback policy let them be known."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """What the agent of that rollout left for its successors (JSON), handed back untouched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """What a memory offers for a task, best first."""

    items: tuple[Recalled, ...] = ()
    truncated: bool = False
    """Whether a budget cut something that would have been recalled."""

    @property
    def text(self) -> str:
        """The items as one text, for agents that read prose."""
        return "\n\n".join(item.text for item in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """What a memory is told after a rollout: only what the feedback policy allows.

    Fields that the policy withholds are None, so a backend cannot use by accident what it
    must not know. `verdict` fills `resolved`; `tests` adds `test_output`; `gold` adds the
    merged fix, which in real life becomes visible once the task is over.
    """

    task: Task
    patch: str = ""
    """The agent's own patch."""
    ranking: tuple[str, ...] = ()
    """Files the agent thought relevant, best first."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    resolved: bool | None = None
    test_output: str | None = None
    gold_patch: str | None = None
    gold_files: tuple[str, ...] | None = None
    edited_files: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The files this rollout taught: the fix's where known, else those the agent edited."""
        return self.gold_files if self.gold_files is not None else self.edited_files


@runtime_checkable
class Memory(Protocol):
    """What an agent keeps from one task to the next.

    Built as `Factory(home, **options)`: `home` is an empty folder of its own. All state must
    survive `save` into an empty folder and `load` from it; `recall` must not change state.
    """

    def recall(self, task: Task) -> Recall:
        """Find what helps with this task; nothing is written."""
        ...

    def record(self, experience: Experience) -> None:
        """Learn from one finished rollout; recording the same rollout again changes nothing."""
        ...

    def save(self, directory: Path) -> None:
        """Write the whole state into an empty folder, the same bytes for the same state."""
        ...

    def load(self, directory: Path) -> None:
        """Replace the whole state by one that `save` wrote."""
        ...
