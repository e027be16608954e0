"""Where a codebase's clone and files are found."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness.codebases.renamed import clone_of_renamed
from harness.history.git import Clone, clone_bare, git_folder
from seqswe.errors import MissingError, UsageError
from seqswe.instance import digest_of
from seqswe.manifests.manifest import Manifest
from seqswe.manifests.manifest_files import shipped
from seqswe.manifests.suites import check_no_suite
from seqswe.runs.folders import cache_folder


def clone_of(manifest: Manifest, mirror: str) -> Clone:
    """Find the clone of a codebase; the demo codebase is built from the package's own files.

    A local clone that the manifest names is used in place. Else a mirror comes first, but it need
    not hold the demo codebase.
    """
    from harness.codebases import demo

    if manifest.renamed:
        original = replace(manifest, name=manifest.renamed.codebase, renamed=None)
        return clone_of_renamed(manifest, clone_of(original, mirror))
    if local := local_clone(manifest.url):
        return local
    name = manifest.synthetic.codebase if manifest.synthetic else manifest.name
    if not _has_history(manifest):
        return locate(manifest.repo, manifest.url, mirror, cache_folder())
    if mirrored := in_mirror(manifest.repo, mirror):
        return mirrored
    # The head is in the name: another version of SeqSWE may have built another history.
    name = f"{name}-{demo.expected_head()[:12]}"
    return Clone(demo.build(cache_folder() / "clones" / name))


def writable_folder(manifest: Manifest, out: Path | None) -> Path:
    """Return the folder for a codebase's files: `out`, else the one that they were read from."""
    folder = out or manifest.folder
    check_no_suite(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot write {folder}: {error.strerror}", "Give another --out."
        ) from None
    if not os.access(folder, os.W_OK):
        raise UsageError(f"cannot write {folder}", "Give another --out.")
    return folder


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a codebase's folder for one writing process; a second one is refused."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise UsageError(
            f"{folder} is in use by another process that mines or validates",
            "Wait until it has ended, or give another --out.",
        ) from None
    try:
        yield
    finally:
        os.close(handle)


def locate(repo: str, url: str, mirror: str, cache: Path) -> Clone:
    """Find the clone of a codebase in the mirror folder, else in the cache, else make it.

    A mirror holds `<owner>+<name>/repo` or `<owner>/<name>.git`. Raises MissingError.
    """
    target = cache / "clones" / cached_name(repo, url)
    if found := _found(repo, mirror, target):
        return found
    clone_bare(url, target)
    return Clone(target)


def is_here(manifest: Manifest, mirror: str) -> bool:
    """Whether the clone of a codebase need not be made first.

    Raises MissingError as `clone_of` would, and makes nothing.
    """
    if manifest.renamed:
        original = replace(manifest, name=manifest.renamed.codebase, renamed=None)
        return is_here(original, mirror)
    if local_clone(manifest.url) or _has_history(manifest):
        in_mirror(manifest.repo, mirror)
        return True
    target = cache_folder() / "clones" / cached_name(manifest.repo, manifest.url)
    return _found(manifest.repo, mirror, target) is not None


def _found(repo: str, mirror: str, target: Path) -> Clone | None:
    """A clone that is there; None if it may be made. Raises MissingError."""
    if mirrored := in_mirror(repo, mirror):
        return mirrored
    if target.is_dir():
        return Clone(target)
    if mirror:
        owner, _, name = repo.partition("/")
        raise MissingError(
            f"the mirror {mirror} has no clone of {repo}",
            f"Expected {owner}+{name}/repo or {owner}/{name}.git in it.",
        )
    return None


def _has_history(manifest: Manifest) -> bool:
    """Whether the codebase is made from what ships with the package."""
    name = manifest.synthetic.codebase if manifest.synthetic else manifest.name
    return any(f.is_dir() for f in (manifest.folder / "history", shipped() / name / "history"))


def cached_name(repo: str, url: str) -> str:
    """The name of a clone in the cache; other hosts have repositories of the same name."""
    name = repo.replace("/", "+", 1)
    usual = url.removesuffix(".git") in ("", f"https://github.com/{repo}")
    return name if usual else f"{name}-{digest_of(url).removeprefix('sha256:')[:8]}"


def local_clone(url: str) -> Clone | None:
    """Return the clone or checkout that a manifest names by its absolute path, if it is there."""
    folder = git_folder(Path(url)) if url.startswith("/") else None
    return Clone(folder) if folder else None


def in_mirror(repo: str, mirror: str) -> Clone | None:
    """Return a mirror folder's clone, if it has one. Raises MissingError if there is no folder."""
    if not mirror:
        return None
    if not Path(mirror).is_dir():
        raise MissingError(
            f"the mirror folder {mirror} does not exist",
            "Give --mirror a folder of bare clones, or leave it out to clone.",
        )
    owner, _, name = repo.partition("/")
    places = (Path(mirror, f"{owner}+{name}", "repo"), Path(mirror, owner, f"{name}.git"))
    return next((Clone(place) for place in places if place.is_dir()), None)
