"""Which commit an agent gets: the real base, or a root commit that holds an injected bug.

The history of an injected bug's base commit would show the line as it was. So the agent gets a
commit without parents instead. Its tree is the base's with the bug put in and the grading tests
taken out. It is made from the instance alone, with a fixed identity and date, so that its id is
the same everywhere. The new objects live in a repository beside the packs, never in the clone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from harness.history.carry import CarriedCommit, Change, carry, same_code
from harness.history.git import Clone, GitError
from harness.history.identity import APPLY, IDENTITY
from harness.history.packs import History
from seqswe.errors import ManifestError, MissingError
from seqswe.instance import Instance
from seqswe.sandbox import Checkout

MESSAGE = "The code as it is\n"


class Checkouts:
    """Checkouts of the instances of one sequence, by their base commits. Raises as `History`."""

    def __init__(self, clone: Clone, bases: Sequence[str], root: Path) -> None:
        self.clone, self._root = clone, root
        self.history = History(clone, bases, root)
        self._roots: History | None = None
        self._lock = Lock()
        self._root_commits: dict[str, str] = {}
        self._carried: set[str] = set()

    def checkout(self, instance: Instance, folder: Path, commit: str = "") -> Checkout:
        """Put the objects of the commit that the instance's agent gets below `folder`.

        commit: one that `carry` made for this instance; by default its base commit.
        """
        below = self._start(instance)
        if commit:
            side = self._side()
            (side if instance.bug_patch else self.history).link(below, folder)
            return side.above(commit, below, folder)
        if not instance.bug_patch:
            return self.history.checkout(below, folder)
        return self._side().alone(below, folder)

    def carry(self, instance: Instance, changes: Sequence[Change]) -> CarriedCommit:
        """Make the commit that an instance's agent gets if its own changes took gold's place.

        Raises MissingError if the clone does not hold the whole of its base commit.
        """
        try:
            made = carry(self._side().clone, self._start(instance), changes)
        except GitError as error:
            raise MissingError(
                f"no code can be carried to {instance.base_commit[:12]}: {error.reason}",
                f"Check the clone: git -C {self.clone.path} fsck",
            ) from None
        with self._lock:
            self._carried.add(made.commit)
        return made

    def same_code(self, instance: Instance, commit: str, patches: Sequence[str]) -> bool:
        """Return whether patches make the same of what an instance's agent got, to the byte."""
        return same_code(self._side().clone, commit or self._start(instance), patches)

    def reachable(self, commit: str) -> list[str]:
        """Return the ids of all objects that a commit reaches, sorted."""
        synthetic = commit in self._carried or commit in self._root_commits.values()
        return (self._side() if synthetic else self.history).reachable(commit)

    def _start(self, instance: Instance) -> str:
        """Return the commit that an instance's agent gets where nothing is carried."""
        if not instance.bug_patch:
            return instance.base_commit
        side = self._side()
        with self._lock:
            root = self._root_commits.get(instance.digest) or _commit(side.clone, instance)
            self._root_commits[instance.digest] = root
        return root

    def _side(self) -> History:
        """Return the repository of the synthetic commits; it borrows the clone's objects."""
        with self._lock:
            return self._open_side()

    def _open_side(self) -> History:
        if self._roots is None:
            path = self._root / "injected.git"
            if not (path / "HEAD").exists():
                path.mkdir(parents=True, exist_ok=True)
                Clone(path).run("init", "-q", "--bare", "--template=", ".")
            objects = self.clone.run("rev-parse", "--path-format=absolute", "--git-path", "objects")
            (path / "objects" / "info").mkdir(exist_ok=True)
            (path / "objects" / "info" / "alternates").write_text(objects)
            self._roots = History(Clone(path), [], self._root)
        return self._roots


def _commit(side: Clone, instance: Instance) -> str:
    """Make the root commit of an injected instance; the same instance gives the same id."""
    with TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
        git = Clone(side.path, IDENTITY | index)
        try:
            git.run("read-tree", "--end-of-options", instance.base_commit)
            git.run(*APPLY, "-", stdin=instance.bug_patch)
            if instance.test_patch:
                git.run(*APPLY, "-R", "-", stdin=instance.test_patch)
            tree = git.run("write-tree").strip()
            return git.run(
                "commit-tree", "-F", "-", "--end-of-options", tree, stdin=MESSAGE
            ).strip()
        except GitError as error:
            raise ManifestError(
                f"{instance.instance_id}: its bug cannot be put into {instance.base_commit[:12]}: "
                f"{error.reason}",
                "The clone is not the one that it was made with: inject again.",
            ) from None
