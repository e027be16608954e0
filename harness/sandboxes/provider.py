"""An experiment's sandboxes while it runs: swept before, all closed after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from seqswe.sandbox import SandboxChoice, SandboxProvider


@contextmanager
def open_provider(choice: SandboxChoice) -> Iterator[SandboxProvider]:
    """The provider of a kind of sandbox, for this block alone."""
    provider = choice.build()
    try:
        provider.sweep()
        yield provider
    finally:
        provider.close()
