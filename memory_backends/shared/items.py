"""What the memories that distil share: items with origins, kept in files with exact bytes.

`items.jsonl` has one item a line in the order they came. `told.jsonl` has the rollouts recorded so
far, so that recording one again changes nothing. While items are only added, a snapshot costs
the new lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from memory_backends.shared.asking import Asker
from memory_backends.shared.records import (
    MAX_BYTES,
    RESTORE,
    at_least,
    budgeted,
    read_state,
    taught_files,
)
from memory_backends.shared.text import clean, first_lines
from seqswe.errors import ManifestError, RunDirError, UnreadableAnswer, UsageError
from seqswe.instance import Task
from seqswe.manifests.convert import parse, parse_text
from seqswe.manifests.read import Entry
from seqswe.memory import Experience, Recall, Recalled, Services

ITEMS, RECORDED = "items.jsonl", "told.jsonl"
LINE = 300
"""Characters of an item in a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing learned, and the rollouts it was learned from."""

    key: str
    """Names the item among those of its kind."""
    text: str
    kind: str = ""
    about: str = ""
    """The issue it came from, if the item is searched for by that."""
    origins: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Files of the fixes behind it, as far as the feedback policy let them be known."""
    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, experience: Experience, **what: Any) -> Self:
        """Make an item that one rollout taught."""
        return cls(
            origins=(clean(experience.task.instance_id),),
            files=taught_files(experience),
            **what,
        )

    @classmethod
    def read(cls, entry: Entry) -> Self:
        """Read a line of items.jsonl. Raises ManifestError on others."""
        return parse(cls, entry.value, entry.where)

    def line(self) -> str:
        """Write one line of items.jsonl."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")) + "\n"

    def taught_by(self, other: Item) -> Item:
        """Return this item with the origins and files of another one as well."""
        return replace(
            self,
            origins=tuple(dict.fromkeys((*self.origins, *other.origins))),
            files=tuple(dict.fromkeys((*self.files, *other.files))),
        )

    def after(self, older: Item) -> Item:
        """Return this item in place of an older one, whose origins and files come first."""
        return replace(older.taught_by(self), text=self.text, about=self.about, counts=self.counts)

    def recalled(self, score: float = 1.0) -> Recalled:
        """Return the item as a memory recalls it."""
        return Recalled(text=self.text, score=score, origins=self.origins, files=self.files)


class ItemMemory:
    """A memory of items; a subclass says in `learn` what it keeps and in `choose` what it recalls.

    max_bytes: UTF-8 bytes of a recall's text.
    """

    def __init__(self, home: Path, *, max_bytes: int = MAX_BYTES) -> None:
        at_least(max_bytes=(max_bytes, 0))
        self.home, self.max_bytes = home, max_bytes
        self.items: list[Item] = []
        self.recorded: dict[str, None] = {}

    def learn(self, experience: Experience) -> None:
        """Change `items` by one rollout that was not recorded before; nothing if it raises."""
        raise NotImplementedError

    def choose(self, task: Task) -> Iterable[Recalled]:
        """Choose what helps with a task, best first; nothing is written.

        By default every item, latest first.
        """
        return [item.recalled() for item in reversed(self.items)]

    def recall(self, task: Task) -> Recall:
        """Recall what `choose` returns, within the budget."""
        return budgeted(self.choose(task), self.max_bytes)

    def record(self, experience: Experience) -> None:
        """Learn from a rollout, once.

        Raises UnreadableAnswer if the model's answers taught nothing: it was told all the same,
        and is not asked about it again.
        """
        name = clean(experience.task.instance_id)
        if name in self.recorded:
            return
        try:
            self.learn(experience)
        except UnreadableAnswer:
            self.recorded[name] = None
            raise
        self.recorded[name] = None

    def put(self, item: Item) -> None:
        """Add an item, or replace the one of the same kind and key and take over its origins."""
        for index, other in enumerate(self.items):
            if (other.kind, other.key) == (item.kind, item.key):
                self.items[index] = item.after(other)
                return
        self.items.append(item)

    def save(self, directory: Path) -> None:
        """Write both files, or none if nothing was recorded."""
        if self.items:
            (directory / ITEMS).write_text(
                "".join(item.line() for item in self.items), encoding="utf-8"
            )
        if self.recorded:
            (directory / RECORDED).write_text(
                "".join(json.dumps(name) + "\n" for name in self.recorded)
            )

    def load(self, directory: Path) -> None:
        """Read both files. Raises RunDirError if they are damaged."""
        try:
            self.items = [Item.read(entry) for entry in read_state(directory / ITEMS)]
            names = read_state(directory / RECORDED)
            self.recorded = {parse_text(e.value, e.where): None for e in names}
        except ManifestError as error:
            raise RunDirError(f"the memory's state is damaged: {error.message}", RESTORE) from None


class ModelMemory(ItemMemory):
    """A memory of items that a model writes."""

    needs: ClassVar[tuple[str, ...]] = ("model",)

    def __init__(self, home: Path, *, services: Services, **options: Any) -> None:
        super().__init__(home, **options)
        if services.model is None:
            raise UsageError(
                "this memory needs a model", "Give --memory-model and --memory-model-url."
            )
        self.asker = Asker(services.model)


def listing(items: Iterable[Item], limit: int) -> str:
    """Write items as a numbered list for a prompt, from 1, a line each; see `latest`."""
    return latest(
        (f"{n}. {item.key}: {first_lines(item.text, LINE)}" for n, item in enumerate(items, 1)),
        limit,
    )


def latest(lines: Iterable[str], limit: int) -> str:
    """Join the last lines that fit into `limit` characters, in order; "(none)" for no lines."""
    kept: list[str] = []
    for line in reversed(list(lines)):
        limit -= len(line) + 1
        if limit < 0:
            kept.append("(earlier ones left out)")
            break
        kept.append(line)
    return "\n".join(reversed(kept)) or "(none)"
