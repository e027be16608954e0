"""An archive of contents: a tar with `manifest.json` first, then files named by their digests.

A content is there once, however many files have it, and its name is what it is checked by. Nothing
is compressed, so that an archive takes up no more than it is long. The headers are read here and
not by `tarfile`, which follows links, sparse files and headers of any length: of all these there
are none.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from seqswe.errors import ManifestError, MissingError, UsageError

MANIFEST = "manifest.json"
FOLDER = "content/"
MOST_MANIFEST = 8_000_000
MOST_MEMBERS = 1_000_000
CHUNK = 1 << 20
AGAIN = "Copy it again from where `seqswe env save` wrote it."


class Contents:
    """An open archive: where each content lies in it."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        """Find every member. Raises ManifestError for anything that is no such archive."""
        self._file, self.where = file, where
        self._places: dict[str, tuple[int, int]] = {}
        members = _members(file, where)
        name, offset, size = next(members, ("", 0, 0))
        if name != MANIFEST or size > MOST_MANIFEST:
            raise _foreign(where)
        self.manifest = _read(file, offset, size)
        """The bytes of the manifest."""
        for name, offset, size in members:
            digest = f"sha256:{name.removeprefix(FOLDER)}"
            if not name.startswith(FOLDER) or digest in self._places:
                raise ManifestError(f"{where}: {name[:80]!r} does not belong in it", AGAIN)
            self._places[digest] = offset, size
            if len(self._places) > MOST_MEMBERS:
                raise ManifestError(f"{where}: more than {MOST_MEMBERS:,} files", AGAIN)

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Contents]:
        """Open an archive. Raises UsageError, ManifestError."""
        if not path.is_file():  # nor a pipe, which might never end
            raise UsageError(f"{path} is no file", "Give one that `seqswe env save` wrote.")
        with path.open("rb") as file:
            yield cls(file, str(path))

    def check(self, wanted: Iterable[str]) -> None:
        """Compare every content with its digest. Raises ManifestError if one is another.

        wanted: the digests of all that must be there; nothing else may be.
        """
        needed = set(wanted)
        if lacking := sorted(needed - self._places.keys()):
            raise ManifestError(f"{self.where}: {lacking[0]} is missing in it", AGAIN)
        if further := sorted(self._places.keys() - needed):
            raise ManifestError(f"{self.where}: nothing in it needs {further[0][:80]}", AGAIN)
        for digest in self._places:
            for _ in self.chunks(digest):
                pass

    def size(self, digest: str) -> int:
        """Bytes of a content. Raises ManifestError if it is not there."""
        return self._place(digest)[1]

    def read(self, digest: str, most: int) -> bytes:
        """A content of at most `most` bytes. Raises ManifestError."""
        if self.size(digest) > most:
            raise ManifestError(f"{self.where}: {digest} has more than {most:,} bytes", AGAIN)
        return b"".join(self.chunks(digest))

    def chunks(self, digest: str) -> Iterator[bytes]:
        """A content in pieces. Raises ManifestError at its end if it is not what it should be."""
        offset, size = self._place(digest)
        found = hashlib.sha256()
        for start in range(offset, offset + size, CHUNK):
            piece = _read(self._file, start, min(CHUNK, offset + size - start))
            found.update(piece)
            yield piece
        if f"sha256:{found.hexdigest()}" != digest:
            raise ManifestError(f"{self.where} is damaged: {digest} is another", AGAIN)

    def copy(self, digest: str, file: IO[bytes]) -> None:
        """Write a content to a file. Raises ManifestError as `chunks` does."""
        for piece in self.chunks(digest):
            file.write(piece)

    def _place(self, digest: str) -> tuple[int, int]:
        place = self._places.get(digest)
        if place is None:
            raise ManifestError(f"{self.where}: {digest[:80]} is missing in it", AGAIN)
        return place


def write_archive(path: Path, manifest: Path, contents: Mapping[str, Path]) -> None:
    """Write an archive under another name and rename it; the same contents give the same bytes.

    contents: file by digest. Raises MissingError for more than an archive may have.
    """
    if len(contents) > MOST_MEMBERS:
        raise MissingError(
            f"{len(contents):,} different files are more than the {MOST_MEMBERS:,} of an archive",
            "Save fewer environments: --limit.",
        )
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with tarfile.open(partial, "w", format=tarfile.GNU_FORMAT) as archive:
            _add(archive, MANIFEST, manifest)
            for digest, file in sorted(contents.items()):
                _add(archive, FOLDER + digest.removeprefix("sha256:"), file)
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


def digest_of_file(path: Path) -> str:
    """The digest of a file's content."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _add(archive: tarfile.TarFile, name: str, path: Path) -> None:
    member = tarfile.TarInfo(name)
    member.size = path.stat().st_size
    with path.open("rb") as file:
        archive.addfile(member, file)


def _members(file: BinaryIO, where: str) -> Iterator[tuple[str, int, int]]:
    """Name, offset and size of each member. Raises ManifestError for all but plain files."""
    end, offset = os.fstat(file.fileno()).st_size, 0
    while True:
        block = _read(file, offset, tarfile.BLOCKSIZE)
        if len(block) == tarfile.BLOCKSIZE and not any(block):
            return
        if len(block) < tarfile.BLOCKSIZE:
            raise _foreign(where) if offset == 0 else _cut_off(where)
        try:
            member = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.HeaderError, ValueError):
            raise _foreign(where) from None
        offset += tarfile.BLOCKSIZE
        if member.type != tarfile.REGTYPE or member.size < 0:
            raise ManifestError(f"{where}: {member.name[:80]!r} is no plain file", AGAIN)
        if offset + member.size > end:
            raise _cut_off(where)
        yield member.name, offset, member.size
        offset += -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def _foreign(where: str) -> ManifestError:
    return ManifestError(
        f"{where} is no archive of environments", "Give a file that `seqswe env save` wrote."
    )


def _cut_off(where: str) -> ManifestError:
    return ManifestError(f"{where} is cut off before its end", AGAIN)
