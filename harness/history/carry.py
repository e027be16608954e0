"""The commit that a task starts from if the agent's own accepted patches take gold's place.

Its tree is the base commit's with the gold patches of some earlier tasks taken back, the latest
first, and the agent's own put there instead, in their order. Its parent is the base commit, so
the whole history stays. Nothing is merged: git either applies a patch exactly (its lines may have
moved, not changed), or it is in conflict with what gold's history became, and gold stays.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from harness.history.git import Clone, GitError
from harness.history.identity import APPLY, IDENTITY

MESSAGE = "The code with the agent's own accepted changes\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The two patches for one earlier task."""

    instance_id: str
    gold: str
    own: str
    """Without the files that did not count when it was graded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedCommit:
    """What a task starts from."""

    commit: str
    """Empty where nothing differs from the base commit."""
    conflicts: tuple[str, ...] = ()
    """Instances whose patches do not fit here, so that gold's are in it."""


def carry(side: Clone, base: str, changes: Sequence[Change]) -> CarriedCommit:
    """Make the commit in a repository beside the clone; the same changes give the same id."""
    kept, conflicts = list(changes), []
    with TemporaryDirectory() as folder:
        git = Clone(side.path, {**IDENTITY, "GIT_INDEX_FILE": os.path.join(folder, "index")})
        while (failed := _replace(git, base, kept)) is not None:
            kept.remove(failed)
            conflicts.append(failed.instance_id)
        tree = git.run("write-tree").strip()
        commit = ""
        if tree != git.run("rev-parse", "--verify", "--end-of-options", f"{base}^{{tree}}").strip():
            arguments = ("-p", base, "-F", "-", "--end-of-options", tree)
            commit = git.run("commit-tree", *arguments, stdin=MESSAGE).strip()
    return CarriedCommit(commit=commit, conflicts=tuple(conflicts))


def same_code(side: Clone, commit: str, patches: Sequence[str]) -> bool:
    """Whether each of these patches makes the same files of a commit, to the byte."""
    trees = set()
    with TemporaryDirectory() as folder:
        git = Clone(side.path, {**IDENTITY, "GIT_INDEX_FILE": os.path.join(folder, "index")})
        for patch in patches:
            git.run("read-tree", "--end-of-options", commit)
            try:
                git.run(*APPLY, "-", stdin=patch)
            except GitError:
                return False
            trees.add(git.run("write-tree"))
    return len(trees) == 1


def _replace(git: Clone, base: str, changes: Sequence[Change]) -> Change | None:
    """Put the changes into the index; the first that git refuses, or None."""
    git.run("read-tree", "--end-of-options", base)
    for change, arguments, patch in _steps(changes):
        try:
            git.run(*APPLY, *arguments, "-", stdin=patch)
        except GitError:
            return change
    return None


def _steps(changes: Sequence[Change]) -> Iterator[tuple[Change, tuple[str, ...], str]]:
    for change in reversed(changes):
        yield change, ("-R",), change.gold
    for change in changes:
        yield change, (), change.own
