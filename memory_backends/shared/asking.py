"""Asking a model for something that can be read, and the prompt of one finished task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from memory_backends.shared import schemas
from memory_backends.shared.replies import Malformed, truth
from memory_backends.shared.text import clean, clip, first_lines
from seqswe.errors import UnreadableAnswer
from seqswe.memory import Experience
from seqswe.models.protocol import MAX_TOKENS, Message, Model, Reply
from seqswe.models.structured import Schema
from seqswe.runs.trajectory import middle_cut

T = TypeVar("T")
ISSUE, STEPS, PATCH, OUTPUT = 6_000, 12_000, 4_000, 3_000
"""Characters of each part of a task that a prompt holds."""
JUDGE = """\
You judge whether a coding agent solved an issue of a software project. You see the issue, what \
the agent did, and its patch. Answer with one JSON object and nothing else: \
{"success": true or false, "reason": "one sentence"}."""
VERDICT = schemas.record(success={"type": "boolean"}, reason=schemas.text())


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """What an answer must be like.

    read: makes something of it, or raises Malformed; schema: what the endpoint holds it to, if it
    can, or None for a text. The prompt says the same in words.
    """

    read: Callable[[str], T]
    schema: Schema | None


class Asker:
    """A model that is asked once more if its answer cannot be read."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def ask(self, system: str, user: str, form: Form[T], max_tokens: int = MAX_TOKENS) -> T:
        """Ask one prompt and return what the form reads in the answer; see `go_on`."""
        talk = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        return self.go_on(talk, form, max_tokens)[0]

    def go_on(
        self, talk: Sequence[Message], form: Form[T], max_tokens: int = MAX_TOKENS
    ) -> tuple[T, str]:
        """Ask for the next answer of a conversation; returns what the form reads in it, and itself.

        If it cannot be read, the model is shown why and asked once more. Raises UnreadableAnswer
        if the second answer cannot be read either, and the model's own errors.
        """
        read, schema = form.read, form.schema
        reply = self._model.chat(talk, max_tokens=max_tokens, schema=schema)
        try:
            return _read(reply, read), reply.text
        except Malformed as problem:
            again = [
                *talk,
                {"role": "assistant", "content": reply.text or "(nothing)"},
                {"role": "user", "content": f"This cannot be read: {problem}. Answer again."},
            ]
        reply = self._model.chat(again, max_tokens=max_tokens, schema=schema)
        try:
            return _read(reply, read), reply.text
        except Malformed as problem:
            reason = f"the model's answer cannot be read: {problem}: {reply.text[:100]!r}"
            raise UnreadableAnswer(reason) from None


def succeeded(asker: Asker, experience: Experience) -> bool:
    """Whether a task was solved: by the verdict if the policy releases it, else by the model."""
    if experience.resolved is not None:
        return experience.resolved
    return asker.ask(
        JUDGE, episode(experience), Form(lambda answer: truth(answer, "success"), VERDICT)
    )


def episode(experience: Experience) -> str:
    """Describe a finished task for a prompt, with all that the feedback policy releases."""
    task = experience.task
    outcome = {True: "solved", False: "not solved", None: "unknown"}[experience.resolved]
    parts = [
        ("Task", f"{task.instance_id} of {task.repo}"),
        ("Issue", clip(task.problem_statement, ISSUE)),
        ("What the agent did", middle_cut(experience.steps, STEPS)),
        ("The agent's patch", clip(experience.patch, PATCH)),
        ("Outcome", outcome),
        ("End of the test output", (experience.test_output or "")[-OUTPUT:]),
        ("The fix that was merged in the end", clip(experience.gold_patch or "", PATCH)),
    ]
    return "\n\n".join(f"## {title}\n{clean(text)}" for title, text in parts if text.strip())


def headline(statement: str, limit: int = 200) -> str:
    """Put an issue on one line."""
    return first_lines(clean(statement), limit)


def _read(reply: Reply, read: Callable[[str], T]) -> T:
    try:
        if not reply.text.strip():
            raise Malformed("it is empty")
        return read(reply.text)
    except Malformed:
        if reply.cut:
            limit = f"{reply.completion_tokens} tokens"
            raise Malformed(f"it was cut off after {limit}; be much shorter") from None
        raise
