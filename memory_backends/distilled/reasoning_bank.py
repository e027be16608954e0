"""`reasoning_bank`: what solved and failed tasks teach, found again by the issue (ReasoningBank).

Source: Ouyang et al., "ReasoningBank: Scaling Agent Self-Evolving with Reasoning Memory" (ICLR
2026). Written from the paper; no code of theirs.

Deviations: the judge is the verdict where the feedback policy gives one, else a model as in the
paper; embeddings are feature hashing unless an embedding model is given (`--embedding`); what a
recall embeds is not added to the store, which in the authors' code it is; the agent is not told
to say at each step which item it uses.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from memory_backends.shared.asking import Form, episode, succeeded
from memory_backends.shared.embedding import (
    Embedding,
    Vector,
    cosines,
    hashed,
    index_vectors,
    vectors,
)
from memory_backends.shared.items import Item, ModelMemory
from memory_backends.shared.records import at_least
from memory_backends.shared.replies import rows
from memory_backends.shared.schemas import many, record, texts
from memory_backends.shared.text import READ_CHARS, clean
from seqswe.instance import Task
from seqswe.memory import Experience, Recalled, Services

MAX_LESSONS = 3
"""Items of one task."""
LESSONS = record(items=many(texts("title", "description", "content"), MAX_LESSONS))
FORM = (
    " Write at most 3 items that will help with other issues of this project: general enough to "
    "serve again, without names of this one issue, and none that repeats another. Answer with one "
    'JSON object and nothing else: {"items": [{"title": "...", "description": "one sentence", '
    '"content": "one to three sentences"}]}.'
)
SOLVED = (
    "You extract lessons from a task that a coding agent solved. First think about why it was "
    "solved: which step or which insight made it so." + FORM
)
FAILED = (
    "You extract lessons from a task that a coding agent failed to solve. First think about why it "
    "failed; then say what to do instead, or what to check before." + FORM
)


class ReasoningBank(ModelMemory):
    """Lessons of the most similar earlier task, from success and failure (ReasoningBank).

    k: earlier tasks whose lessons are recalled; the paper found more than one to do harm.
    """

    uses: ClassVar[tuple[str, ...]] = ("embed",)

    def __init__(self, home: Path, *, services: Services, k: int = 1, **options: Any) -> None:
        super().__init__(home, services=services, **options)
        at_least(k=(k, 1))
        self.k = k
        self._embed: Embedding = services.embed or hashed
        self._vectors: dict[str, Vector] = {}

    def learn(self, experience: Experience) -> None:
        """Judge, then extract why the task was solved or why it failed."""
        solved = succeeded(self.asker, experience)
        lessons = self.asker.ask(
            SOLVED if solved else FAILED,
            episode(experience),
            Form(lambda answer: rows(answer, "items", "title", "description", "content"), LESSONS),
        )
        name, outcome = clean(experience.task.instance_id), "solved" if solved else "failed"
        for number, row in enumerate(lessons[:MAX_LESSONS], 1):
            text = f"{row['title']} (from an issue that was {outcome})\n{row['description']}\n"
            self.put(
                Item.of(
                    experience,
                    kind=outcome,
                    key=f"{name} {number}",
                    text=text + row["content"],
                    about=clean(experience.task.problem_statement[:READ_CHARS]),
                )
            )

    def choose(self, task: Task) -> Iterable[Recalled]:
        """Choose the lessons of the k tasks whose issues are nearest; of equals the later task."""
        by_task: dict[str, list[Item]] = {}
        for item in self.items:
            by_task.setdefault(item.origins[0], []).append(item)
        if not by_task:
            return
        groups = list(by_task.values())
        query = vectors(self._embed, [task.problem_statement[:READ_CHARS]])[0]
        scores = cosines(self._matrix([group[0].about for group in groups]), query)
        order = sorted(range(len(groups)), key=lambda index: (-scores[index], -index))
        for index in order[: self.k]:
            if scores[index] > 0:
                yield from (item.recalled(float(scores[index])) for item in groups[index])

    def _matrix(self, issues: list[str]) -> Vector:
        """Return the vectors of issues; each issue is embedded once in the life of this object."""
        new = [issue for issue in dict.fromkeys(issues) if issue not in self._vectors]
        if new:
            self._vectors.update(zip(new, index_vectors(self._embed, new), strict=True))
        return np.stack([self._vectors[issue] for issue in issues])
