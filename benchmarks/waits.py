"""An agent that only waits, for what is measured beside a model: `benchmarks.waits:Waits`."""

from __future__ import annotations

from time import sleep

from seqswe.agent import Attempt
from seqswe.instance import Task
from seqswe.memory import Recall
from seqswe.sandbox import Sandbox


class Waits:
    """An agent that waits and changes nothing; each attempt adds a line to a file of the host.

    Only the sandbox `local` lets it: elsewhere nothing is counted.
    """

    ignores_scores = True

    def __init__(self, *, seed: int, seconds: float = 10.0, log: str = "/dev/null") -> None:
        self._seconds, self._log = seconds, log

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """Wait."""
        sandbox.run(f"echo {task.instance_id} >> {self._log}")
        sleep(self._seconds)
        return Attempt()
