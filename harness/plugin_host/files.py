"""Reading what a plug-in wrote: a link may lead anywhere, and a pipe never end."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

REFUSED = "is neither a file nor a folder"


@contextmanager
def opened(path: Path | str, folder: int | None = None) -> Iterator[BinaryIO]:
    """Open a regular file; `folder` is the file descriptor that a relative path starts from.

    Raises OSError, and ValueError for what is not a regular file, a link among that.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        number = os.open(path, flags, dir_fd=folder)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise ValueError(f"{Path(path).name[:80]!r} {REFUSED}") from None
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError(f"{Path(path).name[:80]!r} {REFUSED}")
        yield file


def read_files(root: Path, most: int) -> dict[str, bytes]:
    """The contents of all files below a folder by relative path, sorted; no link is followed.

    Raises OSError, and ValueError for anything else that lies there and for more than `most`
    bytes together.
    """
    files: dict[str, bytes] = {}
    start = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for place, folders, names, handle in os.fwalk(".", dir_fd=start):
            for name in folders:
                if stat.S_ISLNK(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode):
                    raise ValueError(f"{name[:80]!r} {REFUSED}")
            for name in names:
                with opened(name, handle) as file:
                    content = file.read(most + 1)
                most -= len(content)
                if most < 0:
                    raise ValueError("its files are too large")
                files[os.path.normpath(os.path.join(place, name))] = content
    finally:
        os.close(start)
    return dict(sorted(files.items()))
