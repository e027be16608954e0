"""Code policy `carry`: which of the agent's own patches a task starts with, along each chain.

`gold` starts every task at its true base commit. With `carry` the patches of a chain that were
accepted (graded as resolved) take the place of gold's for the later tasks of that chain. A patch
that no longer fits is in conflict with gold's history: gold's stays from there on, and the rollout
says so. Arms whose tasks do not depend on each other have no chain, so nothing is carried there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from harness.grading.patch import parts
from harness.history import Checkouts
from harness.history.carry import CarriedCommit, Change
from seqswe.arms import SEQUENTIAL, Cell
from seqswe.errors import RunDirError
from seqswe.instance import Instance, digest_of
from seqswe.manifests.read import parse_json, read_bytes
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory
from seqswe.sandbox import Checkout

Key = tuple[str, int, int]
"""Arm, seed and position."""
AGAIN = "The clone or the run is not the one that it was made with."


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeState:
    """What a rollout starts from, as its line of the journal has it."""

    code_before: str = ""
    """The commit, or empty for the task's base commit."""
    carried: tuple[str, ...] = ()
    carry_conflicts: tuple[str, ...] = ()


GOLD = CodeState()


class CarriedCode:
    """The code states of a run. Safe between threads.

    store: the run whose journal and patches count; carry: whether the policy is `carry`.
    """

    def __init__(
        self,
        instances: Sequence[Instance],
        checkouts: Checkouts,
        store: RunDirectory,
        *,
        carry: bool,
    ) -> None:
        self._instances, self._checkouts, self._store = instances, checkouts, store
        self._carry, self._lock = carry, Lock()
        self._done: dict[Key, Rollout] = {}
        self._states: dict[Key, CodeState] = {}
        self._changes: dict[Key, Change | None] = {}
        if carry:
            for rollout in store.journal().rollouts:
                self.note(rollout)

    def follows(self, cell: Cell) -> bool:
        """Whether a task of this cell starts from what the task before it came to."""
        return self._carry and cell.arm == SEQUENTIAL

    def note(self, rollout: Rollout) -> None:
        """Take a finished rollout: the next one of its chain starts from it."""
        if self._carry and rollout.graded:
            self._done[rollout.arm, rollout.seed, rollout.position] = rollout

    def before(self, cell: Cell, position: int) -> CodeState:
        """What the rollout of a cell at a position starts from.

        Raises RunDirError for one that is in the journal and would come out otherwise.
        """
        if not self.follows(cell):
            return GOLD
        key = (cell.arm, cell.seed, position)
        with self._lock:
            if key not in self._states:
                self._states[key] = self._state(key)
            return self._states[key]

    def checkout(self, cell: Cell, position: int, folder: Path) -> Checkout:
        """Put the objects of what it starts from below `folder`."""
        commit = self.before(cell, position).code_before
        return self._checkouts.checkout(self._instances[position], folder, commit)

    def _state(self, key: Key) -> CodeState:
        arm, seed, position = key
        old, last = self._done.get(key), self._done.get((arm, seed, position - 1))
        if old is not None:
            # The journal says which: what was in conflict then must not be tried again.
            made = self._made(key, old.carried)
            if (made.conflicts, made.commit) != ((), old.code_before):
                raise RunDirError(
                    f"{self._store.root}: the code that {old.instance_id} began with in arm {arm} "
                    "cannot be made again",
                    AGAIN,
                )
            return CodeState(
                code_before=old.code_before,
                carried=old.carried,
                carry_conflicts=old.carry_conflicts,
            )
        if last is None:
            return GOLD
        accepted = (*last.carried, *([last.instance_id] if last.resolved else []))
        made = self._made(key, accepted)
        return CodeState(
            code_before=made.commit,
            carried=tuple(name for name in accepted if name not in made.conflicts),
            carry_conflicts=made.conflicts,
        )

    def _made(self, key: Key, names: Iterable[str]) -> CarriedCommit:
        """The commit that a task starts from, with the own patches of these instances."""
        arm, seed, position = key
        wanted = set(names)
        earlier = [
            self._done[arm, seed, number]
            for number, instance in enumerate(self._instances[:position])
            if instance.instance_id in wanted
        ]
        changes = [change for rollout in earlier if (change := self._change(rollout))]
        if not changes:
            return CarriedCommit(commit="")
        return self._checkouts.carry(self._instances[position], changes)

    def _change(self, rollout: Rollout) -> Change | None:
        """What a rollout's patch changes of gold's; None if it is what gold did, to the byte."""
        key = (rollout.arm, rollout.seed, rollout.position)
        if key not in self._changes:
            instance = self._instances[rollout.position]
            gold, own = instance.patch, self._patch(rollout)
            same = self._checkouts.same_code(instance, rollout.code_before, (gold, own))
            change = Change(instance_id=instance.instance_id, gold=gold, own=own)
            self._changes[key] = None if same else change
        return self._changes[key]

    def _patch(self, rollout: Rollout) -> str:
        folder = self._store.folder(
            rollout.arm, rollout.seed, rollout.position, rollout.instance_id
        )
        patch = read_bytes(folder / "patch.diff").decode("utf-8", "surrogateescape")
        if digest_of(patch) != rollout.patch_digest:
            raise RunDirError(
                f"{folder / 'patch.diff'} is not the patch that was graded",
                "It was changed after the run; restore it from a copy.",
            )
        return counting(patch, self._dropped(folder, rollout))

    def _dropped(self, folder: Path, rollout: Rollout) -> Collection[str]:
        """Files of its patch that do not count, all of them."""
        if "dropped_files" not in rollout.cut:
            return rollout.dropped_files
        data = read_bytes(folder / "report.json")
        if digest_of(data) != rollout.files.get("report.json"):
            raise RunDirError(f"{folder / 'report.json'} is not the rollout's report", AGAIN)
        report = parse_json(data, str(folder / "report.json"), AGAIN)
        return frozenset(report[rollout.instance_id]["dropped_files"])


def counting(patch: str, dropped: Collection[str]) -> str:
    """A patch without the files that did not count when it was graded."""
    gone = set(dropped)
    return "".join(part.text for part in parts(patch) if not gone & set(part.paths))
