"""A cache of the texts of tasks: making them takes one to three gits each, or parses whole files.

It is asked by what the manifest holds, and what it gives is held against the digests there: so it
can be lost, damaged or shared between clones, and a task is told by the same texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from seqswe.errors import ManifestError
from seqswe.instance import digest_of
from seqswe.manifests.convert import parse
from seqswe.manifests.manifest import InstanceRecord, InstanceTexts
from seqswe.manifests.read import read_json
from seqswe.manifests.write import write_whole
from seqswe.runs.folders import cache_folder

MOST_BYTES = 256_000_000
"""Of a cached file: whole patches."""


def kept_texts(record: InstanceRecord, make: Callable[[], InstanceTexts]) -> InstanceTexts:
    """What `make` returns, from the cache if the cached texts have the record's digests."""
    commits, recipe = [record.base_commit, record.gold_commit], dict(record.bug)
    key = digest_of(json.dumps([*commits, recipe, dict(record.digests)], sort_keys=True))
    path = cache_folder() / "texts" / f"{key.removeprefix('sha256:')}.json"
    texts = _read(path)
    if texts is None or not _are_of(record, texts):
        texts = make()
        if _are_of(record, texts):
            with suppress(OSError):  # a cache that cannot be written only costs time
                _write(path, texts)
    return texts


def _are_of(record: InstanceRecord, texts: InstanceTexts) -> bool:
    return all(record.digests.get(name) == digest for name, digest in texts.digests.items())


def _read(path: Path) -> InstanceTexts | None:
    try:
        return parse(InstanceTexts, read_json(path, "", MOST_BYTES), path.name)
    except ManifestError:  # not there, or damaged: it is made again
        return None


def _write(path: Path, texts: InstanceTexts) -> None:
    write_whole(path, json.dumps(asdict(texts)))
