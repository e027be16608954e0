"""Files of any commit, read by one git process that stays open: mining looks at thousands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from threading import Lock
from types import TracebackType

from harness.history.git import Clone

TREE = "40000"
"""Mode of a folder in a tree object."""
TREES = 50_000
"""Trees kept: neighbouring commits share nearly all of theirs."""


class Objects:
    """Reads blobs and trees of a clone. Safe between threads; use it as a context manager."""

    def __init__(self, clone: Clone) -> None:
        self._process = clone.open("cat-file", "--batch")
        self._lock = Lock()
        self._width = clone.id_bytes
        self.tree = lru_cache(maxsize=TREES)(self._tree)

    def __enter__(self) -> Objects:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def read(self, name: str) -> bytes | None:
        """The content of an object (`<id>`, `<commit>^{tree}`), or None if it is absent."""
        assert self._process.stdin
        assert self._process.stdout
        if "\n" in name:
            return None
        with self._lock:
            self._process.stdin.write(name.encode("utf-8", "surrogateescape") + b"\n")
            self._process.stdin.flush()
            head = self._process.stdout.readline().split()
            if len(head) != 3 or not head[2].isdigit():
                return None
            size = int(head[2])
            content = self._process.stdout.read(size + 1)
        return content[:size]

    def has(self, name: str) -> bool:
        """Whether there is such an object."""
        return self.read(name) is not None

    def _tree(self, name: str) -> Mapping[str, tuple[str, str]]:
        """Entries of a tree by name: mode and object id. Empty for what is not there."""
        data, entries, at = self.read(name) or b"", {}, 0
        width = self._width
        while at < len(data):
            middle = data.index(b"\0", at)
            mode, _, path = data[at:middle].partition(b" ")
            oid = data[middle + 1 : middle + 1 + width].hex()
            entries[path.decode("utf-8", "surrogateescape")] = (mode.decode(), oid)
            at = middle + 1 + width
        return entries


class CommitFiles:
    """The files of one commit."""

    def __init__(self, objects: Objects, commit: str) -> None:
        self._objects, self._root = objects, f"{commit}^{{tree}}"

    def names(self, folder: str = "") -> list[str]:
        """Names in a folder, sorted; empty if there is no such folder."""
        return sorted(self._entries(folder))

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders in a folder, sorted."""
        return sorted(n for n, (mode, _) in self._entries(folder).items() if mode == TREE)

    def oid(self, path: str) -> str:
        """The object id of a file or folder; "" if there is none."""
        folder, _, name = path.rpartition("/")
        return self._entries(folder).get(name, ("", ""))[1]

    def text(self, path: str) -> str | None:
        """A file's text (undecodable bytes are replaced), or None if there is no such file."""
        folder, _, name = path.rpartition("/")
        mode, oid = self._entries(folder).get(name, ("", ""))
        if not oid or mode in (TREE, "160000"):
            return None
        data = self._objects.read(oid)
        return None if data is None else data.decode("utf-8", "replace")

    def walk(self, folder: str = "", depth: int = 3) -> Iterator[str]:
        """Paths of all files down to `depth` folders below `folder`."""
        for name, (mode, _) in sorted(self._entries(folder).items()):
            path = f"{folder}/{name}" if folder else name
            if mode == TREE and depth:
                yield from self.walk(path, depth - 1)
            elif mode != TREE:
                yield path

    def _entries(self, folder: str) -> Mapping[str, tuple[str, str]]:
        tree = self._root
        for part in filter(None, folder.split("/")):
            mode, oid = self._objects.tree(tree).get(part, ("", ""))
            if mode != TREE:
                return {}
            tree = oid
        return self._objects.tree(tree)
