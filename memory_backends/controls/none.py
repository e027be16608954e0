"""`none`: remembers nothing. The floor that every other memory is compared with."""

from __future__ import annotations

from pathlib import Path

from seqswe.instance import Task
from seqswe.memory import Experience, Recall


class Nothing:
    """Records nothing and recalls nothing."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def recall(self, task: Task) -> Recall:
        """Return an empty recall."""
        return Recall()

    def record(self, experience: Experience) -> None:
        """Record nothing."""

    def save(self, directory: Path) -> None:
        """Write nothing: there is no state."""

    def load(self, directory: Path) -> None:
        """Read nothing: there is no state."""
