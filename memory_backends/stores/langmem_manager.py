"""`langmem`: memories that LangMem has a model keep in order (extra `langmem`, MIT).

LangMem's memory manager as its maker ships it: its prompts and its three tools, by which the model
adds, changes and removes memories in one answer. It is shown the five that lie nearest to the task,
as its store manager does; vectors are ours, and search is exact. LangMem asks a chat model of
LangChain's; the one here is the memory's, metered. It asks for the tool calls as JSON of a schema,
with the tools as LangMem describes them, and once more where they cannot be read or name what is
not there, for which LangMem would go on asking. The random id in LangMem's prompt is left out.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from memory_backends.shared.asking import Asker, Form, episode
from memory_backends.shared.embedding import BY_ENDPOINT, Vector, cosines, embedding_of, vectors
from memory_backends.shared.items import Item, ModelMemory
from memory_backends.shared.records import DEFAULT_K, at_least
from memory_backends.shared.replies import Malformed, listed, readable, texts
from memory_backends.shared.schemas import either, many, one_of, record, text
from memory_backends.shared.text import READ_CHARS, clean
from seqswe import plugins
from seqswe.errors import UnreadableAnswer
from seqswe.instance import Task
from seqswe.memory import Experience, Recalled, Services

SHOWN = 5
"""Memories that the model is shown with a task: the default of LangMem's store manager."""
ADD, CHANGE, REMOVE = "Memory", "PatchDoc", "RemoveDoc"
"""The names of LangMem's tools; a kind of memory is called by the tool that adds it."""
EDIT = {"op": "replace", "path": "/content"}
"""The one change of a memory's only field that leaves a memory."""
CALLS = 20
"""Of one answer."""
SESSION = re.compile(r"(?<=session_)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=>)")
FORM = (
    "\n\nYou call tools by one JSON object and nothing else: "
    '{"calls": [{"name": "...", "arguments": {...}}]}, with an empty list to call none. '
    "The tools:\n"
)


class LangMem(ModelMemory):
    """Memories that LangMem extracts, changes and removes, found by the issue (extra `langmem`).

    k: memories recalled; `embedding` is as for `vectors`.
    """

    row: ClassVar[str] = "langmem"
    uses: ClassVar[tuple[str, ...]] = ("embed",)
    uses_if: ClassVar[Mapping[str, str]] = BY_ENDPOINT
    wraps: ClassVar[tuple[str, ...]] = ("langmem",)

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
        self._embed = embedding_of(embedding, services)
        self._vectors: dict[str, Vector] = {}
        os.environ["LANGSMITH_TRACING"] = "false"  # it would report every call
        self._library = plugins.require("langmem", "langmem", "memory 'langmem'")

    def learn(self, experience: Experience) -> None:
        """Have LangMem change the memories by a task. Raises what asking the model raises."""
        told = episode(experience)
        shown = [item for item, _ in self._nearest(told[:READ_CHARS], SHOWN)]
        model = chat_model(self.asker, [item.key for item in shown])
        manager = self._library.create_memory_manager(model, enable_deletes=True)
        existing = [(item.key, ADD, {"content": item.text}) for item in shown]
        given = {"messages": [{"role": "user", "content": told}], "existing": existing}
        try:
            after = manager.invoke(given, config={"max_concurrency": 1})
        finally:
            if model.failed:  # LangMem takes every error for a mistake of the model's, and goes on
                raise model.failed
        # Those that stay as they are come back as they went: not in LangMem's class.
        written = [clean(memory.content) for _, memory in after if type(memory).__name__ == ADD]
        self._know(written)
        keys, number = {item.key for item in shown}, len(self.recorded)
        for place, (name, memory) in enumerate(after):
            if type(memory).__name__ == REMOVE:
                self.items = [item for item in self.items if item.key != name]
            elif type(memory).__name__ == ADD:
                key = name if name in keys else f"{number}.{place}"
                new = Item.of(experience, kind=ADD, key=key, text=clean(memory.content))
                for source in shown:
                    new = new.taught_by(source)
                self.put(new)

    def choose(self, task: Task) -> Iterable[Recalled]:
        """Choose by cosine; of equals the later memory comes first."""
        for item, score in self._nearest(clean(task.problem_statement[:READ_CHARS]), self.k):
            yield item.recalled(score)

    def _nearest(self, query: str, count: int) -> list[tuple[Item, float]]:
        """The items nearest to a text, by scores above 0."""
        if not self.items or not query.strip():
            return []
        self._know([item.text for item in self.items], again=True)
        rows = np.stack([self._vectors[item.text] for item in self.items])
        scores = cosines(rows, vectors(self._embed, [query])[0])
        order = sorted(range(len(scores)), key=lambda index: (-scores[index], -index))[:count]
        return [(self.items[i], float(scores[i])) for i in order if scores[i] > 0]

    def _know(self, found: Sequence[str], again: bool = False) -> None:
        """Embed texts that are new; `again` after a load, for which no task's budget is charged."""
        embed = getattr(self._embed, "again", self._embed) if again else self._embed
        if new := [text for text in dict.fromkeys(found) if text not in self._vectors]:
            self._vectors.update(zip(new, vectors(embed, new), strict=True))


def chat_model(asker: Asker, keys: Sequence[str]) -> Any:
    """LangChain's form of the memory's model, which may change the memories with these keys.

    `failed` is the error that kept it from answering.
    """
    messages, outputs = library("messages"), library("outputs")
    to_tool = library("utils.function_calling").convert_to_openai_tool

    class ChatModel(library("language_models").BaseChatModel):  # type: ignore[misc]
        failed: Exception | None = None

        @property
        def _llm_type(self) -> str:
            return "seqswe"

        def bind_tools(self, tools: Sequence[Any], **named: Any) -> Any:
            return self.bind(tools=list(map(to_tool, tools)), **named)

        def _generate(self, prompt: Sequence[Any], stop: Any = None, **named: Any) -> Any:
            try:
                if self.failed or [message.type for message in prompt] != ["system", "human"]:
                    raise self.failed or UnreadableAnswer("LangMem cannot use the model's answer")
                system, user = (SESSION.sub("0", str(message.content)) for message in prompt)
                listing = "\n".join(json.dumps(tool["function"]) for tool in named["tools"])
                calls = asker.ask(system + FORM + listing, user, form(keys))
            except Exception as error:
                self.failed = error
                raise
            made = messages.AIMessage(content="", tool_calls=calls)
            return outputs.ChatResult(generations=[outputs.ChatGeneration(message=made)])

    return ChatModel()


def library(module: str) -> Any:
    """A module of LangChain's core, which comes with LangMem. Raises MissingError."""
    return plugins.require(f"langchain_core.{module}", "langmem", "memory 'langmem'")


def form(keys: Sequence[str]) -> Form[list[dict[str, Any]]]:
    """What the tool calls of an answer must be like, if there are these memories."""

    def read(answer: str) -> list[dict[str, Any]]:
        calls = readable(listed(answer, "calls")[:CALLS], lambda row: call(row, keys))
        return [{**made, "id": f"call-{place}"} for place, made in enumerate(calls)]

    tools = {ADD: record(content=text())}
    if keys:
        key = one_of(*keys)
        edit = record(**{name: one_of(value) for name, value in EDIT.items()}, value=text())
        patch = record(json_doc_id=key, planned_edits=text(), patches=many(edit, 1))
        tools |= {CHANGE: patch, REMOVE: record(json_doc_id=key)}
    forms = [record(name=one_of(name), arguments=given) for name, given in tools.items()]
    return Form(read, record(calls=many(either(*forms), CALLS)))


def call(row: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """One call in LangChain's form. Raises Malformed."""
    name, given = row.get("name"), row.get("arguments")
    arguments = given if isinstance(given, dict) else {}
    if name == ADD:
        return {"name": ADD, "args": texts(arguments, "calls", ["content"])}
    key = arguments.get("json_doc_id")
    if name not in (CHANGE, REMOVE) or key not in keys:
        raise Malformed(f"there is no {name!r} of {key!r}")
    if name == REMOVE:
        return {"name": REMOVE, "args": {"json_doc_id": key}}
    patches = arguments.get("patches")
    patch = patches[0] if isinstance(patches, list) and len(patches) == 1 else None
    if not isinstance(patch, dict) or EDIT.items() - patch.items():
        raise Malformed(f"{CHANGE} takes one patch, which replaces /content")
    value = texts(patch, "calls", ["value"])["value"]
    patches = [{**EDIT, "value": value}]
    return {"name": CHANGE, "args": {"json_doc_id": key, "planned_edits": "", "patches": patches}}
