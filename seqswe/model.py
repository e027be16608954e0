"""Models and embeddings that a memory may ask: protocol, meter, OpenAI-compatible client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from time import monotonic
from typing import Any, Literal, Protocol

from seqswe.errors import RolloutError

Message = Mapping[str, str]
"""`role` (system, user or assistant) and `content`."""
MAX_TOKENS = 2048
"""Of one reply, unless the caller says otherwise."""
BATCH = 128
"""Texts embedded by one call."""


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

    def chat(self, messages: Sequence[Message], *, max_tokens: int = MAX_TOKENS) -> Reply:
        """Answer. Raises RolloutError where the provider fails, the model refuses, or the budget
        is used up."""
        ...


class Embed(Protocol):
    """An embedding model."""

    def __call__(self, texts: Sequence[str], /) -> Sequence[Sequence[float]]:
        """One vector per text, all of one length. Raises RolloutError as `Model.chat` does."""
        ...


class Posts(Protocol):
    """Whatever speaks the wire protocol: `seqswe.endpoint.Endpoint`, or LiteLLM in its place."""

    def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to `chat/completions` or `embeddings`. Raises RolloutError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUsage:
    """What a memory itself consumed for one rollout; the agent's is `agent.Usage`."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    """None where no prices are known: an unknown cost is never 0."""
    recall_seconds: float = 0.0
    record_seconds: float = 0.0

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.prompt_tokens + self.completion_tokens


class Meter:
    """Adds up what a memory spends on one rollout, and stops it when its budget is used up.

    budget: tokens in and out, 0 for no end; price_in, price_out: USD per million tokens.
    """

    def __init__(self, budget: int = 0, price_in: float = 0.0, price_out: float = 0.0) -> None:
        self.budget, self.price_in, self.price_out = budget, price_in, price_out
        self._before = 0
        self.usage = MemoryUsage(cost_usd=self._cost(MemoryUsage()))
        self._lock = Lock()

    def next_task(self) -> None:
        """Begin the budget of another task; what was spent stays in `usage`."""
        self._before = self.usage.tokens

    def check(self) -> None:
        """Raise RolloutError("memory_out_of_budget") if nothing is left.

        A call's tokens are known once it is answered, so the last one may go beyond the budget.
        """
        spent = self.usage.tokens - self._before
        if self.budget and spent >= self.budget:
            raise RolloutError(
                "memory_out_of_budget",
                f"the memory used {spent} of its {self.budget} tokens for one task",
                "Raise --model-tokens.",
            )

    def add(self, prompt_tokens: int, completion_tokens: int = 0, *, charged: bool = True) -> None:
        """Count one answered call; one that is not charged leaves the task's budget as it is."""
        with self._lock:
            if not charged:
                self._before += prompt_tokens + completion_tokens
            used = replace(
                self.usage,
                calls=self.usage.calls + 1,
                prompt_tokens=self.usage.prompt_tokens + prompt_tokens,
                completion_tokens=self.usage.completion_tokens + completion_tokens,
            )
            self.usage = replace(used, cost_usd=self._cost(used))

    @contextmanager
    def timing(self, what: Literal["recall", "record"]) -> Iterator[None]:
        """Book the time inside to recalling or recording."""
        started = monotonic()
        try:
            yield
        finally:
            name = f"{what}_seconds"
            with self._lock:
                seconds = getattr(self.usage, name) + monotonic() - started
                self.usage = replace(self.usage, **{name: round(seconds, 4)})

    def _cost(self, used: MemoryUsage) -> float | None:
        if not (self.price_in or self.price_out):
            return None
        cost = used.prompt_tokens * self.price_in + used.completion_tokens * self.price_out
        return round(cost / 1e6, 9)


class Chat:
    """A metered chat model behind an OpenAI-compatible endpoint; temperature 0 and a seed."""

    def __init__(self, endpoint: Posts, name: str, meter: Meter, seed: int = 0) -> None:
        self.endpoint, self.name, self.meter, self.seed = endpoint, name, meter, seed

    def chat(self, messages: Sequence[Message], *, max_tokens: int = MAX_TOKENS) -> Reply:
        """Ask once. A refusal is RolloutError("memory_failed"): asked again it would be one."""
        self.meter.check()
        said = [{"role": m["role"], "content": _utf8(m["content"])} for m in messages]
        body = {"model": self.name, "messages": said, "max_tokens": max_tokens}
        answer = self.endpoint.post(
            "chat/completions", {**body, "temperature": 0, "seed": self.seed}
        )
        reply = Reply(
            text="",
            prompt_tokens=_tokens(answer, "prompt_tokens"),
            completion_tokens=_tokens(answer, "completion_tokens"),
        )
        # Before anything else can go wrong: the provider has counted it already.
        self.meter.add(reply.prompt_tokens, reply.completion_tokens)
        text, finish = _content(answer)
        return replace(reply, text=_utf8(text), cut=finish == "length")


class Embeddings:
    """A metered embedding model behind an OpenAI-compatible endpoint."""

    def __init__(self, endpoint: Posts, name: str, meter: Meter) -> None:
        self.endpoint, self.name, self.meter = endpoint, name, meter

    def __call__(self, texts: Sequence[str], /) -> list[list[float]]:
        """One vector per text."""
        return self._embed(texts, charged=True)

    def again(self, texts: Sequence[str], /) -> list[list[float]]:
        """Vectors that an earlier task's budget paid for: counted in `usage`, but not charged."""
        return self._embed(texts, charged=False)

    def _embed(self, texts: Sequence[str], *, charged: bool) -> list[list[float]]:
        found: list[list[float]] = []
        for start in range(0, len(texts), BATCH):
            if charged:
                self.meter.check()
            # Endpoints refuse the empty text.
            batch = [_utf8(text) or " " for text in texts[start : start + BATCH]]
            answer = self.endpoint.post("embeddings", {"model": self.name, "input": batch})
            self.meter.add(_tokens(answer, "prompt_tokens"), charged=charged)
            found += _vectors(answer, len(batch))
        return found


def _tokens(answer: Mapping[str, Any], name: str) -> int:
    usage = answer.get("usage")
    count = usage.get(name) if isinstance(usage, Mapping) else None
    if not isinstance(count, int) or count < 0:
        raise RolloutError(
            "provider_failed", f"the endpoint does not report usage.{name}, so nothing is metered"
        )
    return count


def _content(answer: Mapping[str, Any]) -> tuple[str, object]:
    """The text of an answer and its finish_reason."""
    try:
        choice = answer["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason")
        text, refusal = message.get("content"), message.get("refusal")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise RolloutError("provider_failed", "the endpoint answered without a message") from None
    if refusal or finish == "content_filter":
        why = str(refusal or "its content filter stopped the answer")
        raise RolloutError("memory_failed", f"the model refused: {why[:200]}")
    return text if isinstance(text, str) else "", finish


def _vectors(answer: Mapping[str, Any], count: int) -> list[list[float]]:
    try:
        rows = sorted(answer["data"], key=lambda row: row["index"])
        found = [[float(number) for number in row["embedding"]] for row in rows]
    except (KeyError, TypeError, ValueError):
        raise RolloutError("provider_failed", "the endpoint answered without vectors") from None
    if len(found) != count:
        raise RolloutError("provider_failed", f"{len(found)} vectors came back for {count} texts")
    return found


def _utf8(text: str) -> str:
    """The text without lone surrogates, which no request can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")
