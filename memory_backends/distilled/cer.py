"""`cer`: facts of the codebase and skills, distilled by a model (Contextual Experience Replay).

Source: Liu, Si, Narasimhan, Yao, "Contextual Experience Replay for Self-Improvement of Language
Agents", arXiv 2506.06698 (ACL 2025), its online setting: both stores are written after every task,
solved or not, by a distiller of their own, and read once before a task by a selector of their own.
Written from descriptions of the paper; no official code was found.

Deviations: the paper's pages, keyed by URL, become facts of the codebase keyed by path or module;
answers are JSON without its scratch-pad blocks; a distiller leaves out what is known instead of
saying "Summarized before" (which is understood as well); a known key that comes again replaces its
entry, with the origins of both. An empty store asks no selector.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from memory_backends.shared.asking import ISSUE, Form, episode, headline
from memory_backends.shared.items import Item, ModelMemory, listing
from memory_backends.shared.records import at_least
from memory_backends.shared.replies import numbers, rows
from memory_backends.shared.schemas import lines, many, record, text
from memory_backends.shared.text import clip
from seqswe.instance import Task
from seqswe.memory import Experience, Recalled, Services
from seqswe.models.structured import Schema

FACTS = """\
You write down what a coding agent found out about a software project, for agents that come later. \
For each file, module or tool that this task taught something about, give its path or module name, \
what it is, and what one uses it for (how to run its tests, what depends on it, what surprises). \
Leave out what the known facts say already. Answer with one JSON object and nothing else: \
{"facts": [{"path": "...", "description": "...", "usages": "..."}]}. The list may be empty."""
SKILLS = """\
You write down how parts of a task were done in a software project, for agents that come later. \
Break the goal into sub-goals; each that was reached, or that you now know how to reach, is a \
skill: a name, and steps with {names in braces} for what is not fixed and an example command. \
Leave out what the known skills say already. Answer with one JSON object and nothing else: \
{"skills": [{"name": "...", "steps": ["...", "..."]}]}. The list may be empty."""
SELECT = """\
You choose what helps an agent with an issue of a software project. From the numbered list choose \
at most {k} entries that are useful for it, also nearly fitting ones, the most useful first. \
Answer with one JSON object and nothing else: {{"ids": [1, 2]}}. The list may be empty."""
FACT = {"path": text(), "description": text(), "usages": text()}
SKILL = {"name": text(), "steps": lines()}
KNOWN = "summarized before"
LISTED = 40_000
"""Characters of a store that a prompt lists."""


class Cer(ModelMemory):
    """Facts and skills that a model distils, and selects for a task (Contextual Experience Replay).

    k: facts recalled at most, and skills recalled at most.
    """

    def __init__(self, home: Path, *, services: Services, k: int = 5, **options: Any) -> None:
        super().__init__(home, services=services, **options)
        at_least(k=(k, 1))
        self.k = k

    def learn(self, experience: Experience) -> None:
        """Distil facts and skills; neither is kept before the model has answered for both."""
        finished = episode(experience)
        facts = self._distil(FACTS, "fact", finished, FACT)
        skills = self._distil(SKILLS, "skill", finished, SKILL)
        for kind, entries in (("fact", facts), ("skill", skills)):
            for key, entry in entries:
                self.put(Item.of(experience, kind=kind, key=key, text=entry))

    def choose(self, task: Task) -> Iterable[Recalled]:
        """Choose facts, then skills, each by a selector."""
        for kind in ("fact", "skill"):
            stored = self._of(kind)
            if not stored:
                continue
            issue = f"## Issue\n{clip(task.problem_statement, ISSUE)}"
            prompt = f"{issue}\n\n## {kind.title()}s\n{listing(stored, LISTED)}"
            chosen = self.asker.ask(
                SELECT.format(k=self.k),
                prompt,
                Form(lambda answer: numbers(answer, "ids"), self._chosen()),
            )
            real = [number for number in chosen if 1 <= number <= len(stored)]
            for number in real[: self.k]:
                item = stored[number - 1]
                yield replace(item, text=f"{item.key}: {item.text}").recalled()

    def _chosen(self) -> Schema:
        return record(ids=many({"type": "integer"}, self.k))

    def _of(self, kind: str) -> list[Item]:
        return [item for item in self.items if item.kind == kind]

    def _distil(
        self, system: str, kind: str, finished: str, schemas: Mapping[str, Schema]
    ) -> list[tuple[str, str]]:
        name, fields = f"{kind}s", tuple(schemas)
        schema = record(**{name: many(record(**schemas))})
        stored = listing(self._of(kind), LISTED)
        prompt = f"{finished}\n\n## Known {name}\n{stored}"
        entries = self.asker.ask(
            system, prompt, Form(lambda answer: rows(answer, name, *fields), schema)
        )
        texts = [
            (headline(row[fields[0]]), "\n".join(row[f] for f in fields[1:])) for row in entries
        ]
        return [(key, text) for key, text in texts if KNOWN not in text.lower()]
