"""A line for each request to the agents' model: what a run has spent, also on what was lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from seqswe.errors import RunDirError
from seqswe.manifests.read import parse_json, read_lines
from seqswe.patterns import AMOUNT

FILE = "model_requests.jsonl"
HINT = "Restore it from a copy: budgets count from it."


class ModelRequests:
    """The file in a run's folder. Safe between threads."""

    def __init__(self, root: Path) -> None:
        self._path = root / FILE
        self._lock = Lock()

    def append(self, line: Mapping[str, Any]) -> None:
        """Add a line. A power failure may lose the last ones, a killed process does not."""
        with self._lock, self._path.open("ab") as out:
            out.write(json.dumps(line, sort_keys=True).encode() + b"\n")

    def lines(self, skip: int) -> tuple[tuple[dict[str, Any], ...], int]:
        """The lines after the first `skip`, and how many there are. Raises RunDirError."""
        found: list[dict[str, Any]] = []
        count = 0
        with self._lock:
            for line in read_lines(self._path, HINT) if self._path.exists() else ():
                count += 1
                if count > skip:
                    found.append(parse_json(line.data, line.where, HINT))
        return tuple(found), count

    def charged(self) -> tuple[float, int, int]:
        """USD, tokens and requests so far. Raises RunDirError for a damaged file."""
        cost, tokens, requests = 0.0, 0, 0
        if not self._path.exists():
            return cost, tokens, requests
        for line in read_lines(self._path, HINT):
            if not line.whole:  # the process was killed while it wrote it
                break
            value = parse_json(line.data, line.where, HINT)
            told = value if isinstance(value, dict) else {}
            usd, count = told.get("charged_cost", -1), told.get("charged_tokens", -1)
            if not (AMOUNT.fits(usd) and AMOUNT.fits(count)):
                raise RunDirError(f"{line.where} does not tell what was charged", HINT)
            cost, tokens, requests = cost + usd, tokens + int(count), requests + 1
        return cost, tokens, requests
