"""The services that a memory gets: a metered model, the stream's clock and a seeded generator."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, Literal

from harness.memory.recorded_model import RecordingModel, ReplayedModel
from seqswe.errors import RolloutError, UnreadableAnswer
from seqswe.experiment import LITELLM, Experiment
from seqswe.instance import Task
from seqswe.memory import Experience, Memory, Recall, Services
from seqswe.models.endpoint import Endpoint
from seqswe.models.meter import Meter
from seqswe.models.openai import Chat, Embeddings, Posts
from seqswe.models.structured import KnownWays


class TaskClock:
    """The task that a memory is at, with its clock and its seeded generator."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.at: Task | None = None

    def now(self) -> datetime:
        """Return when the task at hand was created, never the time of day."""
        return self._task().created_at

    def rng(self) -> Random:
        """Return a generator that is the same at every call for a run's seed and a task."""
        return Random(f"{self.seed} {self._task().instance_id}")

    def _task(self) -> Task:
        if self.at is None:
            raise RolloutError("memory_failed", "clock and chance are for recall and record only")
        return self.at


class MeteredMemory:
    """A memory with its services. The clock stands at its task, and what it spends is metered.

    build: makes the memory from its services; ways: what the run knows of its model's endpoint.
    All other attributes are the memory's own.
    """

    def __init__(
        self,
        build: Callable[[Services], Memory],
        base: Services,
        settings: Experiment,
        seed: int,
        ways: KnownWays | None = None,
    ) -> None:
        # An object of its own: otherwise memory and services would keep each other, and their
        # folder, alive.
        self._stream = TaskClock(seed)
        self._meter = meter_of(settings)
        self._ways = ways or KnownWays()
        self._clients: list[Chat | Embeddings] = []
        self.memory = build(self._services(base, settings))

    def pay_with(self, meter: Meter) -> None:
        """Book what is spent from now on with `meter`."""
        self._meter = meter
        for client in self._clients:
            client.meter = meter

    def recall(self, task: Task) -> Recall:
        """Recall, timed; nothing if the memory's model could not be read."""
        self._stream.at = task
        with self._meter.timing("recall"), self._losing("recall"):
            return self.memory.recall(task)
        return Recall()

    def record(self, experience: Experience) -> None:
        """Record, timed; if the memory's model could not be read, the lesson is lost."""
        self._stream.at = experience.task
        with self._meter.timing("record"), self._losing("record"):
            self.memory.record(experience)

    def save(self, directory: Path) -> None:
        """Save the memory."""
        self.memory.save(directory)

    def load(self, directory: Path) -> None:
        """Load the memory."""
        self.memory.load(directory)

    def __getattr__(self, name: str) -> Any:
        """Return what this memory has beyond the four methods."""
        if name == "memory":  # not built yet
            raise AttributeError(name)
        return getattr(self.memory, name)

    def _current_meter(self) -> Meter:
        return self._meter

    @contextmanager
    def _losing(self, what: Literal["recall", "record"]) -> Iterator[None]:
        # Asked again at temperature 0 a model says the same, so a failure would end the chain.
        try:
            yield
        except RolloutError as error:
            if error.cause != UnreadableAnswer.CAUSE:
                raise
            self._meter.lose(what)

    def _services(self, base: Services, settings: Experiment) -> Services:
        services = replace(base, clock=self._stream.now, rng=self._stream.rng)
        if settings.memory_model:
            posts, name = poster(settings, self._current_meter)
            chat = Chat(
                posts,
                name,
                self._meter,
                self._stream.seed,
                ways=self._ways,
                most_tokens=settings.memory_model_answer_tokens,
            )
            self._clients.append(chat)
            services = replace(services, model=chat)
        if settings.embedding:
            embed = Embeddings(*poster(settings, self._current_meter, embedding=True), self._meter)
            self._clients.append(embed)
            services = replace(services, embed=embed)
        return services


def meter_of(settings: Experiment, rollout: str = "") -> Meter:
    """Return a new meter with the experiment's budget and prices; rollout: whose, by name."""
    return Meter(
        settings.memory_model_tokens,
        settings.memory_model_price_in,
        settings.memory_model_price_out,
        rollout=rollout,
    )


def poster(
    settings: Experiment, meter: Callable[[], Meter], *, embedding: bool = False
) -> tuple[Posts, str]:
    """Return the client of the model (or the embedding model), and the model's name there.

    It is recorded, or replayed in place of any endpoint, if the experiment says so. Raises
    UsageError for a wrong URL, MissingError without the extra `litellm`.
    """
    name = settings.embedding if embedding else settings.memory_model
    plain = name.removeprefix(LITELLM)
    if settings.replay:
        return ReplayedModel(Path(settings.replay), meter), plain
    url = (settings.embedding_url if embedding else "") or settings.memory_model_url
    key = os.environ.get(settings.memory_model_key, "").strip()
    posts = _client(name, url, key, settings.memory_model_seconds)
    if settings.record:
        posts = RecordingModel(posts, Path(settings.record), meter, key)
    return posts, plain


def _client(name: str, url: str, key: str, seconds: float) -> Posts:
    if not name.startswith(LITELLM):
        return endpoint(url, key, seconds)
    from harness.memory.litellm_client import LiteLLM

    return LiteLLM(url, key=key, seconds=seconds)


@lru_cache(maxsize=8)
def endpoint(url: str, key: str, seconds: float) -> Endpoint:
    """Return the one pool of connections of an endpoint, which all memories share."""
    return Endpoint(url, key=key, seconds=seconds)
