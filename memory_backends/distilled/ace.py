"""`ace`: a playbook of counted advice that a reflector and a curator grow (ACE).

Source: Zhang et al., "Agentic Context Engineering: Evolving Contexts for Self-Improving Language
Models", arXiv 2510.04618. Written from the paper; no code of theirs.

Deviations: the generator is whatever agent runs, so the reflector also says which advice helped or
harmed (to the paper's generator the same question is put); no deduplication by embeddings; the
curator may only ADD, as in the authors' code, unless `edit` also allows UPDATE and DELETE, which
the paper describes; advice with the best record comes first, so a budget drops the worst.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from memory_backends.shared.asking import Form, episode
from memory_backends.shared.items import Item, ModelMemory, latest
from memory_backends.shared.replies import Malformed, json_object, listed, readable, rows, texts
from memory_backends.shared.schemas import either, many, one_of, record, text
from memory_backends.shared.text import clean, clip
from seqswe.instance import Task
from seqswe.memory import Experience, Recalled, Services

REFLECT = """\
You reflect on how a coding agent worked on an issue of a software project, with a playbook of \
advice at hand. Say what went right or wrong, why, and what should be known next time. Then tag \
each piece of advice that mattered: helpful, harmful or neutral. Answer with one JSON object and \
nothing else: {"reflection": "...", "bullets": [{"id": "ctx-00001", "tag": "helpful"}]}. The list \
may be empty."""
CURATE = """\
You keep a playbook of advice for coding agents on one software project. From a reflection on the \
latest task, add what the playbook lacks: short, concrete advice that will serve again, each \
under a section such as "where things are", "how to test", "mistakes to avoid". Repeat nothing. \
Answer with one JSON object and nothing else: {"operations": [{"type": "ADD", "section": "...", \
"content": "..."}]}. The list may be empty."""
EDIT = """\
 Advice that is wrong or outdated may also be changed or removed: {"type": "UPDATE", "id": \
"ctx-00001", "content": "..."} and {"type": "DELETE", "id": "ctx-00001"}."""
FIELDS = {"ADD": ("section", "content"), "UPDATE": ("id", "content"), "DELETE": ("id",)}
REFLECTION = record(
    reflection=text(),
    bullets=many(record(id=text(), tag=one_of("helpful", "harmful", "neutral"))),
)
_ADD, _UPDATE, _DELETE = (
    record(type=one_of(kind), **{field: text() for field in fields})
    for kind, fields in FIELDS.items()
)
ADDITIONS = record(operations=many(_ADD))
EDITS = record(operations=many(either(_ADD, _UPDATE, _DELETE)))
UNTRIED = {"helpful": 0, "harmful": 0}
PLAYBOOK = 60_000
"""Characters of the playbook that a prompt holds."""
LONGEST = 1_000
"""Characters of one piece of advice."""


class Ace(ModelMemory):
    """A playbook of advice with counters of help and harm, grown after each task (ACE).

    edit: whether the curator may also change and remove advice.
    """

    def __init__(
        self, home: Path, *, services: Services, edit: bool = False, **options: Any
    ) -> None:
        super().__init__(home, services=services, **options)
        self.edit = edit

    def learn(self, experience: Experience) -> None:
        """Reflect, count help and harm, curate."""
        advice_by_id = self.playbook()
        playbook = f"## Playbook\n{latest(map(_line, advice_by_id.values()), PLAYBOOK)}"
        reflection, tags = self.asker.ask(
            REFLECT, f"{episode(experience)}\n\n{playbook}", Form(reflected, REFLECTION)
        )
        operations = self.asker.ask(
            CURATE + EDIT * self.edit,
            f"## Reflection\n{reflection}\n\n{playbook}",
            Form(self._operations, EDITS if self.edit else ADDITIONS),
        )
        for key, tag in tags.items():
            if key in advice_by_id:
                self.items.append(Item.of(experience, kind=tag, key=key, text=""))
        present = {item.text for item in advice_by_id.values()}
        for operation in operations:
            if operation["type"] != "ADD" or clip(operation["content"], LONGEST) not in present:
                self.items.append(self._event(operation, experience))

    def choose(self, task: Task) -> Iterable[Recalled]:
        """Choose all advice, in order of merit."""
        ranked = sorted(self.playbook().values(), key=lambda item: (-merit(item), item.key))
        return [replace(i, text=_line(i)).recalled(1.0 + max(merit(i), 0)) for i in ranked]

    def playbook(self) -> dict[str, Item]:
        """Return the advice by id, after all operations and tags so far.

        `items` holds the operations and tags rather than the advice, so that it only grows at its
        end.
        """
        advice: dict[str, Item] = {}
        for event in self.items:
            if event.kind == "ADD":
                advice[event.key] = replace(event, counts=UNTRIED)
                continue
            if event.key not in advice:
                continue
            old = advice.pop(event.key) if event.kind == "DELETE" else advice[event.key]
            if event.kind == "UPDATE":
                advice[event.key] = replace(old, text=event.text).taught_by(event)
            elif event.kind in UNTRIED:
                counts = {**old.counts, event.kind: old.counts[event.kind] + 1}
                advice[event.key] = replace(old, counts=counts).taught_by(event)
        return advice

    def _operations(self, answer: str) -> list[dict[str, str]]:
        """Read the curator's operations, without those that are not allowed. Raises Malformed."""
        wanted = listed(answer, "operations")
        if not self.edit:
            wanted = [row for row in wanted if row.get("type") not in ("UPDATE", "DELETE")]
        return readable(wanted, _operation)

    def _event(self, operation: Mapping[str, str], experience: Experience) -> Item:
        added = sum(item.kind == "ADD" for item in self.items)
        return Item.of(
            experience,
            kind=operation["type"],
            key=operation.get("id", f"ctx-{added + 1:05}"),
            text=clip(operation.get("content", ""), LONGEST),
            about=operation.get("section", ""),
        )


def reflected(answer: str) -> tuple[str, dict[str, str]]:
    """Read the reflection, and the tag (helpful or harmful) by advice. Raises Malformed."""
    reflection = json_object(answer).get("reflection")
    if not isinstance(reflection, str):
        raise Malformed('its JSON object has no text "reflection"')
    tags = {row["id"]: row["tag"] for row in rows(answer, "bullets", "id", "tag")}
    return clean(reflection), {i: t for i, t in tags.items() if t in ("helpful", "harmful")}


def merit(item: Item) -> int:
    """How often an advice helped minus how often it harmed."""
    return item.counts["helpful"] - item.counts["harmful"]


def _operation(row: Mapping[str, Any]) -> dict[str, str]:
    kind = row.get("type")
    if not isinstance(kind, str) or kind not in FIELDS:
        raise Malformed(f"there is no operation {kind!r}")
    return {"type": kind, **texts(row, "operations", FIELDS[kind])}


def _line(item: Item) -> str:
    counts = f"helpful={item.counts['helpful']} harmful={item.counts['harmful']}"
    return f"[{item.key}] {counts} ({item.about}) :: {item.text}"
