"""That a sequence is one: dates never go back, and each task starts from what came before."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

from harness.history.git import Clone
from seqswe.errors import ManifestError
from seqswe.manifests.manifest import InstanceRecord, Manifest


def check_order(clone: Clone, manifest: Manifest) -> None:
    """Prove dates and ancestry of a codebase's tasks from its clone.

    A fix is a child of its base and as old as the record says; every base is an ancestor of the
    next one. Raises ManifestError for the first task of which that is not so.
    """
    records = manifest.instances
    if not records:
        return
    line = clone.first_parents(records[-1].gold_commit)
    places = {commit: place for place, commit in enumerate(line)}
    for record in records:
        _check_fix(clone, manifest, record)
    for before, after in pairwise(records):
        if after.created_at < before.created_at:
            raise _wrong(manifest, after, f"it is dated before {before.instance_id}")
        if not _reaches(clone, places, before.base_commit, after.base_commit):
            raise _wrong(manifest, after, f"its base does not reach that of {before.instance_id}")


def _check_fix(clone: Clone, manifest: Manifest, record: InstanceRecord) -> None:
    if not record.is_in_history:  # its base stands for its fix
        return
    shape = ("-1", "--format=%P%x00%cI", "--end-of-options", record.gold_commit, "--")
    parents, _, date = clone.run("log", *shape).strip().partition("\0")
    if record.base_commit not in parents.split():
        raise _wrong(manifest, record, "its fix is no child of its base")
    if datetime.fromisoformat(date) != record.created_at:
        raise _wrong(manifest, record, f"its fix is of {date}")


def _reaches(clone: Clone, places: dict[str, int], older: str, newer: str) -> bool:
    if older in places and newer in places:
        return places[older] <= places[newer]
    return clone.is_ancestor(older, newer)


def _wrong(manifest: Manifest, record: InstanceRecord, what: str) -> ManifestError:
    return ManifestError(
        f"{manifest.name}: {record.instance_id}: {what}", "Mine the codebase again."
    )
