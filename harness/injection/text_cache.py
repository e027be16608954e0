"""A cache of the texts of injected bugs, because making one parses and prints a whole file."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from harness.history.git import Clone
from harness.injection.recipe import texts_of
from seqswe.errors import ManifestError
from seqswe.instance import digest_of
from seqswe.manifests.convert import parse
from seqswe.manifests.manifest import InstanceRecord, InstanceTexts
from seqswe.manifests.read import read_json
from seqswe.runs.folders import cache_folder

MOST_BYTES = 256_000_000
"""Of a cached file: whole patches."""


def kept_texts(clone: Clone, record: InstanceRecord) -> InstanceTexts:
    """Return `texts_of`, from the cache if the cached digests are the record's."""
    recipe = [record.base_commit, dict(record.bug), dict(record.digests)]
    key = digest_of(json.dumps(recipe, sort_keys=True)).removeprefix("sha256:")
    path = cache_folder() / "texts" / f"{key}.json"
    texts = _read(path)
    if texts is None or texts.digests != record.digests:
        texts = texts_of(clone, record)
        with suppress(OSError):  # a cache that cannot be written only costs time
            _write(path, texts)
    return texts


def _read(path: Path) -> InstanceTexts | None:
    try:
        return parse(InstanceTexts, read_json(path, "", MOST_BYTES), path.name)
    except ManifestError:  # not there, or damaged: it is made again
        return None


def _write(path: Path, texts: InstanceTexts) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(asdict(texts)), encoding="utf-8")
    part.replace(path)
