"""`command`: runs any command line inside the sandbox, with the issue and the recalled memory.

    seqswe run --agent command --agent-option 'run=my-agent --task "$SEQSWE_TASK_FILE"'

The command finds `$SEQSWE_TASK_FILE` (the problem statement), `$SEQSWE_MEMORY_FILE` (the recall as
text) and `$SEQSWE_MEMORY_JSON` (its items) outside the checkout, and the variables
`SEQSWE_INSTANCE_ID`, `SEQSWE_POSITION` and `SEQSWE_SEED`. With another `--delivery` the memory lies
elsewhere: then `$SEQSWE_MEMORY_FILE` says how to reach it, and docs/memories.md names the
variables. All changes in the checkout are the patch. The command may write JSON to
`$SEQSWE_RESULT_FILE`: `ranking` (list of files), `notes` (for the memory), `usage` (steps,
prompt_tokens, completion_tokens, cost_usd).
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from seqswe.agent import Attempt, Usage
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
        if done.timed_out:
            raise RolloutError("agent_out_of_budget", "the command did not end in time")
        if not done.ok:
            reason = (done.stderr or done.stdout)[-200:].decode("utf-8", "replace")
            raise RolloutError("agent_crashed", f"exit code {done.exit_code}: {reason}")
        try:
            return _attempt(json.loads(sandbox.read(env["SEQSWE_RESULT_FILE"])))
        except FileNotFoundError:
            return Attempt(usage=Usage(steps=1), message="ran the command")
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise RolloutError("agent_crashed", f"its result file: {error}") from None


def _attempt(data: dict[str, Any]) -> Attempt:
    usage = data.get("usage", {})
    counted = {f.name for f in fields(Usage)}
    return Attempt(
        ranking=tuple(map(str, data.get("ranking", []))),
        notes=dict(data.get("notes", {})),
        usage=Usage(**{name: value for name, value in usage.items() if name in counted}),
        message=str(data.get("message", "")),
    )
