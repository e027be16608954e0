"""An agent in a process of its own: to the harness an agent like any other."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from harness.plugin_host.failures import PluginError, PluginFailure, for_people, rollout_error
from harness.plugin_host.host import PluginHost
from harness.plugin_host.process import Serve
from seqswe.agent import Attempt, ModelAnswer, Usage
from seqswe.errors import RolloutError
from seqswe.instance import Instance, Task
from seqswe.memory import Recall
from seqswe.sandbox import Completed, Sandbox

Gold = Callable[[str], Instance]
Post = Callable[[str, Mapping[str, Any]], ModelAnswer]
"""Asks the gateway: path and body."""


class HostedAgent:
    """An agent of a plug-in; whatever it does wrong is a RolloutError of its own making.

    task_seconds: for thinking, beside the time of its commands and of the model. gold: None for an
    agent that did not declare `reads_gold`; model, post: the name of its model, "" for none, and
    the way to it. Raises the errors for people that its construction raises.
    """

    def __init__(
        self,
        host: PluginHost,
        seed: int,
        gold: Gold | None,
        task_seconds: float,
        *,
        model: str = "",
        post: Post | None = None,
    ) -> None:
        self._process = host.process()
        self._model: Serve = {"model": _asks(post)} if post else {}
        self._task_seconds = task_seconds
        self._gold: Serve = {"gold": lambda instance_id: gold(instance_id)} if gold else {}
        try:
            given = (host.options, seed, model)
            self._call("build_agent", *given, seconds=host.seconds, serve=self._gold)
        except RolloutError as error:
            self._process.close()
            raise for_people(error) from None

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """What it says of its work, of whatever types; its process ends with it."""
        serve = {**self._gold, **self._model, **ServedSandbox(sandbox).serve}
        given = (task, recall, sandbox.root, sandbox.objects)
        try:
            data = self._call("solve", *given, seconds=self._task_seconds, serve=serve)
        finally:
            self._process.close()
        try:
            return Attempt(**{**data, "usage": Usage(**data["usage"])})
        except (TypeError, KeyError) as error:
            raise RolloutError("agent_crashed", f"its answer is no attempt: {error}") from None

    def _call(self, request: str, *arguments: Any, seconds: float, serve: Serve) -> Any:
        try:
            return self._process.call(request, *arguments, seconds=seconds, serve=serve)
        except PluginFailure as failure:
            cause = "agent_out_of_budget" if failure.hung else "agent_crashed"
            raise rollout_error(failure, cause) from failure
        except PluginError as error:
            raise rollout_error(error, "agent_crashed") from error


def _asks(post: Post) -> Callable[..., ModelAnswer]:
    def model(path: Any, body: Any) -> ModelAnswer:
        return post(str(path), dict(body))

    return model


class ServedSandbox:
    """A sandbox's methods, as an agent's process asks for them: bytes are base64."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.serve: Serve = {
            "run": self._run,
            "aside": self._aside,
            "read": self._read,
            "write": self._write,
            "end_processes": sandbox.end_processes,
        }

    def _run(self, command: Any, **how: Any) -> Completed:
        return self._sandbox.run(_command(command), **_settings(**how))

    def _aside(self, command: Any, **how: Any) -> Completed:
        aside = getattr(self._sandbox, "aside", self._sandbox.run)
        completed: Completed = aside(_command(command), **_settings(**how))
        return completed

    def _read(self, path: Any) -> bytes:
        return self._sandbox.read(str(path))

    def _write(self, path: Any, data: Any) -> None:
        self._sandbox.write(str(path), base64.b64decode(data))


def _command(command: Any) -> list[str] | str:
    return command if isinstance(command, str) else [str(word) for word in command]


def _settings(timeout: Any, env: Any, stdin: Any) -> dict[str, Any]:
    """Keyword arguments of `Sandbox.run`. Raises TypeError or ValueError for what is none."""
    return {
        "timeout": None if timeout is None else float(timeout),
        "env": {str(name): str(value) for name, value in dict(env).items()} or None,
        "stdin": None if stdin is None else base64.b64decode(stdin),
    }
