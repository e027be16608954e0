"""What a memory is told after a task: exactly what the feedback policy allows."""

from __future__ import annotations

from collections.abc import Mapping

from seqswe.agent import Attempt
from seqswe.experiment import Feedback
from seqswe.instance import Instance, Task
from seqswe.memory import Experience
from seqswe.runs.rollout import Verdict

RELEASED: Mapping[str, tuple[Feedback, ...]] = {
    "resolved": ("verdict", "tests", "gold"),
    "test_output": ("tests", "gold"),
    "gold_patch": ("gold",),
    "gold_files": ("gold",),
}
"""Fields of an experience that only some policies allow; the others are the agent's own."""
TEST_OUTPUT = 20_000
"""Characters of a test log's end, where pytest says what failed."""


def experience(
    task: Task,
    attempt: Attempt,
    *,
    patch: str,
    edited_files: tuple[str, ...],
    steps: str = "",
    gold: Instance,
    verdict: Verdict,
    test_log: str,
    policy: Feedback,
) -> Experience:
    """The experience of one rollout: what the agent did, and of the outcome what is allowed."""
    allowed = {name for name, policies in RELEASED.items() if policy in policies}
    return Experience(
        task=task,
        patch=patch,
        ranking=attempt.ranking,
        notes=attempt.notes,
        steps=steps,
        edited_files=edited_files,
        resolved=verdict.resolved if "resolved" in allowed else None,
        test_output=test_log[-TEST_OUTPUT:] if "test_output" in allowed else None,
        gold_patch=gold.patch if "gold_patch" in allowed else None,
        gold_files=gold.gold_files if "gold_files" in allowed else None,
    )
