"""Which tests of an injected bug may grade it: those that no issue ever shows.

This is decided once for a whole sequence. So a test that was ever shown, and may be remembered,
never grades, and a test that grades is never shown. Every test of a real issue may grade.
"""

from __future__ import annotations

from hashlib import sha256

from seqswe.manifests.manifest import InstanceRecord

SHOWN = 0.4
"""Share of the tests that may be shown as reproductions."""


def function_of(test: str) -> str:
    """Strip the parameters of a test id; a function is shown or hidden as a whole."""
    return test.split("[", 1)[0]


def is_shown(seed: int, test: str) -> bool:
    """Whether a test may be an issue's reproduction; all others may grade."""
    lot = sha256(f"shown {seed} {function_of(test)}".encode()).digest()
    return lot[0] < SHOWN * 256


def grades(record: InstanceRecord, test: str) -> bool:
    """Whether a test may grade an instance."""
    return not record.bug or not is_shown(record.bug["seed"], test)
