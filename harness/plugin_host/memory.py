"""A memory in a process of its own: to the harness a memory like any other."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import fields
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

from harness.plugin_host.failures import PluginError, PluginFailure, for_people, rollout_error
from harness.plugin_host.host import PluginHost
from harness.plugin_host.process import Serve
from seqswe.errors import ManifestError, RolloutError
from seqswe.instance import Instance, Task
from seqswe.manifests.convert import parse
from seqswe.memory import Commit, Experience, Recall, Services
from seqswe.models.protocol import Reply
from seqswe.runs.snapshots import Files, read_folder

COMMITS = 200
"""Of a log that are sent at a time."""
LOGS = 8
"""Logs that a memory reads side by side."""
SIMPLE = ("clock", "rng")
"""Services that are asked for as they are called."""
OF_TASKS = frozenset({"recall", "record"})
"""Requests of a task, which pays for what the memory's model takes."""
METERED = ("chat", "embed")


class HostedMemory:
    """A memory of a plug-in. Whatever it does wrong is RolloutError("memory_failed").

    declared: the services that its class names; it is served no others. task_seconds: for recalling
    or recording, if that is less than the host's deadline. Raises the errors for people that its
    construction raises.
    """

    def __init__(
        self, host: PluginHost, services: Services, declared: Container[str], task_seconds: float
    ) -> None:
        self._process = host.process()
        self._seconds, self._task_seconds = host.seconds, min(host.seconds, task_seconds)
        self._served = ServedMemory(services, declared)
        try:
            self._call("build_memory", host.options, self._served.available)
        except RolloutError as error:
            self._process.close()
            raise for_people(error) from None

    def recall(self, task: Task) -> Recall:
        """What it recalls, well-formed and with finite scores."""
        self._served.task = task
        data = self._call("recall", task, seconds=self._task_seconds)
        try:
            recall = parse(Recall, data, "recall")
        except ManifestError as error:
            raise RolloutError("memory_failed", error.message) from None
        for item in recall.items:
            if not isfinite(item.score):
                raise RolloutError("memory_failed", f"recall: a score is {item.score}")
        return recall

    def record(self, experience: Experience) -> None:
        """Record an experience."""
        self._served.task = experience.task
        self._call("record", experience, seconds=self._task_seconds)

    def save(self, directory: Path) -> None:
        """Save its state into an empty folder."""
        self._call("save")
        try:
            files = self._process.state()
        except PluginFailure as failure:
            raise rollout_error(failure, "memory_failed") from failure
        for name, content in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def load(self, directory: Path) -> None:
        """Load the state that lies in a folder."""
        files = read_folder(directory)
        self.may_embed_again(files)
        self._call("load", files)

    def may_embed_again(self, files: Files) -> None:
        """Let it embed as much again, without paying, as this state of its holds."""
        self._served.unpaid = sum(map(len, files.values()))

    def close(self) -> None:
        """End its process; it also ends when nobody holds this object any more."""
        self._process.close()

    def _call(self, request: str, *arguments: Any, seconds: float = 0.0) -> Any:
        serve = self._served.serve if request in OF_TASKS else self._served.between_tasks
        try:
            return self._process.call(
                request, *arguments, seconds=seconds or self._seconds, serve=serve
            )
        except (PluginError, PluginFailure) as error:
            raise rollout_error(error, "memory_failed") from error


class ServedMemory:
    """What a memory may ask for: the services that it is given, by what its proxies call them."""

    def __init__(self, services: Services, declared: Container[str]) -> None:
        every = ((spec.name, getattr(services, spec.name)) for spec in fields(Services))
        self._services = {n: s for n, s in every if n in declared and s is not None}
        self._logs: dict[int, Iterator[Commit]] = {}
        self.unpaid = 0
        """Bytes of texts that may be embedded again without paying: as many as its state holds.
        Earlier tasks' budgets paid for them; for which of them, the memory alone would know."""
        self.available = tuple(self._services)
        self.task: Task | None = None
        """The task at hand."""
        self.serve: Serve = {
            "history": self._history,
            "older": self._older,
            "chat": self._chat,
            "embed": self._embed,
            "gold": self._gold,
            **{name: self._services[name] for name in SIMPLE if name in self._services},
        }
        self.between_tasks: Serve = {**self.serve, **dict.fromkeys(METERED, _refuse)}
        """While it is built, saved or loaded: how often that is done depends on how often a run is
        stopped, and no task would pay for it."""

    def _history(self, instance_id: str) -> int:
        if self.task is None or instance_id != self.task.instance_id:
            raise RolloutError("memory_failed", "the log is that of the task at hand only")
        number = max(self._logs, default=0) + 1
        self._logs.pop(number - LOGS, None)
        self._logs[number] = iter(self._services["history"](self.task))
        return number

    def _older(self, log: int) -> list[Commit]:
        return list(islice(self._logs[log], COMMITS))

    def _gold(self, instance_id: str) -> Instance:
        instance: Instance = self._services["gold"](instance_id)
        return instance

    def _chat(
        self, messages: list[dict[str, str]], max_tokens: int, schema: dict[str, Any] | None = None
    ) -> Reply:
        if schema is not None and not isinstance(schema, dict):
            raise RolloutError("memory_failed", "a schema is a JSON object")
        reply: Reply = self._services["model"].chat(messages, max_tokens=max_tokens, schema=schema)
        return reply

    def _embed(self, texts: list[str], again: bool = False) -> Any:
        embed = self._services["embed"]
        size = sum(len(str(text).encode("utf-8", "replace")) for text in texts) if again else 0
        if again and size <= self.unpaid:
            self.unpaid -= size
            embed = getattr(embed, "again", embed)
        return embed(texts)


def _refuse(**_: Any) -> NoReturn:
    raise RolloutError("memory_failed", "a memory's model is for recall and record only")
