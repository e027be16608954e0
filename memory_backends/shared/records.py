"""What the memories without a model share. Records are the truth, an index is a cache.

A memory keeps one record per rollout, in the order in which they came. `save` writes nothing but
`records.jsonl`, to which a new rollout only appends. So the same state gives the same bytes, and a
snapshot costs the new line. If a backend keeps an index, `load` makes it again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from memory_backends.shared.text import READ_CHARS, clean, clip, clip_bytes, first_lines
from seqswe.errors import ManifestError, RunDirError, UsageError
from seqswe.instance import Task
from seqswe.manifests.convert import parse
from seqswe.manifests.read import Entry, read_json, read_json_lines
from seqswe.memory import Experience, Recall, Recalled
from seqswe.patterns import COUNT

NAME = "records.jsonl"
DROPPED = "dropped.json"
"""Holds how many records a bound on stored bytes has cost so far."""
DROPPED_BYTES = 40
MOST_BYTES = 64_000_000
"""Of one line of a saved state: notes of an agent may be long."""
RESTORE = "Restore the run directory from a copy, or start a new run."
KEPT_SHARE = 0.75
"""Share of the bound that is kept when records must be dropped: dropping one record at a time
would rewrite the whole file for every task."""
DEFAULT_K = 20
"""Records recalled by default. An agent that reads prose does better with 1 to 3; one that counts
votes over files wants many."""
MAX_BYTES = 32_000
KEPT_OUTPUT = 2_000
"""Characters kept of failing test output (its end) and of a fix (its start)."""
WRITTEN = "written"
"""Key of the notes that an agent wrote by its memory tool; the harness bounds their size."""
ISSUE, NOTE = 300, 200
"""Characters shown of an issue and of a note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The parts of an Experience that are kept, cut to a size worth keeping."""

    instance_id: str
    repo: str
    position: int
    created_at: str
    statement: str
    files: tuple[str, ...] = ()
    resolved: bool | None = None
    fix: str = ""
    """Start of the merged fix if the feedback policy shows it, else of the agent's patch."""
    output: str = ""
    notes: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, experience: Experience) -> Record:
        """Make the record of an experience."""
        task, fix = experience.task, experience.gold_patch or experience.patch
        return cls(
            instance_id=clean(task.instance_id),
            repo=clean(task.repo),
            position=task.position,
            created_at=task.created_at.isoformat(),
            statement=clean(task.problem_statement[:READ_CHARS]),
            files=taught_files(experience),
            resolved=experience.resolved,
            fix=clean(fix[:KEPT_OUTPUT]),
            output=clean((experience.test_output or "")[-KEPT_OUTPUT:]),
            notes=dict(experience.notes),
        )

    @classmethod
    def read(cls, entry: Entry) -> Record:
        """Read a line of records.jsonl. Raises ManifestError on anything else."""
        return parse(cls, entry.value, entry.where)

    def line(self) -> str:
        """Write one line of records.jsonl."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")) + "\n"

    @property
    def note(self) -> str:
        """The note in prose that the agent left, or else its notes as JSON, cut short."""
        notes = {name: value for name, value in (self.notes or {}).items() if name != WRITTEN}
        prose = notes.get("note")
        text = (
            prose if isinstance(prose, str) else json.dumps(notes, sort_keys=True) if notes else ""
        )
        return first_lines(clean(text), NOTE)

    @property
    def written(self) -> str:
        """What the agent wrote to its memory for later tasks, in full."""
        notes = (self.notes or {}).get(WRITTEN)
        return clean("\n".join(map(str, notes))) if isinstance(notes, list | tuple) else ""

    @property
    def document(self) -> str:
        """The text that an embedding is made of."""
        parts = (self.statement, " ".join(self.files), self.note, self.written)
        return "\n".join(parts if self.written else parts[:-1])

    def text(self, fix_lines: int = 0) -> str:
        """Write the record as prose for an agent, in a few short lines."""
        outcome = {True: "resolved", False: "not resolved", None: "outcome unknown"}[self.resolved]
        lines = [
            f"Earlier issue {self.instance_id} ({outcome}): {first_lines(self.statement, ISSUE)}"
        ]
        if self.files:
            lines.append(clip(f"Files of its fix: {', '.join(self.files)}", ISSUE))
        if self.note:
            lines.append(f"Note: {self.note}")
        if self.written:
            lines.append(f"Written down: {self.written}")
        if self.fix and fix_lines:
            lines += self.fix.splitlines()[:fix_lines]
        return "\n".join(lines)


class RecordMemory:
    """A memory of records; a subclass says in `rank` which ones help with a task.

    k: records recalled; max_bytes: UTF-8 bytes of a recall's text; fix_lines: lines of an
    earlier fix shown with it; max_stored_bytes: of the saved state, no bound by default. The
    oldest records go first, and how many went is part of the state.
    """

    def __init__(
        self,
        home: Path,
        *,
        k: int = DEFAULT_K,
        max_bytes: int = MAX_BYTES,
        fix_lines: int = 0,
        max_stored_bytes: int | None = None,
    ) -> None:
        at_least(k=(k, 1), max_bytes=(max_bytes, 0), fix_lines=(fix_lines, 0))
        if max_stored_bytes is not None:
            at_least(max_stored_bytes=(max_stored_bytes, 1000))
        self.home, self.k, self.max_bytes, self.fix_lines = home, k, max_bytes, fix_lines
        self.max_stored_bytes = max_stored_bytes
        self.dropped = 0
        self.records: list[Record] = []
        self._lines: list[str] = []
        self._known: set[str] = set()

    def rank(self, task: Task) -> Sequence[tuple[int, float]]:
        """Return indices into `records` with positive scores, best first; nothing is written."""
        raise NotImplementedError

    def keep(self, experience: Experience) -> Record:
        """Return what is kept of an experience."""
        return Record.of(experience)

    def add(self, record: Record) -> None:
        """Add `record`, the last of `records`, to the index, if the backend keeps one."""

    def reindex(self) -> None:
        """Make the index of `records` anew, if the backend keeps one."""

    def recall(self, task: Task) -> Recall:
        """Recall the k best records within the budget."""
        return self.within(
            Recalled(
                text=record.text(self.fix_lines),
                score=score,
                origins=(record.instance_id,),
                files=record.files,
                notes=record.notes or {},
            )
            for record, score in ((self.records[i], s) for i, s in self.rank(task)[: self.k])
        )

    def within(self, items: Iterable[Recalled]) -> Recall:
        """Recall as many items as `max_bytes` allows; see `budgeted`."""
        return budgeted(items, self.max_bytes)

    def record(self, experience: Experience) -> None:
        """Keep one record; the same rollout again changes nothing, unless it was dropped."""
        if clean(experience.task.instance_id) in self._known:
            return
        record = self.keep(experience)
        self._append(record)
        if self._drop():
            self.reindex()
        else:
            self.add(record)

    def save(self, directory: Path) -> None:
        """Write records.jsonl, or no file if there is no record."""
        if self._lines:
            (directory / NAME).write_text("".join(self._lines), encoding="utf-8")
        if self.dropped:
            (directory / DROPPED).write_text(json.dumps({"dropped": self.dropped}))

    def load(self, directory: Path) -> None:
        """Read records.jsonl and index it. Raises RunDirError if it is damaged."""
        records = read_records(directory / NAME)
        self.records, self._lines, self._known = [], [], set()
        self.dropped = read_dropped(directory / DROPPED)
        for record in records:
            self._append(record)
        self.reindex()

    def _drop(self) -> bool:
        """Drop the oldest records if the state has outgrown its bound; returns whether it had."""
        most = self.max_stored_bytes
        if most is None:
            return False
        size = sum(map(len, self._lines))  # bytes too: JSON lines are plain ASCII
        if size + DROPPED_BYTES <= most:
            return False
        count = 0
        for line in self._lines:
            last = count == len(self._lines) - 1
            if size + DROPPED_BYTES <= (most if last else KEPT_SHARE * most):
                break
            size -= len(line)
            count += 1
        self._known.difference_update(record.instance_id for record in self.records[:count])
        del self.records[:count], self._lines[:count]
        self.dropped += count
        return True

    def _append(self, record: Record) -> None:
        self.records.append(record)
        self._lines.append(record.line())
        self._known.add(record.instance_id)


def read_state(path: Path) -> Iterator[Entry]:
    """Read JSON lines of a saved state; none if there is no such file. Raises ManifestError."""
    if path.exists():
        yield from read_json_lines(path, RESTORE, MOST_BYTES)


def read_records(path: Path) -> list[Record]:
    """Read the records of a file; none if it does not exist. Raises RunDirError if damaged."""
    try:
        return [Record.read(entry) for entry in read_state(path)]
    except ManifestError as error:
        raise RunDirError(f"the memory's state is damaged: {error.message}", RESTORE) from None


def read_dropped(path: Path) -> int:
    """Read how many records were dropped. Raises RunDirError if the file is damaged."""
    if not path.exists():
        return 0
    try:
        return parse(_Dropped, read_json(path, RESTORE), path.name).dropped
    except ManifestError as error:
        raise RunDirError(f"the memory's state is damaged: {error.message}", RESTORE) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dropped:
    dropped: Annotated[int, COUNT]


def taught_files(experience: Experience) -> tuple[str, ...]:
    """Return the files where the fault was, or none if the attempt is known to have failed.

    Then `experience.files` are only what the agent changed in vain, unless gold files are shown.
    """
    failed = experience.resolved is False and experience.gold_files is None
    return () if failed else tuple(map(clean, experience.files))


def budgeted(items: Iterable[Recalled], max_bytes: int) -> Recall:
    """Recall as many items, best first, as fit into `max_bytes` of Recall.text.

    If not even the first fits, its text is cut: a small budget still recalls something.
    """
    kept: list[Recalled] = []
    left = max_bytes
    for item in items:
        size = len(item.text.encode("utf-8")) + 2 * bool(kept)
        if size > left:
            if not kept and left:
                kept.append(cut(item, left))
            return Recall(items=tuple(kept), truncated=True)
        left -= size
        kept.append(item)
    return Recall(items=tuple(kept))


def cut(item: Recalled, size: int) -> Recalled:
    """Return the item with its text cut to `size` bytes."""
    return Recalled(
        text=clip_bytes(item.text, size),
        score=item.score,
        origins=item.origins,
        files=item.files,
        notes=item.notes,
    )


def at_least(**settings: tuple[int, int]) -> None:
    """Check `name=(value, least)`. Raises UsageError."""
    for name, (value, least) in settings.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise UsageError(
                f"memory option {name} must be a whole number of at least {least}, not {value!r}",
                f"For example --memory-option {name}={max(least, 1)}.",
            )
