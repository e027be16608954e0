"""Objects that a clone lacks: snapshots and partial clones leave out large files."""

from __future__ import annotations

from harness.history.git import Clone
from harness.history.objects import TREE, Objects
from harness.history.walk import LINK, Step


def absent_objects(clone: Clone, head: str) -> frozenset[str]:
    """Return the ids that `head` reaches and the clone does not hold."""
    listing = ("rev-list", "--objects", "--no-object-names", "--missing=print")
    text = clone.run(*listing, "--end-of-options", head, "--")
    return frozenset(line[1:] for line in text.splitlines() if line.startswith("?"))


class AbsentFiles:
    """Tells which commits cannot be checked out, or compared with the one before."""

    def __init__(self, objects: Objects, absent: frozenset[str]) -> None:
        self._objects, self._absent = objects, absent
        self._known: dict[str, bool] = {}

    def needed_by(self, step: Step) -> bool:
        """Whether a file of the commit before, or one that the commit changes, is absent."""
        if not self._absent:
            return False
        changed = any(blob in self._absent for change in step.changes for blob in change.blobs)
        return changed or any(self._in(f"{parent}^{{tree}}") for parent in step.parents[:1])

    def _in(self, tree: str) -> bool:
        if tree not in self._known:
            self._known[tree] = any(
                oid in self._absent or (mode == TREE and self._in(oid))
                for mode, oid in self._objects.tree(tree).values()
                if mode != LINK
            )
        return self._known[tree]
