"""`full_history`, a control: every record, latest first, as far as the budget goes.

Long contexts are a strong baseline for retrieval (EvoMemBench). The oldest records are the first
that do not fit.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memory_backends.shared.records import MAX_BYTES, RecordMemory
from seqswe.instance import Task


class FullHistory(RecordMemory):
    """Every record that `max_bytes` holds, latest first, with one score for all."""

    def __init__(self, home: Path, *, max_bytes: int = MAX_BYTES, **options: Any) -> None:
        super().__init__(home, k=sys.maxsize, max_bytes=max_bytes, **options)

    def rank(self, task: Task) -> Sequence[tuple[int, float]]:
        """Rank all records, latest first."""
        return [(index, 1.0) for index in reversed(range(len(self.records)))]
