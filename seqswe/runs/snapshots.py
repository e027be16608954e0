"""Content-addressed snapshots of a memory's folder, whose cost grows with the change.

A snapshot is named by the digest of its files. What is stored for it is the difference to the
snapshot before it, in blocks of 4 KiB: an append-only file of any size costs its new tail, a
SQLite file the pages that were written.
"""

from __future__ import annotations

import base64
import json
import os
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

from seqswe.errors import ManifestError, RunDirError
from seqswe.manifests.convert import parse
from seqswe.manifests.read import read_json
from seqswe.patterns import DIGEST, Between

BLOCK = 4096
MOST_BYTES = 1_000_000_000
"""Of one file of a memory, and of a snapshot."""
RESTORE = "Restore the run directory from a copy, or start a new run."
KEPT = 16
"""States held in memory, so that the next snapshot of a run need not walk its chain."""
EMPTY = "sha256:" + sha256(b"").hexdigest()
"""Digest of an empty folder: the memory before it learned anything."""

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    """What is stored for a snapshot: the changes to the one before it."""

    parent: str
    files: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What became of one file."""

    size: Annotated[int, Between(least=0, most=MOST_BYTES)]
    at: Mapping[str, str]
    """What was written, packed, by where it begins."""


class Snapshots:
    """Snapshots below one folder; safe to use from several threads with different parents."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._recent: OrderedDict[str, Files] = OrderedDict()
        self._lock = Lock()

    def put(self, directory: Path, parent: str = EMPTY) -> str:
        """Store a folder's state as a change to `parent`; returns its digest. Durable on return."""
        files = read_folder(directory)
        digest = folder_digest(files)
        if digest != EMPTY and not self._path(digest).exists():
            delta = _delta(self._files(parent), files)
            self._write(self._path(digest), {"parent": parent, "files": delta})
        self._remember(digest, files)
        return digest

    def get(self, digest: str, directory: Path) -> None:
        """Write the state named by `digest` into an empty folder. Raises RunDirError if damaged."""
        files = self._files(digest)
        if folder_digest(files) != digest:
            raise self._damaged(digest, "its content is another one's")
        for name, content in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def files(self, digest: str) -> Files:
        """The state named by `digest` as contents by relative path. Raises RunDirError."""
        return self._files(digest)

    def adopt(self, digest: str, files: Files) -> None:
        """Keep a state of another folder of snapshots as a whole, if it is not here.

        Raises RunDirError for files that are not those of `digest`.
        """
        if folder_digest(files) != digest:
            raise self._damaged(digest, "its content is another one's")
        if digest != EMPTY and not self._path(digest).exists():
            self._write(self._path(digest), {"parent": EMPTY, "files": _delta({}, files)})
        self._remember(digest, files)

    def link(self, digest: str) -> bytes:
        """What is stored for a snapshot, for `add` of another folder that holds its parent."""
        try:
            return self._path(digest).read_bytes()
        except OSError as error:
            raise self._damaged(digest, error.strerror) from None

    def add(self, digest: str, link: bytes) -> None:
        """Store what `link` gave. Durable on return; damage is found when it is read."""
        path = self._path(digest)
        if not path.exists():
            self._write(path, link)

    def known(self) -> set[str]:
        """The digests of all snapshots that are stored."""
        return {f"sha256:{path.stem}" for path in self.root.rglob("*.json")}

    def bytes_stored(self) -> int:
        """Bytes of all snapshots together."""
        return sum(p.stat().st_size for p in self.root.rglob("*.json")) if self.root.exists() else 0

    def _remember(self, digest: str, files: Files) -> None:
        with self._lock:
            self._recent[digest] = files
            while len(self._recent) > KEPT:
                self._recent.popitem(last=False)

    def _files(self, digest: str) -> Files:
        with self._lock:
            if digest in self._recent:
                return self._recent[digest]
        start, deltas = self._chain(digest)
        state = {name: bytearray(content) for name, content in start.items()}
        for delta in reversed(deltas):
            try:
                _apply(state, delta)
            except ManifestError as error:
                raise self._damaged(digest, error.message) from None
            except (ValueError, TypeError, zlib.error, OSError) as error:
                raise self._damaged(digest, error) from None
        files = {name: bytes(content) for name, content in state.items()}
        # Arms that start from one snapshot ask for it again and again.
        self._remember(digest, files)
        return files

    def _chain(self, digest: str) -> tuple[Files, list[Mapping[str, Any]]]:
        """The nearest state before a snapshot that is at hand, and the changes since, last first.

        Raises RunDirError.
        """
        known: set[str] = set()
        deltas: list[Mapping[str, Any]] = []
        while digest != EMPTY:
            with self._lock:
                if digest in self._recent:
                    return self._recent[digest], deltas
            if digest in known:
                raise self._damaged(digest, "it is its own ancestor")
            known.add(digest)
            try:
                data = read_json(self._path(digest), RESTORE, MOST_BYTES)
                link = parse(_Link, data, str(self._path(digest)))
            except ManifestError as error:
                raise RunDirError(
                    f"a memory snapshot is damaged: {error.message}", RESTORE
                ) from None
            deltas.append(link.files)
            digest = link.parent
        return {}, deltas

    def _damaged(self, digest: str, why: object) -> RunDirError:
        return RunDirError(
            f"memory snapshot {digest[:80]} in {self.root} is damaged: {why}", RESTORE
        )

    def _path(self, digest: str) -> Path:
        if not DIGEST.fits(digest):  # it is part of a path
            raise self._damaged(digest, f"its name must be {DIGEST.meaning}")
        name = digest.removeprefix("sha256:")
        return self.root / name[:2] / f"{name}.json"

    def _write(self, path: Path, data: Mapping[str, Any] | bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A thread of its own name: two runs may reach the same state at the same moment.
        temporary = path.with_suffix(f".{os.getpid()}-{id(data)}")
        text = data if isinstance(data, bytes) else json.dumps(data, sort_keys=True).encode()
        with temporary.open("wb") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder durable; their writers have synced the contents."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_folder(directory: Path) -> dict[str, bytes]:
    """Every file below a folder by its relative path, sorted."""
    paths = sorted(p for p in directory.rglob("*") if p.is_file())
    return {p.relative_to(directory).as_posix(): p.read_bytes() for p in paths}


def folder_digest(files: Files) -> str:
    """One digest for names and contents; EMPTY for no files."""
    lines = (f"{name}\0{sha256(files[name]).hexdigest()}\n" for name in sorted(files))
    return "sha256:" + sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _delta(before: Files, after: Files) -> dict[str, Any]:
    changed = {
        name: _blocks(before.get(name, b""), content)
        for name, content in after.items()
        if before.get(name) != content
    }
    return changed | {name: None for name in before if name not in after}


def _blocks(before: bytes, after: bytes) -> dict[str, Any]:
    """Runs of changed blocks: `{"size": n, "at": {offset: base64 of zlib}}`."""
    runs: dict[int, bytes] = {}
    start = None
    for offset in range(0, len(after), BLOCK):
        # Inside the last block of an append-only file only the tail is new.
        new, old = after[offset : offset + BLOCK], before[offset : offset + BLOCK]
        if new == old:
            start = None
        elif start is None:
            keep = len(old) if old and new.startswith(old) else 0
            start = offset + keep
            runs[start] = new[keep:]
        else:
            runs[start] += new
    packed = {str(at): base64.b64encode(zlib.compress(run, 9)).decode() for at, run in runs.items()}
    return {"size": len(after), "at": packed}


def _apply(state: dict[str, bytearray], delta: Mapping[str, Any]) -> None:
    """Change a state in place: a copy of the whole for each link would make a walk quadratic."""
    for name, change in delta.items():
        if not _is_below(name):
            raise ValueError(f"{name[:80]!r} is no path below the folder")
        if change is None:
            state.pop(name, None)
            continue
        change = parse(_Change, change, f"file {name[:80]!r}")
        size = change.size
        content = state.setdefault(name, bytearray())
        del content[size:]
        content.extend(bytes(size - len(content)))
        for start, packed in change.at.items():
            at = int(start)
            # No more is unpacked than there is room for.
            run = zlib.decompressobj().decompress(base64.b64decode(packed), max(1, size - at))
            if not 0 <= at <= size - len(run):
                raise ValueError(f"a change at {at} of {size} bytes")
            content[at : at + len(run)] = run


def _is_below(name: str) -> bool:
    """Whether a relative path stays in its folder."""
    parts = name.split("/")
    return "\0" not in name and not {"", ".", ".."} & set(parts)
