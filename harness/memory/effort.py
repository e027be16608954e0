"""How much work one search of a memory may take: what takes more is no clean memory."""

from __future__ import annotations

from time import thread_time

from seqswe.errors import RolloutError

SECONDS = 300.0
"""Processor seconds of one search; an honest state of 100 MB takes a tenth of them."""


class Effort:
    """Counts the processor time of the thread that made it.

    Sizes bound a search first, since they are the same on any machine. This is for what they do not
    tell: input that was made to be slow.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds, self._until = seconds, thread_time() + seconds

    def check(self) -> None:
        """Raise RolloutError("memory_failed") if the time is used up."""
        if thread_time() > self._until:
            raise RolloutError(
                "memory_failed",
                f"what the memory holds takes more than {self._seconds:g} s to search",
            )
