"""A thing that was decided about a codebase, and why: what `seqswe mine` prints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A value with the reason for it, in words."""

    value: str
    why: str
