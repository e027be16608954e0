"""`command`: runs any command line inside the sandbox, with the issue and the recalled memory.

    seqswe run --agent command --agent-option 'run=my-agent --task "$SEQSWE_TASK_FILE"'

The command finds `$SEQSWE_TASK_FILE` (the problem statement), `$SEQSWE_MEMORY_FILE` (the recall as
text) and `$SEQSWE_MEMORY_JSON` (its items) outside the checkout, and the variables
`SEQSWE_INSTANCE_ID`, `SEQSWE_POSITION` and `SEQSWE_SEED`. With another `--delivery` the memory lies
elsewhere: then `$SEQSWE_MEMORY_FILE` says how to reach it, and docs/memories.md names the
variables. All changes in the checkout are the patch. The command may write JSON to
`$SEQSWE_RESULT_FILE`: `ranking` (list of files), `notes` (for the memory), `usage` (steps,
prompt_tokens, completion_tokens, cost_usd). What it has written counts too if it then fails or
runs out of time; usage that it does not tell is missing, not 0. With `--model NAME` it may ask that
model through the gateway: docs/agents.md names the variables. Then its usage is what the wire says.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from typing import Any

from seqswe.agent import APIS, Attempt, Usage
from seqswe.errors import RolloutError
from seqswe.experiment import DELIVERIES
from seqswe.instance import Task
from seqswe.memory import Recall
from seqswe.sandbox import Sandbox

FOLDER = ".seqswe"
"""Below HOME, so that none of it is ever part of the patch."""
FILES = {
    "SEQSWE_TASK_FILE": "task.md",
    "SEQSWE_MEMORY_FILE": "memory.md",
    "SEQSWE_MEMORY_JSON": "memory.json",
    "SEQSWE_RESULT_FILE": "result.json",
}


class Command:
    """Runs `run` with `sh -c` in the checkout, for at most `seconds`."""

    deliveries = DELIVERIES
    inside = True
    apis = APIS
    model_optional = True

    def __init__(self, *, seed: int, run: str, seconds: float | None = None) -> None:
        self._seed, self._run, self._seconds = seed, run, seconds

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """Write the task's files, run the command, read its result file."""
        home = sandbox.run('printf %s "$HOME"').text
        env = {name: f"{home}/{FOLDER}/{file}" for name, file in FILES.items()}
        sandbox.write(env["SEQSWE_TASK_FILE"], task.problem_statement.encode())
        sandbox.write(env["SEQSWE_MEMORY_FILE"], recall.text.encode())
        items = json.dumps([asdict(item) for item in recall.items], default=str)
        sandbox.write(env["SEQSWE_MEMORY_JSON"], items.encode())
        env |= {
            "SEQSWE_INSTANCE_ID": task.instance_id,
            "SEQSWE_SEED": str(self._seed),
            "SEQSWE_POSITION": str(task.position),
        }
        done = sandbox.run(self._run, timeout=self._seconds, env=env)
        attempt, problem = _result(sandbox, env["SEQSWE_RESULT_FILE"])
        if done.timed_out:
            # A result file may have been half written: what can be read of it counts.
            message = "the command did not end in time"
            return replace(attempt, failure="agent_out_of_budget", message=message)
        if not done.ok:
            said = (done.stderr or done.stdout)[-200:].decode("utf-8", "replace").strip()
            message = f"exit code {done.exit_code}: {said}"
            return replace(attempt, failure="agent_crashed", message=message)
        if problem:
            return replace(attempt, failure="agent_crashed", message=f"its result file: {problem}")
        return attempt


def _result(sandbox: Sandbox, path: str) -> tuple[Attempt, str]:
    """What the command wrote of its work, and why that cannot be read, if it cannot."""
    try:
        return _attempt(json.loads(sandbox.read(path))), ""
    except FileNotFoundError:
        return Attempt(message="ran the command"), ""
    except RolloutError as error:
        if error.cause != "agent_crashed":  # as a file that is too large is
            raise
        return Attempt(), error.message
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        return Attempt(), str(error)[:200]


def _attempt(data: dict[str, Any]) -> Attempt:
    usage = data.get("usage", {})
    counted = {f.name for f in fields(Usage)}
    return Attempt(
        ranking=tuple(map(str, data.get("ranking", []))),
        notes=dict(data.get("notes", {})),
        usage=Usage(**{name: value for name, value in usage.items() if name in counted}),
        message=str(data.get("message", "")),
        confidence=data.get("confidence"),
    )
