"""What a broken contract says: what was expected, what came, and why it matters."""

from __future__ import annotations

from difflib import unified_diff
from pprint import pformat

SHOWN, DIFFERENCE = 400, 1600
"""Characters that are shown of a value, and of how two values differ."""


def expect(holds: object, expected: str, came: object, why: str) -> None:
    """Raise AssertionError unless something holds.

    expected: in words; came: the value, or what happened, in words.
    """
    if not holds:
        shown = came if isinstance(came, str) else repr(came)
        raise AssertionError(_said(expected, _short(shown), why))


def expect_equal(came: object, expected: object, what: str, why: str) -> None:
    """Raise AssertionError, with where the two differ, unless they are equal."""
    if came == expected:
        return
    before, after = (pformat(value).splitlines() for value in (expected, came))
    lines = unified_diff(before, after, "expected", "got", lineterm="", n=1)
    difference = "\n  ".join(lines) or f"{expected!r} expected, {came!r} got"
    raise AssertionError(_said(what, f"something else:\n  {_short(difference, DIFFERENCE)}", why))


def _said(expected: str, came: str, why: str) -> str:
    return f"expected: {expected}\n  got: {came}\n  why it matters: {why}"


def _short(text: str, most: int = SHOWN) -> str:
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"
