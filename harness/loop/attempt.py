"""What an agent says of its work, checked at the edge: what cannot be is missing, and said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness.grading.log import normalize_log
from seqswe.agent import Attempt
from seqswe.manifests.convert import parse
from seqswe.manifests.read import parse_json
from seqswe.patterns import AMOUNT, SHARE
from seqswe.runs.atif import parse_steps
from seqswe.runs.rollout import CAUSES, Failure, is_journaled
from seqswe.runs.trajectory import Recording, commands_of, compact


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedAttempt:
    """An attempt that a journal can hold."""

    attempt: Attempt
    failure: Failure | None = None
    """Of the agent's own making: what it left is graded all the same."""
    usage_refused: tuple[str, ...] = ()
    """Numbers that cannot be, such as `steps: -3`; they are None in the attempt."""

    @classmethod
    def failed(cls, failure: Failure) -> CheckedAttempt:
        """Of an agent that raised: nobody knows what it used."""
        return cls(attempt=Attempt(message=failure.detail), failure=failure)


def validate_attempt(attempt: object) -> CheckedAttempt:
    """Raises TypeError, ValueError or ManifestError for an attempt that no journal can hold."""
    if not isinstance(attempt, Attempt):
        raise TypeError(f"solve returned {attempt!r:.100}, not an Attempt")
    data = asdict(attempt)
    # Notes come back from a rollout's files, and the ranking from the journal.
    parse_json(json.dumps(data["notes"], allow_nan=False).encode(), "attempt: its notes", "")
    if not is_journaled(data["ranking"]):
        raise ValueError("attempt: its ranking is too long for the journal")
    usage, refused = possible_usage(data["usage"])
    stated = data["confidence"]
    if isinstance(stated, int | float) and not SHARE.fits(stated):
        refused = (*refused, f"confidence: {_shown(stated)}")
        stated = None
    checked = parse(Attempt, data | {"usage": usage, "confidence": stated}, "attempt")
    parse_steps(checked.steps, "attempt: its trajectory")
    if not checked.failure:
        return CheckedAttempt(attempt=checked, usage_refused=refused)
    cause = CAUSES.get(checked.failure)
    if cause is None or not cause.grade:
        raise ValueError(f"an attempt cannot have failed as {checked.failure!r:.80}")
    failure = Failure(cause=checked.failure, detail=checked.message)
    return CheckedAttempt(attempt=checked, failure=failure, usage_refused=refused)


def as_text(attempt: Attempt, sandbox: Recording) -> str:
    """What it did as one text: by the agent's own record, if it keeps one."""
    steps = commands_of(attempt.steps) if attempt.steps else sandbox.steps
    return normalize_log(compact(steps), sandbox.root)


def possible_usage(usage: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Usage without numbers that cannot be (negative, endless, not a number), and which they are.

    What is no number at all stays, for `parse` to refuse.
    """
    refused = {
        name: value
        for name, value in usage.items()
        if isinstance(value, int | float) and not AMOUNT.fits(value)
    }
    kept = {name: None if name in refused else value for name, value in usage.items()}
    return kept, tuple(f"{name}: {_shown(value)}" for name, value in refused.items())


def _shown(number: float) -> str:
    try:
        return f"{float(number):.6g}"
    except OverflowError:  # a whole number that no float comes near
        return "endless"
