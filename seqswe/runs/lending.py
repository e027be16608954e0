"""One i.i.d. arm for the runs of many memories, where theirs are seen to be the same.

In the i.i.d. arm a memory is empty before every task. If it then recalls nothing, an agent cannot
tell which memory it was, and one arm serves all. A memory that recalls something all the same, such
as `git_history`, has an arm of its own: what is recalled is compared, task by task.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seqswe.arms import BASELINE
from seqswe.errors import CannotLendError
from seqswe.experiment import Experiment, affecting
from seqswe.instance import digest_of
from seqswe.manifests.read import read_json
from seqswe.memory import Recall
from seqswe.runs.journal import Journal
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory, RunInfo

OF_MEMORY = frozenset(
    {"memory", "memory_option", "memory_model", "memory_model_answer_tokens", "embedding"}
)
"""Settings that may differ: all else that a result depends on must be the same."""
PUSHED = ("prompt", "file", "folder")
"""Ways by which an agent gets what is recalled and no more; by others it asks the memory itself."""
NATIVE = "native"
"""The memory that an agent keeps itself: no recall shows what it holds."""
MOST_BYTES = 200_000_000
HINT = "Run the iid arm of this memory itself: leave --baseline out, and add --arm iid."

Told = list[dict[str, Any]]
"""The items of a recall as a trajectory keeps them."""


def told(recall: Recall) -> Told:
    """What a trajectory keeps of a recall."""
    return [
        {"origins": list(item.origins), "score": item.score, "text": item.text}
        for item in recall.items
    ]


class EmptyRecalls:
    """What an empty memory recalls, task by task; every seed must recall the same."""

    def __init__(self, memory: str) -> None:
        """`memory` is named in errors."""
        self._memory = memory
        self._seen: dict[str, str] = {}

    def see(self, instance_id: str, recalled: Told) -> None:
        """Take one more recall. Raises CannotLendError if it is not what another seed recalled."""
        text = json.dumps(recalled, sort_keys=True)
        if self._seen.setdefault(instance_id, text) != text:
            raise CannotLendError(
                f"memory {self._memory!r:.60} when empty recalls other things with other seeds "
                f"({instance_id})",
                HINT,
            )

    @property
    def digest(self) -> str:
        """Digest over all of them."""
        return digest_of(json.dumps(self._seen, sort_keys=True))


def empty_recalls(store: RunDirectory, journal: Journal) -> str:
    """Digest of what a run's memory was seen to recall when it was empty.

    Read from the rollouts of its iid arm, or noted when the run began. Raises CannotLendError if
    neither is there or tasks are missing, ManifestError for files that cannot be read.
    """
    found = EmptyRecalls(store.info.experiment.memory)
    rollouts = [r for r in journal.rollouts if r.arm == BASELINE and r.graded]
    if not rollouts:
        if store.info.empty_recalls is None:
            raise CannotLendError(
                f"nobody has seen what the memory of {store.root} recalls when it is empty",
                "Run it with --baseline RUN, or with an iid arm of its own.",
            )
        return store.info.empty_recalls
    tasks = {p for (arm, _), positions in store.info.planned().items() if arm == BASELINE
             for p in positions}  # fmt: skip
    if left := len(tasks - {r.position for r in rollouts}):
        raise CannotLendError(
            f"the iid arm of {store.root} has no rollout yet of {left} of {len(tasks)} tasks",
            f"Go on with `seqswe resume {store.root}`.",
        )
    for rollout in sorted(rollouts, key=lambda r: (r.position, r.seed)):
        found.see(rollout.instance_id, _recalled(store, rollout))
    return found.digest


def check_lender(lender: RunDirectory, borrower: RunInfo, name: str) -> None:
    """Raises CannotLendError if a run's iid arm cannot be that of `borrower`, called `name`."""
    mine = lender.info
    if BASELINE not in mine.experiment.arm:
        raise CannotLendError(f"{lender.root} has no iid arm to lend", "Give a run with --arm iid.")
    for experiment in (mine.experiment, borrower.experiment):
        if experiment.delivery not in PUSHED or experiment.memory == NATIVE:
            raise CannotLendError(
                f"memory {experiment.memory!r:.60} by delivery {experiment.delivery!r} can hand an "
                "agent more than its recalls show",
                HINT,
            )
    differ = [
        what
        for what, one, other in (
            ("sequence", mine.sequence_digest, borrower.sequence_digest),
            ("packages", mine.environments, borrower.environments),
            ("version of SeqSWE", mine.seqswe, borrower.seqswe),
            ("version of the agent", mine.agent_version, borrower.agent_version),
            *((n, one, other) for n, one, other in _settings(mine, borrower)),
        )
        if one != other
    ]
    if differ:
        raise CannotLendError(
            f"{lender.root} and {name} differ in {', '.join(differ)}",
            "An iid arm is lent among runs that differ in their memory alone.",
        )


def check_recalls(lender: RunDirectory, seen: str, other: str, name: str) -> None:
    """Raises CannotLendError where two memories, when empty, do not recall the same."""
    if seen != other:
        raise CannotLendError(
            f"the memories of {lender.root} and {name} recall different things when they are empty",
            HINT,
        )


def _settings(one: RunInfo, other: RunInfo) -> Iterable[tuple[str, Any, Any]]:
    for name in sorted(affecting("outcome") - OF_MEMORY):
        yield name, _value(one.experiment, name), _value(other.experiment, name)


def _value(experiment: Experiment, name: str) -> Any:
    if name == "codebase":  # a name, or a folder: wherever it lies
        return Path(experiment.codebase).name
    return experiment.agent_name if name == "agent" else getattr(experiment, name)


def _recalled(store: RunDirectory, rollout: Rollout) -> Told:
    if not rollout.recalled and not rollout.recalled_bytes:
        return []
    folder = store.folder(rollout.arm, rollout.seed, rollout.position, rollout.instance_id)
    data = read_json(folder / "trajectory.json", HINT, MOST_BYTES)
    try:
        items = data["steps"][0]["extra"]["recalled"]
        return [{key: item[key] for key in ("origins", "score", "text")} for item in items]
    except (KeyError, IndexError, TypeError):
        raise CannotLendError(f"{folder} does not show what was recalled", HINT) from None
