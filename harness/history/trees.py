"""Checked-out trees as archives: git writes a commit's files once, and sandboxes unpack them.

Git inflates every file to write it, which costs seven times what copying costs, and a rollout needs
two checkouts. An archive holds the files and the index, and nothing else. Its name carries its
digest, which is compared before an archive is used; and because the times in the index do not fit
the unpacked files, the audit's `git status` compares every file with the commit anew.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from contextlib import suppress
from hashlib import file_digest
from pathlib import Path
from random import shuffle
from tempfile import TemporaryDirectory
from threading import Lock

from harness.history.git import Clone, GitError

MAX_BYTES = 1_000_000_000
"""Archives kept of a codebase; beyond that, some that are drawn are removed. A sequence is read
from beginning to end, again and again: what was not used for longest is what is needed next."""
TRIES = 3
CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"


class Trees:
    """Archives in a folder, made when first needed. Safe between threads and processes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = Lock()
        self._checked: set[Path] = set()

    def put(self, clone: Clone, commit: str, target: Path) -> bool:
        """Link a commit's archive to `target`; False if there can be none.

        Then git in the sandbox has to write the files, or to say why it cannot.
        """
        if sys.platform != "linux":  # the disk may not tell `A` from `a`
            return False
        with self._lock:
            for _ in range(TRIES):
                archive = self._find(commit) or self._make(clone, commit)
                if archive is None:
                    return False
                with suppress(FileNotFoundError):  # another process has just made room
                    link(archive, target)
                    return True
        return False

    def _find(self, commit: str) -> Path | None:
        for archive in self._root.glob(f"{commit}-*.tar"):
            if archive in self._checked or _digest(archive) == archive.stem.partition("-")[2]:
                self._checked.add(archive)
                return archive
            archive.unlink(missing_ok=True)  # damaged
        return None

    def _make(self, clone: Clone, commit: str) -> Path | None:
        self._root.mkdir(parents=True, exist_ok=True)
        self._make_room()
        with TemporaryDirectory(dir=self._root, prefix="making-") as folder:
            tree, partial = Path(folder, "tree"), Path(folder, "tar")
            try:
                _check_out(clone, commit, tree)
            except GitError:
                return None
            with tarfile.open(partial, "w", format=tarfile.GNU_FORMAT) as archive:
                for name in sorted(os.listdir(tree)):
                    archive.add(tree / name, name, filter=_plain)
            final = self._root / f"{commit}-{_digest(partial)}.tar"
            partial.chmod(0o444)
            partial.replace(final)
        self._checked.add(final)
        return final

    def _make_room(self) -> None:
        archives = list(self._root.glob("*.tar"))
        shuffle(archives)
        room = MAX_BYTES
        for archive in archives:
            with suppress(FileNotFoundError):
                room -= archive.stat().st_size
                if room < 0:
                    archive.unlink()
                    self._checked.discard(archive)


def link(file: Path, target: Path) -> None:
    """Link a file or, on another disk, copy it."""
    try:
        os.link(file, target)
    except OSError:  # not on this file system
        shutil.copyfile(file, target)


def _check_out(clone: Clone, commit: str, tree: Path) -> None:
    """Write a commit's files and its index, with the settings of a sandbox."""
    git = tree / ".git"
    (git / "objects" / "info").mkdir(parents=True)
    (git / "refs").mkdir()
    (git / "objects" / "info" / "alternates").write_text(f"{clone.objects}\n")
    (git / "HEAD").write_text(f"{commit}\n")
    (git / "config").write_text(CONFIG)
    Clone(tree).run("read-tree", "-u", "--reset", "HEAD")
    for each in git.iterdir():
        if each.name != "index":
            shutil.rmtree(each) if each.is_dir() else each.unlink()


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member without owner and times, whatever the umask here."""
    runs = member.isdir() or member.mode & 0o100
    member.mode = 0o755 if runs else 0o644
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def _digest(archive: Path) -> str:
    with archive.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
