"""The seconds that a rollout spent, by phase, and its sandbox's processor time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic

from seqswe.sandbox import Sandbox


class Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Book the time inside to `name`."""
        started = monotonic()
        try:
            yield
        finally:
            self.book(name, monotonic() - started)

    @contextmanager
    def processor(self, sandbox: Sandbox) -> Iterator[None]:
        """Book the processor time that a sandbox spends inside, if it is one that counts it."""
        before: float | None = getattr(sandbox, "processor_seconds", None)
        try:
            yield
        finally:
            if before is not None:
                self.book("processor", sandbox.processor_seconds - before)  # type: ignore[attr-defined]

    def add(self, seconds: Mapping[str, float]) -> None:
        """Book several phases."""
        for name, each in seconds.items():
            self.book(name, each)

    def book(self, name: str, seconds: float) -> None:
        """Add seconds to a phase."""
        self.seconds[name] = round(self.seconds.get(name, 0.0) + seconds, 4)
