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
from seqswe.runs.atif import VERSION
from seqswe.sandbox import Completed, Limits, Sandbox

SHOWN = 2000
"""Characters kept of a command and of each output."""


STEP_CHARACTERS = 1000
"""Characters of a command and of its output that a memory is told."""
COMPACT = 20_000
"""Characters of a whole trajectory that a memory is told."""
ASIDE_SECONDS = 60.0
"""Beyond the task's, for reads that are no step of the agent's."""
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
        done = self._run(command, timeout, env, stdin, self._left)
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

        Noted, they would make a trajectory, and what a memory learns of it, depend on chance. A
        little time is left for them at the end, to read what a program did that ran out of time.
        """
        return self._run(command, timeout, env, stdin, self._left + ASIDE_SECONDS)

    def _run(
        self,
        command: Sequence[str] | str,
        timeout: float | None,
        env: Mapping[str, str] | None,
        stdin: bytes | None,
        left: float,
    ) -> Completed:
        if left <= 0:
            raise RolloutError(
                "agent_out_of_budget",
                f"its {self._limits.task_seconds:g} s are used up",
            )
        seconds = min(timeout or self._limits.command_seconds, left)
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


def commands_of(steps: Sequence[Mapping[str, Any]]) -> list[tuple[str, Completed]]:
    """The calls of tools in an agent's own steps of ATIF, as commands and what they printed."""
    made = []
    for step in steps:
        results = step.get("observation", {}).get("results", ())
        output = {result.get("source_call_id"): result for result in results}
        for call in step.get("tool_calls", ()):
            result = output.get(call["tool_call_id"], {})
            failed = bool(result.get("extra", {}).get("is_error"))
            text = str(result.get("content", "")).encode("utf-8", "replace")
            made.append((_call(call), Completed(exit_code=int(failed), stdout=text)))
    return made


def _call(call: Mapping[str, Any]) -> str:
    """A shell command as it is; any other call by its name and arguments."""
    arguments = call["arguments"]
    command = next((arguments[name] for name in ("command", "cmd") if name in arguments), None)
    if isinstance(command, str):
        return command
    given = ", ".join(f"{name}={value}" for name, value in arguments.items())
    return f"{call['function_name']}({given})"


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
    if attempt.steps:
        listed += [{**own, "step_id": number} for number, own in enumerate(attempt.steps, 2)]
    else:
        listed += [_step(number, *step) for number, step in enumerate(steps, 2)]
        said = {"source": "agent", "message": attempt.message}
        listed.append({"step_id": len(listed) + 1, **said})
    usage = attempt.usage
    own_usage = {"own_usage": dict(attempt.own_usage)} if attempt.own_usage else {}
    return {
        "schema_version": VERSION,
        "session_id": about["session"],
        "agent": {"name": about["agent"], "version": attempt.agent_version or __version__},
        "steps": listed,
        "final_metrics": {
            "total_prompt_tokens": usage.prompt_tokens,
            "total_completion_tokens": usage.completion_tokens,
            "total_cost_usd": usage.cost_usd,
            "total_steps": len(listed),
            "extra": {"steps": usage.steps, "executions": usage.executions, **own_usage},
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
