"""Files of rollouts, held against the digests that the journal has of them."""

from __future__ import annotations

import os

from seqswe.errors import ManifestError, RunDirError
from seqswe.instance import digest_of
from seqswe.manifests.read import read_bytes
from seqswe.runs.journal import Journal
from seqswe.runs.store import RunDirectory


def check_files(store: RunDirectory, journal: Journal) -> None:
    """Raises RunDirError for the first file that is not what was written with its rollout.

    Like a line's own digest, this tells damage and careless editing, and is no signature.
    """
    for rollout in journal.rollouts:
        if not rollout.files:
            continue
        folder = str(store.folder(rollout.arm, rollout.seed, rollout.position, rollout.instance_id))
        for name, digest in rollout.files.items():
            _check(os.path.join(folder, os.path.basename(name)), digest)


def _check(path: str, digest: str) -> None:
    hint = "Restore it from a copy: a line of the journal and its files belong together."
    try:
        found = digest_of(read_bytes(path, hint=hint))
    except ManifestError as error:
        raise RunDirError(error.message, hint) from None
    if found != digest:
        raise RunDirError(
            f"{path} was changed after the run", "Restore it from a copy, or run it again."
        )
