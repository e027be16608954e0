"""`mem0_extract`: facts that mem0 has a model extract from tasks (extra `mem0`, Apache-2.0).

mem0 as its maker ships it: its prompt, its ten nearest facts and ten last messages as context, its
search. The model is the memory's, metered, and asked once more where its answer cannot be read,
for which mem0 would keep nothing. Vectors are ours, as for `mem0`, and so lie further apart than
mem0's threshold of 0.1 expects: it is 0. The dates in the prompt are the stream's. What it was
shown is an origin of what it writes. Items are what is saved; the store is filled from them anew
for each task, so that a restored memory does what one that went on does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from memory_backends.shared.asking import Asker, Form, episode
from memory_backends.shared.embedding import BY_ENDPOINT, Vector, embedding_of, vectors
from memory_backends.shared.items import Item, ModelMemory
from memory_backends.shared.nearest import nearest
from memory_backends.shared.records import DEFAULT_K, at_least
from memory_backends.shared.replies import rows
from memory_backends.shared.schemas import many, record, texts
from memory_backends.shared.text import READ_CHARS, clean
from memory_backends.stores.mem0_store import WHO, dispose, open_store, require_mem0
from seqswe import plugins
from seqswe.instance import Task
from seqswe.memory import Experience, Recalled, Services

FACT, MESSAGE = "fact", "message"
CONTEXT = 10
"""Messages that mem0 keeps, and shows with the next one."""
SCOPE = "user_id=codebase"
"""What mem0 files messages of `WHO` under."""
FACTS = record(memory=many(texts("text"), 50))
DATES = re.compile(r"(?<=^## Observation Date\n).*$|(?<=^## Current Date\n).*$", re.MULTILINE)


class Mem0Extract(ModelMemory):
    """Facts that mem0 extracts from each task and finds by the issue (extra `mem0`).

    k: facts recalled; `embedding` is as for `vectors`.
    """

    row: ClassVar[str] = "mem0"
    uses: ClassVar[tuple[str, ...]] = ("embed",)
    uses_if: ClassVar[Mapping[str, str]] = BY_ENDPOINT
    wraps: ClassVar[tuple[str, ...]] = ("mem0ai",)

    def __init__(
        self,
        home: Path,
        *,
        services: Services,
        k: int = DEFAULT_K,
        embedding: str = "",
        **options: Any,
    ) -> None:
        super().__init__(home, services=services, **options)
        at_least(k=(k, 1))
        self.k = k
        self._embedding = embedding_of(embedding, services)
        self._vectors: dict[str, Vector] = {}
        require_mem0()
        # What mem0 wraps each error of its model in.
        self._failed: Any = plugins.require("mem0.exceptions", "mem0", "memory 'mem0'").LLMError

    def learn(self, experience: Experience) -> None:
        """Have mem0 extract facts from a task. Raises what asking the model raises."""
        text, number = episode(experience), len(self.recorded)
        message = Item.of(experience, kind=MESSAGE, key=f"{number}", text=text)
        with self._store() as store:
            shown, store.llm = watch(store), Writer(self, experience.task)
            try:
                added = store.add(text, **WHO)["results"]
            except self._failed as error:
                raise error.__cause__ or error from None
        messages = [item for item in self.items if item.kind == MESSAGE]
        sources = [*messages, *(self._facts[index] for index in shown)]
        for place, result in enumerate(added):
            fact = Item.of(experience, kind=FACT, key=f"{number}.{place}", text=result["memory"])
            for source in sources:
                fact = fact.taught_by(source)
            self.items.append(fact)
        for old in messages[: len(messages) + 1 - CONTEXT]:
            self.items.remove(old)
        self.items.append(message)

    def choose(self, task: Task) -> Iterable[Recalled]:
        """Choose by mem0's search; of equals the later fact comes first."""
        query = clean(task.problem_statement[:READ_CHARS]).strip()
        facts = self._facts
        if not facts or not query or not self.embed([query])[0].any():
            return
        with self._store() as store:

            def ask(wanted: int) -> list[tuple[int, float]]:
                found = store.search(query, top_k=wanted, filters=WHO, threshold=0.0)
                answer = found["results"]
                return [(item["metadata"]["fact"], round(item["score"], 6)) for item in answer]

            best = nearest(ask, self.k, len(facts))[: self.k]
        yield from (facts[index].recalled(score) for index, score in best)

    def embed(self, found: Sequence[str]) -> list[Vector]:
        """Vectors of texts; each is embedded once in the life of this object."""
        new = [text for text in dict.fromkeys(found) if text not in self._vectors]
        if new:
            self._vectors.update(zip(new, vectors(self._embedding, new), strict=True))
        return [self._vectors[text] for text in found]

    @property
    def _facts(self) -> list[Item]:
        return [item for item in self.items if item.kind == FACT]

    @contextmanager
    def _store(self) -> Iterator[Any]:
        """mem0 with what was learned so far."""
        store = open_store(self.embed, len(self.embed(["length"])[0]))
        try:
            for index, fact in enumerate(self._facts):
                store.add(fact.text, infer=False, metadata={"fact": index}, **WHO)
            for message in (item for item in self.items if item.kind == MESSAGE):
                store.db.save_messages([{"role": "user", "content": message.text}], SCOPE)
            yield store
        finally:
            dispose(store)


class Writer:
    """Asks the memory's model for mem0."""

    def __init__(self, memory: Mem0Extract, task: Task) -> None:
        self._asker: Asker = memory.asker
        self._memory, self._day = memory, task.created_at.date().isoformat()

    def generate_response(self, messages: Sequence[Mapping[str, str]], **_: Any) -> str:
        """The answer to mem0's prompt: the facts that can be searched for."""
        system, user = (message["content"] for message in messages)
        form = Form(lambda answer: rows(answer, "memory", "text"), FACTS)
        found = self._asker.ask(system, DATES.sub(self._day, user), form)
        kept = [row for row in found if self._memory.embed([row["text"]])[0].any()]
        return json.dumps({"memory": kept})


def watch(store: Any) -> list[int]:
    """A list that will hold the facts that a store finds."""
    found: list[int] = []
    search = store.vector_store.search

    def watched(*given: Any, **named: Any) -> Any:
        results = search(*given, **named)
        found.extend(result.payload["fact"] for result in results)
        return results

    store.vector_store.search = watched
    return found
