"""Metered clients of an OpenAI-compatible API: chat completions and embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any, Protocol

from seqswe.errors import RolloutError
from seqswe.models.endpoint import RefusedRequest
from seqswe.models.meter import Meter
from seqswe.models.protocol import MAX_TOKENS, Message, Reply
from seqswe.models.structured import KnownWays, Schema, response_format
from seqswe.patterns import COUNT

BATCH = 128
"""Texts embedded by one call."""


class Posts(Protocol):
    """Whatever speaks the wire protocol: `endpoint.Endpoint`, or LiteLLM in its place."""

    def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to `chat/completions` or `embeddings`. Raises RolloutError."""
        ...


class Chat:
    """A metered chat model behind an OpenAI-compatible endpoint; temperature 0 and a seed.

    ways: what is known of the endpoint, shared with others that ask it; most_tokens: of any
    answer, whatever a caller allows; 0 for no such bound.
    """

    def __init__(
        self,
        endpoint: Posts,
        name: str,
        meter: Meter,
        seed: int = 0,
        *,
        ways: KnownWays | None = None,
        most_tokens: int = 0,
    ) -> None:
        self.endpoint, self.name, self.meter, self.seed = endpoint, name, meter, seed
        self._ways, self._most = ways or KnownWays(), most_tokens

    def chat(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int = MAX_TOKENS,
        schema: Schema | None = None,
    ) -> Reply:
        """Ask once. A refusal is RolloutError("memory_failed"): asked again it would be one."""
        self.meter.check()
        clean = [{"role": m["role"], "content": _utf8(m["content"])} for m in messages]
        most = min(max_tokens, self._most or max_tokens)
        body = {"model": self.name, "messages": clean, "max_tokens": most}
        answer = self._answer({**body, "temperature": 0, "seed": self.seed}, schema)
        reply = Reply(
            text="",
            prompt_tokens=_tokens(answer, "prompt_tokens"),
            completion_tokens=_tokens(answer, "completion_tokens"),
        )
        # Before anything else can go wrong: the provider has counted it already.
        self.meter.add(reply.prompt_tokens, reply.completion_tokens)
        text, finish = _content(answer)
        return replace(reply, text=_utf8(text), cut=finish == "length")

    def _answer(self, body: Mapping[str, Any], schema: Schema | None) -> Mapping[str, Any]:
        """The endpoint's answer, in the strictest way of asking for a schema that it knows.

        A refusal while no way is known yet says that it does not know this one. If it refuses
        the plain question too, the way was not what was wrong, and nothing is remembered.
        """
        if schema is None:
            return self.endpoint.post("chat/completions", body)
        ways = self._ways.to_try
        for way in ways:
            try:
                answer = self.endpoint.post(
                    "chat/completions", {**body, **response_format(way, schema)}
                )
            except RefusedRequest:
                if way == ways[-1]:
                    raise
                continue
            self._ways.worked(way)
            return answer
        raise AssertionError("there is always a way to try")


class Embeddings:
    """A metered embedding model behind an OpenAI-compatible endpoint."""

    def __init__(self, endpoint: Posts, name: str, meter: Meter) -> None:
        self.endpoint, self.name, self.meter = endpoint, name, meter
        self._size = 0

    def __call__(self, texts: Sequence[str], /) -> list[list[float]]:
        """One vector per text."""
        return self._embed(texts, charged=True)

    def again(self, texts: Sequence[str], /) -> list[list[float]]:
        """Vectors that an earlier task's budget paid for: counted in `usage`, but not charged."""
        return self._embed(texts, charged=False)

    def _embed(self, texts: Sequence[str], *, charged: bool) -> list[list[float]]:
        vectors: list[list[float]] = []
        for start in range(0, len(texts), BATCH):
            if charged:
                self.meter.check()
            # Endpoints refuse the empty text.
            batch = [_utf8(text) or " " for text in texts[start : start + BATCH]]
            answer = self.endpoint.post("embeddings", {"model": self.name, "input": batch})
            self.meter.add(_tokens(answer, "prompt_tokens"), charged=charged)
            vectors += self._checked(batch, _vectors(answer, len(batch)))
        return vectors

    def _checked(self, texts: Sequence[str], vectors: list[list[float]]) -> list[list[float]]:
        """Vectors that can be compared with each other and with all before them."""
        for text, vector in zip(texts, vectors, strict=True):
            self._size = self._size or len(vector)
            problem = ""
            if len(vector) != self._size or not vector:
                problem = f"a vector of {len(vector)} numbers after one of {self._size}"
            elif not all(map(isfinite, vector)):
                problem = "a vector with numbers that are not finite"
            elif not any(vector) and any(map(str.isalnum, text)):
                problem = "a vector of zeros"
            if problem:
                raise RolloutError("provider_failed", f"embedding {self.name!r}: it sent {problem}")
        return vectors


def _tokens(answer: Mapping[str, Any], name: str) -> int:
    usage = answer.get("usage")
    count = usage.get(name) if isinstance(usage, Mapping) else None
    if type(count) is not int or not COUNT.fits(count):
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
        vectors = [[float(number) for number in row["embedding"]] for row in rows]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise RolloutError("provider_failed", "the endpoint answered without vectors") from None
    if [row["index"] for row in rows] != list(range(count)):
        raise RolloutError(
            "provider_failed", f"{len(vectors)} vectors, wrongly numbered, came for {count} texts"
        )
    return vectors


def _utf8(text: str) -> str:
    """The text without lone surrogates, which no request can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")
