"""Texts of symptoms in the cache, by their digests: a manifest holds no text of a project."""

from __future__ import annotations

from pathlib import Path

from harness.codebases.statements.symptom import SYMPTOM
from seqswe.errors import ManifestError, MissingError
from seqswe.instance import digest_of
from seqswe.manifests.manifest import InstanceRecord
from seqswe.manifests.read import read_bytes
from seqswe.manifests.write import write_whole
from seqswe.runs.folders import cache_folder

MOST_BYTES = 1_000_000


def keep(text: str) -> None:
    """Keep a text in the cache, by its digest."""
    write_whole(_path(digest_of(text)), text.encode("utf-8", "surrogateescape"))


def kept(codebase: str, record: InstanceRecord) -> str:
    """The text of a task's symptom. Raises MissingError if it is not in the cache."""
    digest = record.digests.get(SYMPTOM, "")
    try:
        text = read_bytes(_path(digest), MOST_BYTES).decode("utf-8", "surrogateescape")
    except ManifestError:
        text = ""
    if not digest or digest_of(text) != digest:
        raise MissingError(
            f"{record.instance_id}: the text of its symptom is not at hand",
            f"`seqswe statements {codebase}` makes it, by running its failing test once.",
        )
    return text


def is_kept(record: InstanceRecord) -> bool:
    """Whether the text of a task's symptom is in the cache."""
    try:
        return bool(kept("", record))
    except MissingError:
        return False


def _path(digest: str) -> Path:
    name = digest.removeprefix("sha256:") or "none"
    return cache_folder() / "symptoms" / f"{name}.txt"
