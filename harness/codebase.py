"""Where a codebase's clone, files and sandboxes are found."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.cleanup import owner, sweep
from harness.git import Clone, cache_folder, in_mirror, locate
from seqswe.errors import UsageError
from seqswe.manifest import Manifest, shipped
from seqswe.plugins import build
from seqswe.sandbox import SandboxProvider

SCRATCH = "scratch-"


def clone_of(manifest: Manifest, mirror: str) -> Clone:
    """The clone of a codebase; the demo codebase is built from what ships with SeqSWE.

    A mirror is asked first, but it need not hold the demo codebase.
    """
    from harness import demo

    name = manifest.synthetic.codebase if manifest.synthetic else manifest.name
    own = (manifest.folder / "history", shipped() / name / "history")
    if not any(folder.is_dir() for folder in own):
        return locate(manifest.repo, manifest.url, mirror, cache_folder())
    if found := in_mirror(manifest.repo, mirror):
        return found
    # The head is in the name: another version of SeqSWE may have built another history.
    name = f"{name}-{demo.expected_head()[:12]}"
    return Clone(demo.build(cache_folder() / "clones" / name))


def writable_folder(manifest: Manifest, out: Path | None) -> Path:
    """Where a codebase's files are written: `out`, else the folder they were read from."""
    folder = out or manifest.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot write {folder}: {error.strerror}", "Give another --out."
        ) from None
    if not os.access(folder, os.W_OK):
        raise UsageError(f"cannot write {folder}", "Give another --out.")
    return folder


def provider_of(name: str, base_image: str) -> SandboxProvider:
    """A sandbox provider by name, with what it takes."""
    options = {"base_image": base_image} if name == "docker" else {}
    provider: SandboxProvider = build("sandbox", name, **options)
    return provider


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A folder that is gone afterwards, on the same disk as the packs it links to.

    Those of processes that were killed are removed first.
    """
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent, SCRATCH)
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=f"{SCRATCH}{owner()}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
