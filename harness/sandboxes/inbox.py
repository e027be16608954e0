"""Files for a container: a folder of the host, which it sees but cannot change."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path

from harness.sandboxes.cleanup import make_folder

PREFIX = "seqswe-inbox-"
"""Beginning of the names of these folders on the host."""


class Inbox:
    """A folder of the host that a container has as a read-only mount.

    Archives cannot be copied into a tmpfs, and no process inside can reach back to the host
    through such a mount.
    """

    INSIDE = "/inbox"

    def __init__(self) -> None:
        self.folder = make_folder(Path(tempfile.gettempdir()), PREFIX)
        self.folder.chmod(0o755)
        self._numbers = itertools.count()

    def put(self, data: bytes, name: str = "") -> str:
        """Put a file into the folder; returns its path inside the container."""
        name = name or f"{next(self._numbers)}"
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if "/bin/" in name else 0o644)  # whatever the umask
        return f"{self.INSIDE}/{name}"

    def make_folder(self, name: str) -> Path:
        """Make an empty folder in it; returns its path on the host."""
        path = self.folder / name
        path.mkdir(mode=0o755)
        return path

    def remove(self) -> None:
        """Remove the folder on the host."""
        shutil.rmtree(self.folder, ignore_errors=True)
