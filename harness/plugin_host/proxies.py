"""What a plug-in holds in place of the harness's services and sandbox: they ask over the pipe."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Any

from seqswe.agent import ModelAnswer
from seqswe.instance import Instance, Task
from seqswe.memory import Commit, Services
from seqswe.models.protocol import MAX_TOKENS, Message, Reply
from seqswe.models.structured import Schema
from seqswe.sandbox import Completed

Ask = Callable[..., Any]
"""`ask("chat", messages=...)`: the harness's answer, or its error raised."""


def services_of(ask: Ask, available: Iterable[str]) -> Services:
    """The services of these names, as a memory gets them."""
    every: Mapping[str, Any] = {
        "history": _History(ask),
        "gold": _Gold(ask),
        "model": _Model(ask),
        "embed": _Embed(ask),
        "clock": _Clock(ask),
        "rng": _Rng(ask),
    }
    return Services(**{name: every[name] for name in available})


class _Service:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask


class _History(_Service):
    def __call__(self, task: Task) -> Iterator[Commit]:
        log: int = self._ask("history", instance_id=str(task.instance_id))
        while commits := self._ask("older", log=log):
            yield from commits


class _Gold(_Service):
    def __call__(self, instance_id: str) -> Instance:
        instance: Instance = self._ask("gold", instance_id=str(instance_id))
        return instance


class _Model(_Service):
    def chat(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int = MAX_TOKENS,
        schema: Schema | None = None,
    ) -> Reply:
        plain = [{str(k): str(v) for k, v in message.items()} for message in messages]
        reply: Reply = self._ask("chat", messages=plain, max_tokens=max_tokens, schema=schema)
        return reply


class _Embed(_Service):
    def __call__(self, texts: Sequence[str], /) -> list[list[float]]:
        vectors: list[list[float]] = self._ask("embed", texts=list(map(str, texts)))
        return vectors

    def again(self, texts: Sequence[str], /) -> list[list[float]]:
        vectors: list[list[float]] = self._ask("embed", texts=list(map(str, texts)), again=True)
        return vectors


class _Clock(_Service):
    def __call__(self) -> datetime:
        now: datetime = self._ask("clock")
        return now


class _Rng(_Service):
    def __call__(self) -> Random:
        rng: Random = self._ask("rng")
        return rng


def gold_of(ask: Ask) -> Callable[[str], Instance]:
    """Gold data by instance id, as an agent gets it."""
    return _Gold(ask)


class RemoteModel:
    """The agent's way to its model: a `seqswe.agent.AgentModel`."""

    def __init__(self, ask: Ask, name: str) -> None:
        self._ask, self.name = ask, name

    def post(self, path: str, body: Mapping[str, Any]) -> ModelAnswer:
        """Ask by the harness's gateway."""
        answer: ModelAnswer = self._ask("model", path=str(path), body=dict(body))
        return answer


class RemoteSandbox:
    """The rollout's sandbox, as an agent gets it: a `seqswe.sandbox.Sandbox`."""

    def __init__(self, ask: Ask, root: str, objects: str) -> None:
        self._ask = ask
        self.root, self.objects = root, objects

    def run(
        self,
        command: Sequence[str] | str,
        *,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> Completed:
        """Run a command; see `Sandbox.run`."""
        return self._run("run", command, timeout, env, stdin)

    def aside(
        self,
        command: Sequence[str] | str,
        *,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> Completed:
        """Run a command that is no step of the trajectory."""
        return self._run("aside", command, timeout, env, stdin)

    def read(self, path: str) -> bytes:
        """A file's bytes; FileNotFoundError if there is none."""
        data: bytes = self._ask("read", path=str(path))
        return data

    def write(self, path: str, data: bytes) -> None:
        """Create or replace a file."""
        self._ask("write", path=str(path), data=_text(data))

    def end_processes(self) -> None:
        """End every process in the sandbox."""
        self._ask("end_processes")

    def close(self) -> None:
        """Nothing: the sandbox is closed by the harness, which opened it."""

    def _run(
        self,
        how: str,
        command: Sequence[str] | str,
        timeout: float | None,
        env: Mapping[str, str] | None,
        stdin: bytes | None,
    ) -> Completed:
        completed: Completed = self._ask(
            how,
            command=command if isinstance(command, str) else list(map(str, command)),
            timeout=timeout,
            env={str(name): str(value) for name, value in (env or {}).items()},
            stdin=None if stdin is None else _text(stdin),
        )
        return completed


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
