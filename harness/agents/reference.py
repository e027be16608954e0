"""The two ends of the scale (`noop`, `gold`), and `scripted`, which replays patches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seqswe.agent import Attempt
from seqswe.errors import RolloutError, UsageError
from seqswe.instance import Instance, Task
from seqswe.manifests.read import read_json
from seqswe.memory import Recall
from seqswe.sandbox import Sandbox

MOST_BYTES = 64_000_000
"""Of a script of patches."""


class Noop:
    """Does nothing, so it must resolve no task."""

    coupled = True
    ignores_scores = True

    def __init__(self, *, seed: int) -> None:
        del seed

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """Leave everything as it is."""
        return Attempt(message="did nothing")


class Gold:
    """Applies the gold patch, so it must resolve every task; proves instances and graders."""

    coupled = True
    ignores_scores = True
    reads_gold = True

    def __init__(self, *, seed: int, gold: Callable[[str], Instance]) -> None:
        del seed
        self._gold = gold

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """Apply the gold patch."""
        instance = self._gold(task.instance_id)
        apply(sandbox, instance.patch)
        return Attempt(ranking=instance.gold_files, message="applied the gold patch")


class Scripted:
    """Replays a file of patches by instance id: `--agent-option script=patches.json`.

    Each entry is a patch, or a list of shell commands. Instances without an entry are left as
    they are.
    """

    coupled = True
    ignores_scores = True

    def __init__(self, *, seed: int, script: str) -> None:
        del seed
        hint = "It is a JSON object: instance id → patch or list of commands."
        found = read_json(Path(script), hint, MOST_BYTES)
        if not isinstance(found, dict):
            raise UsageError(f"{script}: not a table", hint)
        self._script: dict[str, str | list[str]] = {}
        for name, entry in found.items():
            commands = entry if isinstance(entry, list) else [entry]
            if not all(isinstance(command, str) for command in commands):
                raise UsageError(f"{script}: field {name!r} is no patch and no commands", hint)
            self._script[name] = entry

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """Apply the patch, or run the commands, that the script holds for this task."""
        entry = self._script.get(task.instance_id, [])
        if isinstance(entry, str):
            apply(sandbox, entry)
        else:
            for command in entry:
                sandbox.run(command)
        return Attempt(message="followed the script")


def apply(sandbox: Sandbox, patch: str) -> None:
    """Apply a patch in the sandbox. Raises RolloutError if it does not fit."""
    if not patch:
        return
    done = sandbox.run(
        "git apply --whitespace=nowarn -", stdin=patch.encode("utf-8", "surrogateescape")
    )
    if not done.ok:
        raise RolloutError("agent_crashed", f"the patch does not apply: {done.stderr[-200:]!r}")
