"""`llamaindex`: facts that LlamaIndex has a model extract from tasks (extra `llamaindex`, MIT).

The fact block of LlamaIndex's memory as its maker ships it: its two prompts, one to extract facts
from a task beside those that there are, one to condense them where there are too many. It has no
search: every fact is recalled, latest first, within the budget. Its model is the memory's, metered,
and asked once more where its answer cannot be read, for which LlamaIndex would keep nothing. All
facts are shown with each task, so what it writes is from all the tasks behind them. LlamaIndex's
text for that goes to the model as one message, as it does for any model that takes a text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from memory_backends.shared.asking import Asker, Form, episode
from memory_backends.shared.items import Item, ModelMemory
from memory_backends.shared.records import at_least
from memory_backends.shared.replies import Malformed, between
from seqswe import plugins
from seqswe.memory import Experience, Services

FACT = "fact"
TOKENS = 8_192
"""Of one answer, which may hold all facts."""
MAX_FACTS = 50
"""Facts above which they are condensed: LlamaIndex's own default."""


class LlamaIndex(ModelMemory):
    """Facts that LlamaIndex extracts from each task and condenses (extra `llamaindex`).

    max_facts: facts above which the model is asked for fewer.
    """

    row: ClassVar[str] = "llamaindex (facts)"
    wraps: ClassVar[tuple[str, ...]] = ("llama-index-core",)

    def __init__(
        self, home: Path, *, services: Services, max_facts: int = MAX_FACTS, **options: Any
    ) -> None:
        super().__init__(home, services=services, **options)
        at_least(max_facts=(max_facts, 1))
        self.max_facts = max_facts
        self._memory = library("memory")

    def learn(self, experience: Experience) -> None:
        """Have LlamaIndex change the facts by a task. Raises what asking the model raises."""
        by_text = {item.text: item for item in self.items}
        block = self._memory.FactExtractionMemoryBlock(
            llm=language_model(self.asker), facts=list(by_text), max_facts=self.max_facts
        )
        message = library("base.llms.types").ChatMessage(role="user", content=episode(experience))
        asyncio.run(block.aput([message]))
        added = block.facts[: len(by_text)] == list(by_text)
        origins = dict.fromkeys(origin for item in self.items for origin in item.origins)
        facts, number = [], len(self.recorded)
        for place, text in enumerate(dict.fromkeys(block.facts)):
            new = Item.of(experience, kind=FACT, key=f"{number}.{place}", text=text)
            new = replace(new, origins=(*origins, *new.origins), files=new.files if added else ())
            facts.append(by_text.get(text, new))
        self.items = facts


def language_model(asker: Asker) -> Any:
    """LlamaIndex's form of the memory's model."""
    types = library("base.llms.types")

    class Metered(library("llms").CustomLLM):  # type: ignore[misc]
        @property
        def metadata(self) -> Any:
            return types.LLMMetadata(model_name="seqswe")

        def complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
            return types.CompletionResponse(text=ask(asker, prompt))

        def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Iterator[Any]:
            yield self.complete(prompt)

    return Metered()


def ask(asker: Asker, prompt: str) -> str:
    """The model's list of facts, in the tags that LlamaIndex reads. Raises UnreadableAnswer."""

    def read(answer: str) -> str:
        facts = between(answer, "facts")
        if facts and not between(facts, FACT):
            raise Malformed("a fact is empty")
        return facts

    return asker.go_on([{"role": "user", "content": prompt}], Form(read, None), TOKENS)[0]


def library(module: str) -> Any:
    """A module of LlamaIndex's core. Raises MissingError."""
    return plugins.require(f"llama_index.core.{module}", "llamaindex", "memory 'llamaindex'")
