"""What a memory is told after a task: exactly what the feedback policy allows."""

from __future__ import annotations

from seqswe.agent import Attempt
from seqswe.experiment import Feedback
from seqswe.instance import Instance, Task
from seqswe.memory import Experience
from seqswe.rollout import Verdict

TEST_OUTPUT = 20_000
"""Characters of a test log's end, where pytest says what failed."""


def experience(
    task: Task,
    attempt: Attempt,
    patch: str,
    edited_files: tuple[str, ...],
    outcome: tuple[Instance, Verdict, str],
    policy: Feedback,
    steps: str = "",
) -> Experience:
    """The experience of one rollout; `outcome` is gold instance, verdict and test log."""
    instance, verdict, log = outcome
    level = ("none", "verdict", "tests", "gold").index(policy)
    return Experience(
        task=task,
        patch=patch,
        ranking=attempt.ranking,
        notes=attempt.notes,
        steps=steps,
        edited_files=edited_files,
        resolved=verdict.resolved if level >= 1 else None,
        test_output=log[-TEST_OUTPUT:] if level >= 2 else None,
        gold_patch=instance.patch if level >= 3 else None,
        gold_files=instance.gold_files if level >= 3 else None,
    )
