"""`predictions`: replays the patches of a SWE-bench predictions file.

    seqswe run --codebase sqlglot --agent predictions --agent-option path=preds.jsonl

So results of any other harness are graded here, and by the same tests. A patch that does not apply,
or a task without one, is unresolved, as it is with SWE-bench. It reads no memory: every arm gives
the same, but for what a memory's own model costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from seqswe.agent import Attempt
from seqswe.errors import UsageError
from seqswe.instance import Task
from seqswe.memory import Recall
from seqswe.runs.predictions import read_predictions
from seqswe.sandbox import Sandbox

APPLY = (
    "git apply --whitespace=nowarn -",
    # What SWE-bench tries when git refuses. Tried dry first, since it stops half-way.
    'f=$(mktemp) && cat > "$f" && patch --batch --fuzz=5 -p1 --dry-run -i "$f" >&2'
    ' && patch --batch --fuzz=5 -p1 --no-backup-if-mismatch -i "$f" >&2; code=$?; rm -f "$f"; '
    "exit $code",
)
SHOWN = 5
"""Instance ids that a message lists."""


class Predictions:
    """Applies the patch that `path` predicts for a task: a file of predictions, or a folder."""

    coupled = True
    ignores_scores = True

    def __init__(self, *, seed: int, path: str) -> None:
        del seed
        self._predictions = read_predictions(Path(path))

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """Apply the predicted patch; what does not apply leaves everything as it is."""
        prediction = self._predictions.get(task.instance_id)
        if prediction is None:
            return Attempt(message="there is no prediction for this task")
        patch = prediction.model_patch or ""
        if not patch.strip():
            return Attempt(message="the prediction is empty")
        said = ""
        for command in APPLY:
            done = sandbox.run(command, stdin=patch.encode("utf-8", "surrogateescape"))
            if done.ok:
                return Attempt(message=f"applied the patch of {prediction.model_name_or_path!r}")
            said = said or done.stderr[-200:].decode("utf-8", "replace").strip()
        return Attempt(message=f"the patch does not apply: {said}")


def remarks(path: Path, instance_ids: Sequence[str]) -> Iterator[str]:
    """What to know before a run: predictions for no task of it, and tasks without one.

    Raises UsageError if none is for any task.
    """
    predicted = read_predictions(path)
    unknown = [name for name in predicted if name not in set(instance_ids)]
    missing = [name for name in instance_ids if name not in predicted]
    if len(missing) == len(instance_ids):
        raise UsageError(
            f"{path}: none of its {len(predicted)} predictions is for a task of this run",
            f"Its first is for {unknown[0]!r:.60}, and the first task is {instance_ids[0]!r:.60}.",
        )
    if unknown:
        yield f"{len(unknown)} predictions are for no task of this run: {_some(unknown)}"
    if missing:
        yield (
            f"{len(missing)} of {len(instance_ids)} tasks have no prediction and count as "
            f"unresolved: {_some(missing)}"
        )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
