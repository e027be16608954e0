"""An agent of the agent protocol, played through an environment: each command is a step."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from seqswe.agent import Agent
from seqswe.env.actions import Run, Submit
from seqswe.env.environment import SeqEnv, Step
from seqswe.errors import RolloutError
from seqswe.sandbox import Completed

WRITE = 'mkdir -p -- "$(dirname -- "$1")" && cat > "$1"'
"""With `sh -c`, for a path."""


class Truncated(Exception):
    """The budget ended the task under the agent."""


class SteppedSandbox:
    """A sandbox whose every command is a step of an environment."""

    def __init__(self, env: SeqEnv) -> None:
        self._env = env
        self.root = env.turn.sandbox.root
        self.objects = env.turn.sandbox.objects
        self.ended: Step | None = None
        """The step that ended the task, if one of the agent's commands did."""

    def run(
        self,
        command: Sequence[str] | str,
        *,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> Completed:
        """Run a command by a step. Raises Truncated if the task is over with it."""
        step = self._env.step(Run(command, stdin=stdin, env=env, timeout=timeout))
        if "task_done" in step[4]:
            self.ended = step
            raise Truncated
        if self._env.completed is None:
            raise RolloutError("harness_failed", "a command left no outcome")
        return self._env.completed

    def read(self, path: str) -> bytes:
        """A file's bytes; FileNotFoundError if there is none."""
        done = self.run(["sh", "-c", 'test -f "$1" && base64 < "$1"', "sh", path])
        if not done.ok:
            raise FileNotFoundError(path)
        return base64.b64decode(done.stdout)

    def write(self, path: str, data: bytes) -> None:
        """Create or replace a file, making its folders."""
        self.run(["sh", "-c", WRITE, "sh", path], stdin=data)

    def end_processes(self) -> None:
        """End every process in the sandbox: no step, and nothing of the trajectory."""
        self._env.turn.sandbox.end_processes()

    def close(self) -> None:
        """Nothing: the environment closes it."""


def play(env: SeqEnv, agent: Agent) -> Step:
    """Have a fresh agent solve the task at hand; returns the step that ended it.

    Raises whatever the agent raises; the task then stays open.
    """
    turn, sandbox = env.turn, SteppedSandbox(env)
    try:
        attempt = agent.solve(turn.task, turn.recall, sandbox)
    except Truncated:
        assert sandbox.ended is not None
        return sandbox.ended
    return env.step(Submit(attempt))
