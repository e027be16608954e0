"""What a memory may ask: a chat model and an embedding model, of any provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from seqswe.models.structured import Schema

Message = Mapping[str, str]
"""`role` (system, user or assistant) and `content`."""
MAX_TOKENS = 2048
"""Of one reply, unless the caller says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a model answered, and what that cost."""

    text: str
    cut: bool = False
    """Whether `max_tokens` ended it."""
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Model(Protocol):
    """A chat model."""

    def chat(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int = MAX_TOKENS,
        schema: Schema | None = None,
    ) -> Reply:
        """Answer; with a schema, in JSON of that form if the endpoint can be held to one.

        Raises RolloutError if the provider fails, the model refuses, or the budget
        is used up."""
        ...


class Embed(Protocol):
    """An embedding model."""

    def __call__(self, texts: Sequence[str], /) -> Sequence[Sequence[float]]:
        """One vector per text, all of one length. Raises RolloutError as `Model.chat` does."""
        ...
