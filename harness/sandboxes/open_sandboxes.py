"""The sandboxes that a provider has open, so that all of them can be closed at once."""

from __future__ import annotations

import threading
from typing import Protocol, TypeVar

from seqswe.errors import RolloutError
from seqswe.sandbox import Sandbox


class OneOfMany(Sandbox, Protocol):
    """A sandbox that tells whether it is still open."""

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        ...


T = TypeVar("T", bound=OneOfMany)


class OpenSandboxes:
    """The sandboxes of a provider that are still open. Safe between threads."""

    def __init__(self) -> None:
        self._sandboxes: set[OneOfMany] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def check(self) -> None:
        """Raise RolloutError once the provider is being closed."""
        if self._stopped:
            raise RolloutError("cancelled", "the run is being stopped")

    def add(self, sandbox: T) -> T:
        """Keep a sandbox until it is closed. One that comes too late is closed at once."""
        with self._lock:
            self._sandboxes = {s for s in self._sandboxes if not s.closed} | {sandbox}
        try:
            self.check()
        except RolloutError:
            sandbox.close()
            raise
        return sandbox

    def close(self) -> None:
        """Close them all, and any that is added later."""
        self._stopped = True
        with self._lock:
            left = list(self._sandboxes)
        for sandbox in left:
            sandbox.close()
