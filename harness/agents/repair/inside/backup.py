"""A copy of the checkout, because a candidate may delete the checkout or leave files in it."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress


class Backup:
    """Everything below the current folder as it is now, `.git` included."""

    def __init__(self, folder: str) -> None:
        """`folder`: where the copy is made; it must not exist yet."""
        self._root, self._copy = os.getcwd(), folder
        shutil.copytree(self._root, folder, symlinks=True)
        self._seen = self._folders()

    def renew(self, *paths: str) -> None:
        """Copy files that were made, changed or removed on purpose."""
        for path in paths:
            if os.path.exists(path):
                shutil.copy2(path, os.path.join(self._copy, path))
            else:
                os.unlink(os.path.join(self._copy, path))
        self._seen = self._folders()

    def put_back(self) -> None:
        """Undo what was created, deleted or renamed; returns at once if no folder changed."""
        if self._folders() == self._seen:
            return
        if not os.path.isdir(self._root):
            _remove(self._root)
            os.makedirs(self._root)
        os.chdir(self._root)
        for place, folders, files in os.walk(self._root, topdown=False):
            inside = os.path.relpath(place, self._root)
            for name in files + folders:
                path = os.path.join(place, name)
                if _kind(path) != _kind(os.path.join(self._copy, inside, name)):
                    _remove(path)
        for place, folders, files in os.walk(self._copy):
            inside = os.path.normpath(os.path.join(self._root, os.path.relpath(place, self._copy)))
            for name in files + folders:
                _copy(os.path.join(place, name), os.path.join(inside, name))
        self._seen = self._folders()

    def _folders(self) -> dict[str, int]:
        """Return when each folder's list of names last changed."""
        with suppress(OSError):
            return {place: os.stat(place).st_mtime_ns for place, _, _ in os.walk(self._root)}
        return {}


def _kind(path: str) -> int | None:
    with suppress(OSError):
        return stat.S_IFMT(os.lstat(path).st_mode)
    return None


def _remove(path: str) -> None:
    with suppress(OSError):
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        else:
            os.unlink(path)


def _copy(source: str, target: str) -> None:
    if os.path.isdir(source) and not os.path.islink(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.lexists(target):
        shutil.copy2(source, target, follow_symlinks=False)
