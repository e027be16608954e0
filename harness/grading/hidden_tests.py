"""Which tests of an injected bug may grade it: those that no issue ever shows.

Decided once for a whole sequence, so that what was ever shown (and so may be remembered) never
grades, and what grades is never shown. Of a real issue every test may grade.
"""

from __future__ import annotations

from hashlib import sha256

from seqswe.manifests.manifest import InstanceRecord

SHOWN = 0.4
"""Share of the tests that may be shown as reproductions."""


def function_of(test: str) -> str:
    """A test id without its parameters: what is shown or hidden as a whole."""
    return test.split("[", 1)[0]


def is_shown(seed: int, test: str) -> bool:
    """Whether a test may be an issue's reproduction; all others may grade."""
    lot = sha256(f"shown {seed} {function_of(test)}".encode()).digest()
    return lot[0] < SHOWN * 256


def grades(record: InstanceRecord, test: str) -> bool:
    """Whether a test may grade an instance."""
    return not record.bug or not is_shown(record.bug["seed"], test)
