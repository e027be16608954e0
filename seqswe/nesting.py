"""How deep a JSON value is."""

from __future__ import annotations

from typing import Any


def is_within(value: dict[str, Any], levels: int) -> bool:
    """Whether nothing in a value lies deeper than so many levels, itself the first.

    It does not recurse, so that no depth can make it fail.
    """
    level: list[Any] = [value]
    for _ in range(levels):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return True
    return False
