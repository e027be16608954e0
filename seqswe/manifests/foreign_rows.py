"""Tasks of SWE-bench's family as they come: JSON, JSON lines or Parquet, and SWE-Bench-CL's file.

A row is kept whole, with fields that nobody here knows; what later steps need is checked.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from seqswe.errors import ManifestError, MissingError
from seqswe.manifests.read import MAX_DIGITS, damaged, read_bytes, read_json, read_json_lines
from seqswe.patterns import COMMIT, INSTANCE_ID, REPO
from seqswe.visible import one_line

MOST_BYTES = 400_000_000
TEXTS = ("problem_statement", "patch", "test_patch")
PARTS = ("metadata", "task", "evaluation")
"""Tables of a task of SWE-Bench-CL that hold SWE-bench's fields."""
HINT = "Give tasks with SWE-bench's fields: a JSON list, JSON lines, Parquet, or SWE-Bench-CL."


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRow:
    """One task of somebody else's data set."""

    instance_id: str
    repo: str
    base_commit: str
    problem_statement: str
    patch: str
    test_patch: str
    data: Mapping[str, Any]
    """The whole row as it was read."""


def read_rows(path: Path) -> list[ForeignRow]:
    """Read every task of a file, in its order. Raises ManifestError, which names the task."""
    return [_row(data, where) for where, data in _tables(path)]


def _tables(path: Path) -> Iterator[tuple[str, Any]]:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        data: list[Any] = _parquet(path)
    elif suffix in (".jsonl", ".ndjson"):
        for entry in read_json_lines(path, HINT, MOST_BYTES):
            yield entry.where, entry.value
        return
    else:
        data = _flat(read_json(path, HINT, MOST_BYTES), str(path))
    yield from ((f"{path}, task {number}", row) for number, row in enumerate(data, 1))


def _flat(value: Any, where: str) -> list[Any]:
    """The tasks of a list, of SWE-Bench-CL's sequences, or of a table by instance id."""
    if isinstance(value, dict) and isinstance(value.get("sequences"), list):
        lists = [s.get("tasks") for s in value["sequences"] if isinstance(s, dict)]
        tasks = [task for tasks in lists if isinstance(tasks, list) for task in tasks]
        value = [_of_cl(task) for task in tasks if isinstance(task, dict)]
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list) or not value:
        raise damaged(f"{where} holds no list of tasks", HINT)
    return value


def _of_cl(task: Mapping[str, Any]) -> dict[str, Any]:
    """A task of SWE-Bench-CL with SWE-bench's fields on top, and its other tables as they are."""
    flat = {name: value for name, value in task.items() if name not in PARTS}
    for part in PARTS:
        if isinstance(task.get(part), dict):
            flat |= task[part]
    return flat


def _parquet(path: Path) -> list[Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingError(
            f"reading {path.name} needs pyarrow", "pip install 'seqswe[parquet]', or give JSON."
        ) from None
    try:
        rows: list[Any] = parquet.read_table(
            io.BytesIO(read_bytes(path, MOST_BYTES, HINT))
        ).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise damaged(f"{path}: not Parquet: {one_line(str(error), 120)}", HINT) from None
    return [_as_json(row) for row in rows]


def _as_json(value: Any) -> Any:
    """A value with nothing in it that JSON has no word for, such as the NaN of a missing number."""
    if isinstance(value, dict):
        return {name: _as_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    if isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
        return str(value)
    return value


def _row(data: Any, where: str) -> ForeignRow:
    if not isinstance(data, dict):
        raise damaged(f"{where} is no table of fields", HINT)
    patterns = {"instance_id": INSTANCE_ID, "repo": REPO, "base_commit": COMMIT}
    for name, pattern in patterns.items():
        if not pattern.fits(data.get(name)):
            raise damaged(f"{where}: field {name!r} must be {pattern.meaning}", HINT)
    for name in TEXTS:
        if not isinstance(data.get(name), str):
            raise ManifestError(f"{where}: field {name!r} must be a text", HINT)
    named = {name: data[name] for name in (*patterns, *TEXTS)}
    return ForeignRow(**named, data=data)
