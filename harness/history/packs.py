"""Append-only chronological packs.

`pack(b_i, b_{i-1})` holds the objects that b_i reaches and b_{i-1} does not. The sandbox of task
i gets packs 0..i through `objects/info/alternates` and nothing else. So it keeps the whole of
`git log` and `git blame`, and no later object exists for it. Old packs are squashed in blocks, so
git never searches more than a few dozen.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock

from harness.history.absent import absent_objects
from harness.history.git import Clone, GitError, settle
from harness.history.trees import Trees, link
from seqswe.errors import ManifestError, MissingError, UsageError
from seqswe.manifests.read import read_json
from seqswe.manifests.write import write_whole
from seqswe.sandbox import Checkout

TREE = "tree.tar"
"""Lies beside the packs: the files of the commit."""
BLOCK = 32
"""Steps of history that are squashed into one pack once they are all past."""


class History:
    """The packs of one sequence of base commits, built when first needed and kept in `root`.

    Raises MissingError if the clone lacks a commit, and UsageError if a base commit is not an
    ancestor of the next one.
    """

    def __init__(self, clone: Clone, bases: Sequence[str], root: Path) -> None:
        self.clone = clone
        self._lock = Lock()
        self._steps = list(dict.fromkeys(bases))
        self._listed: tuple[str, list[str]] = "", []
        self._check_order()
        absent = absent_objects(clone, self._steps[-1]) if self._steps else frozenset()
        # Packs of a clone that lacks objects must not be taken for those of a whole one.
        lacking = f"without-{listing_digest(sorted(absent))[:12]}" if absent else "."
        self.root = root / lacking
        self._trees = Trees(root / "trees")

    def _check_order(self) -> None:
        if missing := [b for b in self._steps if not self.clone.has(b)]:
            raise MissingError(
                f"the clone {self.clone.path} lacks commit {missing[0]}"
                + (f" and {len(missing) - 1} more" if len(missing) > 1 else ""),
                "Fetch the whole history into the mirror, or give another --mirror.",
            )
        if self.clone.shallow:
            raise MissingError(
                f"the clone {self.clone.path} is shallow: its log would end in the middle",
                "Fetch the rest with `git fetch --unshallow`.",
            )
        for older, newer in zip(self._steps, self._steps[1:], strict=False):
            if not self.clone.is_ancestor(older, newer):
                raise UsageError(
                    f"base_commit {older[:12]} is not an ancestor of {newer[:12]} after it",
                    "A sequence follows one line of history; validate it again.",
                )

    def checkout(self, base: str, folder: Path) -> Checkout:
        """Put the objects that `base` reaches below `folder` (hard links, on one disk)."""
        return self._link_packs(base, self._pairs(self._steps.index(base)), folder)

    def alone(self, root: str, folder: Path) -> Checkout:
        """Do the same for a commit outside of the sequence, which gets a pack of its own."""
        return self._link_packs(root, [(root, None)], folder)

    def link(self, base: str, folder: Path) -> None:
        """Put the packs of what `base` reaches below `folder`, for a commit above it."""
        inside = base in self._steps
        self._link(self._pairs(self._steps.index(base)) if inside else [(base, None)], folder)

    def above(self, commit: str, base: str, folder: Path) -> Checkout:
        """Put a commit whose parent is `base` there too, with what it alone reaches."""
        return self._link_packs(commit, [(commit, base)], folder)

    def _link_packs(self, base: str, pairs: list[tuple[str, str | None]], folder: Path) -> Checkout:
        self._link(pairs, folder)
        count, digest = self.reach(base)
        tree = TREE if self._trees.put(self.clone, base, folder / TREE) else ""
        return Checkout(commit=base, objects=folder, count=count, digest=digest, tree=tree)

    def _link(self, pairs: list[tuple[str, str | None]], folder: Path) -> None:
        pack_folder = folder / "pack"
        pack_folder.mkdir(parents=True, exist_ok=True)
        for newer, older in pairs:
            for file in self._pack(newer, older).iterdir():
                target = pack_folder / file.name
                if not target.exists():
                    link(file, target)

    def reachable(self, commit: str) -> list[str]:
        """Return the ids of all objects that `commit` reaches and the clone has, sorted."""
        return sorted(self._list(commit))

    def _list(self, *commits: str) -> list[str]:
        listing = ("rev-list", "--objects", "--no-object-names", "--missing=allow-any")
        return self.clone.run(*listing, "--end-of-options", *commits, "--").split()

    def _list_step(self, base: str) -> list[str]:
        """Do as `reachable`, from the last listing if `base` lies above it: it reaches more.

        So a sequence costs what is new at each step, and not its whole history each time.
        """
        below, names = self._listed
        if base not in self._steps:
            return self.reachable(base)
        if below and self._steps.index(below) < self._steps.index(base):
            # git may list what `below` reaches again, such as a file that is as it once was.
            names = list(dict.fromkeys(sorted(names + self._list(base, f"^{below}"))))
        else:
            names = self.reachable(base)
        self._listed = base, names
        return names

    def _pairs(self, index: int) -> list[tuple[str, str | None]]:
        steps = self._steps
        pairs: list[tuple[str, str | None]] = [(steps[0], None)]
        at = 0
        while at < index:
            # The longest block that starts at `at` and is all past: each level's blocks are made
            # of BLOCK blocks below, so that few packs reach over any length of history.
            step = 1
            while at % (step * BLOCK) == 0 and at + step * BLOCK <= index:
                step *= BLOCK
            pairs.append((steps[at + step], steps[at]))
            at += step
        return pairs

    def _pack(self, newer: str, older: str | None) -> Path:
        folder = self.root / "packs" / f"{newer}-{older or 'root'}"
        with self._lock:
            if not folder.is_dir():
                self._make_pack(newer, older, folder)
        return folder

    def _make_pack(self, newer: str, older: str | None, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(mkdtemp(prefix=f"{folder.name}.", dir=folder.parent.resolve()))
        wanted = newer + "\n" + (f"^{older}\n" if older else "")
        # git writes a pack beside the objects it reads and moves it then; read as alternates, a
        # clone may lie on another disk and need not be writable.
        place = {
            "GIT_OBJECT_DIRECTORY": str(partial),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(self.clone.objects),
        }
        (partial / "pack").mkdir()
        # Snapshots and partial clones lack some large files; no task starts where one is needed.
        options = ("--revs", "-q", "--delta-base-offset", "--missing=allow-any")
        command = ("-c", "pack.threads=1", "pack-objects", *options)
        try:
            base = str(partial / "pack" / "pack")
            self.clone.run_bytes(*command, "--end-of-options", base, stdin=wanted, env=place)
            settle(partial / "pack", folder)
        except GitError as error:
            raise MissingError(
                f"git cannot pack {newer[:12]}: {error.reason}",
                f"Check the clone: git -C {self.clone.path} fsck",
            ) from None
        finally:
            shutil.rmtree(partial)

    def reach(self, base: str) -> tuple[int, str]:
        """Return how many objects a commit reaches, and `listing_digest` of their ids; kept."""
        path = self.root / "reach" / f"{base}.json"
        with self._lock:
            if kept := _kept(path):
                return kept
            names = self._list_step(base)
            reach = len(names), listing_digest(names)
            write_whole(path, json.dumps(reach))
        return reach


def _kept(path: Path) -> tuple[int, str] | None:
    """Read a cached reach; None if it is not there, or damaged."""
    try:
        match read_json(path, ""):
            case [int(count), str(digest)]:
                return count, digest
    except ManifestError:
        pass
    return None


def listing_digest(names: Sequence[str]) -> str:
    """Return the sha256 of the sorted ids, one a line, as `sha256sum` has it of git's listing."""
    return sha256("".join(name + "\n" for name in names).encode()).hexdigest()
