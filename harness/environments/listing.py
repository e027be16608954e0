"""What lies in a folder of packages: the digest of each file by its path, and the folder again.

Only plain files: wheels have no others, and a link could lead out of the folder that it is in.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from harness.environments.contents import Contents, digest_of_file
from seqswe.errors import ManifestError, MissingError
from seqswe.manifests.convert import parse
from seqswe.manifests.read import parse_json
from seqswe.patterns import DIGEST, PATH

MOST_BYTES = 64_000_000
"""Of a listing: some hundred thousand files."""
FOREIGN = "It was not written by `seqswe env save`."

Placed = MutableMapping[tuple[str, bool], Path]
"""Files that are written already, by digest and whether they can be run: others link to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files of a folder: path → digest of the content."""

    plain: Mapping[str, str] = field(default_factory=dict)
    executable: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> Listing:
        """List a folder. Raises MissingError for a link or anything else that is no file."""
        plain: dict[str, str] = {}
        executable: dict[str, str] = {}
        for path in sorted(_files(folder)):
            mode = path.lstat().st_mode
            if not stat.S_ISREG(mode):
                raise MissingError(
                    f"{path} is no plain file: its environment cannot travel",
                    "Remove the environment's folder, so that it is made again.",
                )
            files = executable if mode & stat.S_IXUSR else plain
            files[str(path.relative_to(folder))] = digest_of_file(path)
        return cls(plain=plain, executable=executable)

    @classmethod
    def read(cls, data: bytes, where: str) -> Listing:
        """Read a listing. Raises ManifestError for one that leads out of its folder."""
        listing = parse(cls, parse_json(data, where, FOREIGN), where)
        paths = [*listing.plain, *listing.executable]
        folders = {".", *(str(above) for path in paths for above in Path(path).parents)}
        for path in paths:
            if not PATH.fits(path) or path != os.path.normpath(path) or path in folders:
                raise ManifestError(f"{where}: {path[:80]!r} is no path of a file in it", FOREIGN)
        if len(set(paths)) < len(paths):
            raise ManifestError(f"{where}: a file is there twice", FOREIGN)
        for digest in listing.digests():
            if not DIGEST.fits(digest):
                raise ManifestError(f"{where}: {digest[:80]!r} is no digest", FOREIGN)
        return listing

    def data(self) -> bytes:
        """The listing as a file; the same files give the same bytes."""
        whole = {"plain": self.plain, "executable": self.executable}
        return json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()

    def digests(self) -> set[str]:
        """The contents of all files."""
        return {*self.plain.values(), *self.executable.values()}

    def __len__(self) -> int:
        return len(self.plain) + len(self.executable)

    def write(self, folder: Path, contents: Contents, placed: Placed) -> None:
        """Write the files into an empty folder, whose name none of them leaves.

        placed: what another environment has already is linked, as in the cache of wheels.
        Raises ManifestError where a content is not what its digest says.
        """
        own: Placed = {}
        for files, runs in ((self.plain, False), (self.executable, True)):
            for path, digest in files.items():
                new = folder / path
                new.parent.mkdir(parents=True, exist_ok=True)
                old = own.get((digest, runs)) or placed.get((digest, runs))
                if old is None or not _linked(old, new):
                    with new.open("xb") as file:
                        contents.copy(digest, file)
                    new.chmod(0o755 if runs else 0o644)
                own[digest, runs] = new
        for place, _, _ in os.walk(folder):  # readable for the sandbox's user, whatever the umask
            Path(place).chmod(0o755)


def _files(folder: Path) -> Iterator[Path]:
    """Everything below a folder but folders; no link is followed."""
    for place, folders, names in os.walk(folder):
        yield from (Path(place, name) for name in names)
        yield from (path for name in folders if (path := Path(place, name)).is_symlink())


def _linked(old: Path, new: Path) -> bool:
    """Whether a link could be made; a file system allows a file only so many."""
    with suppress(OSError):
        os.link(old, new)
        return True
    return False
