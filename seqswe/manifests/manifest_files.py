"""Manifests on disk: `repos_manifest/<name>/manifest.toml` and `instances.jsonl`.

A manifest that never changes may have its instances compressed, as `instances.jsonl.gz`.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seqswe.errors import ManifestError, UnknownName
from seqswe.manifests.convert import Ids, check_ids, parse
from seqswe.manifests.manifest import SCHEMA_VERSION, InstanceRecord, Manifest, record_json
from seqswe.manifests.read import read_json_lines, read_toml
from seqswe.manifests.test_ids import FIELD, TestIdTable
from seqswe.manifests.write import write_whole
from seqswe.patterns import NAME

INSTANCES = "instances.jsonl"
COMPRESSED = f"{INSTANCES}.gz"
SUITES = "suites"
"""Beside the codebases: the folder of released suites (`suites.py`)."""
MEMBER = re.compile(r"([^/@]+@\d+)/([^/@]+)")
"""A codebase of a released suite, such as `seqswe-lite@1/click`."""


def shipped() -> Path:
    """The folder of the manifests that come with SeqSWE."""
    spec = find_spec("repos_manifest")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations)))


def codebases_folder() -> Path:
    """Where manifests of one's own are kept: `SEQSWE_CODEBASES`, or in the user's data folder."""
    chosen = os.environ.get("SEQSWE_CODEBASES")
    if chosen:
        return Path(chosen)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "seqswe" / "codebases"


def names(root: Path | None = None) -> list[str]:
    """Names of the codebases in a manifest folder (default: the shipped and one's own)."""
    folders = [root] if root else [shipped(), codebases_folder()]
    found = (p for folder in folders for p in folder.glob("*/manifest.toml") if _is_file(p))
    return sorted({path.parent.name for path in found})


def find(codebase: str) -> Path | None:
    """Find the folder of a codebase: a path, the name of a shipped one, or of one's own."""
    places = [Path(codebase)] if codebase else []
    if NAME.fits(codebase):
        places += [shipped() / codebase, codebases_folder() / codebase]
    if (member := MEMBER.fullmatch(codebase)) and all(map(NAME.fits, _parts(member))):
        places += [root / SUITES / codebase for root in (shipped(), codebases_folder())]
    return next((folder for folder in places if _is_file(folder / "manifest.toml")), None)


def _parts(member: re.Match[str]) -> tuple[str, str]:
    return member[1].partition("@")[0], member[2]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def load(codebase: str) -> Manifest:
    """Load a codebase by name, or by the path of a folder with a manifest.toml; see `find`.

    Raises UnknownName (with the closest name) or ManifestError.
    """
    folder = find(codebase)
    if folder is None:
        raise UnknownName("codebase", codebase, names())
    path = folder / "manifest.toml"
    data = read_toml(path, "a manifest.toml")
    for name in ("folder", "instances"):
        if name in data:
            raise ManifestError(
                f"{path}: unknown field {name!r}", "Instances are in instances.jsonl."
            )
    if data.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        raise ManifestError(
            f"{path}: field 'schema_version' is {data['schema_version']!r}, this SeqSWE reads "
            f"{SCHEMA_VERSION}",
            "Use the SeqSWE that wrote it, or mine again.",
        )
    manifest = parse(Manifest, data, str(path))
    check_ids((e.key for e in manifest.environments), f"{path}: field 'environments'")
    return replace(manifest, folder=folder, instances=load_instances(instances_file(folder)))


def instances_file(folder: Path) -> Path:
    """Where the instances of a manifest's folder are, or would be; a compressed file is first."""
    compressed = folder / COMPRESSED
    return compressed if compressed.exists() else folder / INSTANCES


def load_instances(path: Path) -> tuple[InstanceRecord, ...]:
    """Read instances.jsonl (absent: none) and check the order of dates and the ids."""
    if not path.exists():
        return ()
    hint = "Restore the file; `seqswe mine` and `seqswe validate` write it."
    records: list[InstanceRecord] = []
    known, test_ids = Ids(), TestIdTable()
    for entry in read_json_lines(path, hint):
        value = entry.value
        if isinstance(value, dict) and value.keys() == {FIELD}:
            test_ids.read(value, entry.where)
            continue
        if isinstance(value, dict):
            value = test_ids.unpacked(value, entry.where)
        record = parse(InstanceRecord, value, entry.where)
        if records and record.created_at < records[-1].created_at:
            raise ManifestError(
                f"{entry.where}: field 'created_at': {record.instance_id} is dated before "
                f"{records[-1].instance_id} above it",
                "A sequence is chronological: `created_at` never decreases.",
            )
        known.add(record.instance_id, f"{entry.where}: field 'instance_id'")
        records.append(record)
    return tuple(records)


def save(manifest: Manifest, folder: Path, *, compressed: bool = False) -> None:
    """Write manifest.toml and instances.jsonl, or instances.jsonl.gz."""
    save_manifest(manifest, folder)
    save_instances(manifest.instances, folder / (COMPRESSED if compressed else INSTANCES))


def save_manifest(manifest: Manifest, folder: Path) -> None:
    """Write manifest.toml alone."""
    import tomli_w

    data = _plain(asdict(manifest))
    del data["folder"], data["instances"]
    for name in ("synthetic", "renamed"):
        if data[name] is None:
            del data[name]  # TOML has no word for nothing
    write_whole(folder / "manifest.toml", tomli_w.dumps(data))


def save_instances(records: Iterable[InstanceRecord], path: Path) -> None:
    """Write one JSON object a line, keys sorted, empty fields left out; test ids come first."""
    data = [record_json(record) for record in records]
    test_ids = TestIdTable.of(data)
    values = (*test_ids.lines(), *map(test_ids.packed, data))
    lines = [json.dumps(value, sort_keys=True, ensure_ascii=False) for value in values]
    # A name of a file that is no UTF-8 is written as JSON's own escapes, and read back.
    text = "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace")
    # Without the time, so that equal instances are equal files.
    write_whole(path, gzip.compress(text, mtime=0) if path.name == COMPRESSED else text)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
