"""`placebo`, a control: as much text as a real memory would recall, of another codebase.

If an agent gains as much from this as from `episodic`, the gain came from a longer prompt and
not from knowing the codebase.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from memory_backends.retrieval.episodic import Episodic
from memory_backends.shared.records import NAME, Record, read_records
from memory_backends.shared.text import clip_bytes
from seqswe.errors import UsageError
from seqswe.instance import Task
from seqswe.memory import Recall, Recalled
from seqswe.runs.store import RunDirectory


class Placebo(Episodic):
    """Recalls as many items and bytes as `episodic` would, with the content of another codebase.

    source: the run directory of another codebase whose memory kept records (`episodic` and the
    like), or a records.jsonl. Items name a task of that codebase as their origin, because no
    rollout of this run taught them.
    """

    sources: ClassVar[tuple[str, ...]] = ("codebase",)
    requires: ClassVar[str] = "a run of another codebase (source=)"

    def __init__(self, home: Path, *, source: str = "", **options: Any) -> None:
        super().__init__(home, **options)
        self.foreign = foreign_records(source)

    def recall(self, task: Task) -> Recall:
        """Recall as many items, of the same sizes and scores; the task decides which records."""
        if any(record.repo == task.repo for record in self.foreign):
            raise UsageError(
                f"memory 'placebo' has records of {task.repo} itself",
                "Give source= the run directory of another codebase.",
            )
        real = super().recall(task)
        lot = Random(f"placebo {task.instance_id}")
        items = tuple(self._other(item, lot) for item in real.items)
        return Recall(items=items, truncated=real.truncated)

    def _other(self, item: Recalled, lot: Random) -> Recalled:
        start = lot.randrange(len(self.foreign))
        record = self.foreign[start]
        return replace(
            item,
            text=self._text(start, len(item.text.encode("utf-8"))),
            files=record.files,
            notes=record.notes or {},
            origins=(f"codebase:{record.repo}/{record.instance_id}",),
        )

    def _text(self, start: int, size: int) -> str:
        text = ""
        for record in self._from(start):
            text += ("\n" if text else "") + record.text(self.fix_lines)
            if len(text.encode("utf-8")) >= size:
                break
        cut = clip_bytes(text, size)
        # A cut inside a character falls short by up to three bytes.
        return cut + "." * (size - len(cut.encode("utf-8")))

    def _from(self, start: int) -> Iterator[Record]:
        while True:
            yield self.foreign[start % len(self.foreign)]
            start += 1


def foreign_records(source: str) -> list[Record]:
    """Return the records of a records.jsonl, or of the largest memory of a run directory.

    Raises UsageError if there are none, RunDirError if they are damaged.
    """
    path = Path(source)
    records: list[Record] = []
    if source and path.is_dir():
        records = _of_run(path)
    elif source:
        records = read_records(path)
    if not records:
        raise UsageError(
            f"memory 'placebo' finds no records in source={source!r}",
            "Give --memory-option source=RUN, a run of another codebase with memory episodic.",
        )
    return records


def _of_run(root: Path) -> list[Record]:
    run = RunDirectory.open(root)
    rollouts = [r for r in run.journal().rollouts if r.memory_after]
    if not rollouts:
        return []
    fullest = max(rollouts, key=lambda r: r.memory_bytes)
    with TemporaryDirectory() as folder:
        run.snapshots.get(fullest.memory_after, Path(folder))
        return read_records(Path(folder) / NAME)
