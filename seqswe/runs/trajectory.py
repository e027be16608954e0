"""A rollout's trajectory in ATIF v1.7, from what its sandbox was asked to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from seqswe import __version__
from seqswe.agent import Attempt
from seqswe.errors import RolloutError
from seqswe.instance import Task
from seqswe.memory import Recall
from seqswe.sandbox import Completed, Limits, Sandbox

SHOWN = 2000
"""Characters kept of a command and of each output."""


STEP_CHARACTERS = 1000
"""Characters of a command and of its output that a memory is told."""
COMPACT = 20_000
"""Characters of a whole trajectory that a memory is told."""
LEFT_OUT = "[… steps left out …]\n"


class Recording:
    """A sandbox as an agent gets it: every command is noted, and all share the task's seconds.

    So each agent has a trajectory by itself, and one that used up its time can still be graded:
    what the harness does in the same sandbox is not the agent's.
    """

    def __init__(
        self, sandbox: Sandbox, limits: Limits, env: Mapping[str, str] | None = None
    ) -> None:
        self._sandbox = sandbox
        self._env = dict(env or {})
        """Variables that every command has."""
        self._limits = limits
        self._left = limits.task_seconds
        self.root = sandbox.root
        self.steps: list[tuple[str, Completed]] = []

    @property
    def objects(self) -> str:
        """The folder of git objects."""
        return self._sandbox.objects

    def run(
        self,
        command: Sequence[str] | str,
        *,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> Completed:
        """Run and note a command. Raises RolloutError("agent_out_of_budget") and the sandbox's."""
        done = self.aside(command, timeout=timeout, env=env, stdin=stdin)
        self.steps.append((command if isinstance(command, str) else " ".join(command), done))
        return done

    def aside(
        self,
        command: Sequence[str] | str,
        *,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> Completed:
        """Run without noting it: for reads that rollouts share and only the first one makes.

        Noted, they would make a trajectory, and what a memory learns of it, depend on chance.
        """
        if self._left <= 0:
            raise RolloutError(
                "agent_out_of_budget",
                f"its {self._limits.task_seconds:g} s are used up",
            )
        seconds = min(timeout or self._limits.command_seconds, self._left)
        done = self._sandbox.run(
            command, timeout=seconds, env={**self._env, **(env or {})}, stdin=stdin
        )
        self._left -= done.seconds
        return done

    def read(self, path: str) -> bytes:
        """A file's bytes."""
        return self._sandbox.read(path)

    def write(self, path: str, data: bytes) -> None:
        """Create or replace a file."""
        self._sandbox.write(path, data)

    def end_processes(self) -> None:
        """End every process in the sandbox."""
        self._sandbox.end_processes()

    def close(self) -> None:
        """Close the sandbox."""
        self._sandbox.close()


def compact(steps: Sequence[tuple[str, Completed]], budget: int = COMPACT) -> str:
    """Commands and what they printed as one text of at most `budget` characters.

    A command starts with `$ ` (its further lines with `> `); output is indented by two spaces,
    so that no output looks like a command. Steps in the middle are left out where it is too long.
    """
    texts = [_as_text(command, done) for command, done in steps]
    first: list[str] = []
    last: list[str] = []
    left = budget
    for index in range(len(texts)):
        # From both ends: what an agent began with, and what it came to.
        text = texts[index // 2] if index % 2 == 0 else texts[-1 - index // 2]
        if len(text) + len(LEFT_OUT) > left:
            return "".join((*first, LEFT_OUT, *reversed(last)))[:budget]
        (last if index % 2 else first).append(text)
        left -= len(text)
    return "".join((*first, *reversed(last)))


def middle_cut(text: str, limit: int) -> str:
    """The text's start and end if it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2]}\n…\n{text[-(limit // 2) :]}"


def _as_text(command: str, done: Completed) -> str:
    output = (done.stdout + done.stderr).decode("utf-8", "replace")
    lines = ["$ " + command[:STEP_CHARACTERS].replace("\n", "\n> ")]
    lines += ["  " + line for line in middle_cut(output, STEP_CHARACTERS).splitlines()]
    if done.timed_out or done.exit_code:
        lines.append(f"  [{'timed out' if done.timed_out else f'exit {done.exit_code}'}]")
    return "\n".join(lines) + "\n"


def trajectory(
    task: Task,
    recall: Recall,
    attempt: Attempt,
    steps: Sequence[tuple[str, Completed]],
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """The trajectory; `about` holds the agent's name and the run's `session` and `extra`."""
    memory = [
        {"origins": item.origins, "score": item.score, "text": item.text} for item in recall.items
    ]
    listed: list[dict[str, Any]] = [
        {
            "step_id": 1,
            "source": "user",
            "message": task.problem_statement,
            "extra": {"recalled": memory, "recall_truncated": recall.truncated},
        }
    ]
    for number, (command, done) in enumerate(steps, 2):
        listed.append(_step(number, command, done))
    listed.append({"step_id": len(listed) + 1, "source": "agent", "message": attempt.message})
    usage = attempt.usage
    return {
        "schema_version": "ATIF-v1.7",
        "session_id": about["session"],
        "agent": {"name": about["agent"], "version": __version__},
        "steps": listed,
        "final_metrics": {
            "total_prompt_tokens": usage.prompt_tokens,
            "total_completion_tokens": usage.completion_tokens,
            "total_cost_usd": usage.cost_usd,
            "total_steps": len(listed),
            "extra": {"steps": usage.steps, "executions": usage.executions},
        },
        "extra": {
            "seqswe": {
                "task": {**asdict(task), "problem_statement": None},
                "ranking": attempt.ranking,
                **about["extra"],
            }
        },
    }


def _step(number: int, command: str, done: Completed) -> dict[str, Any]:
    call = f"c{number}"
    output = (done.stdout + done.stderr)[:SHOWN].decode("utf-8", "replace")
    # Seconds stay out: the same rollout must write the same trajectory.
    extra = {"exit_code": done.exit_code, "timed_out": done.timed_out}
    return {
        "step_id": number,
        "source": "agent",
        "message": "",
        "tool_calls": [
            {
                "tool_call_id": call,
                "function_name": "bash",
                "arguments": {"command": command[:SHOWN]},
            }
        ],
        "observation": {"results": [{"source_call_id": call, "content": output, "extra": extra}]},
    }
