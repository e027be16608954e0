"""A codebase as data: `repos_manifest/<name>/manifest.toml` and `instances.jsonl`.

Only facts are kept: commits, dates, test ids, paths, digests. Patches, tests and statements
are read from the clone at run time, so nothing of another project is redistributed.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from seqswe.errors import ManifestError, UnknownName
from seqswe.instance import digest_of
from seqswe.parse import parse
from seqswe.sandbox import Environment

SCHEMA_VERSION = 1
PATIENCE = 4
"""Tests may take so many times their processor time by the clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which paths are source and which are tests."""

    source: tuple[str, ...]
    """Path prefixes of the code an agent is meant to change."""
    tests: tuple[str, ...]
    """Path prefixes of everything that belongs to the tests, data included."""
    test_modules: str = "test_*.py"
    """File-name pattern of the modules that pytest is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSettings:
    """How the codebase's tests are run."""

    __test__ = False

    arguments: tuple[str, ...] = ()
    """Further arguments for pytest."""
    plugins: tuple[str, ...] = ()
    """pytest plug-ins to load by name; automatic loading is off."""
    seconds: float = 300.0
    """Processor time of the tests, so that a busy machine does not change a verdict."""

    @property
    def wall_seconds(self) -> float:
        """What they may take by the clock: only tests that sleep or wait for ever come to it."""
        return PATIENCE * self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonSettings:
    """How an environment follows from what the project declares at a commit."""

    version: str
    requirements: tuple[str, ...] = ("pytest",)
    """Always installed, whatever is declared."""
    dependency_files: tuple[str, ...] = ("pyproject.toml", "setup.py", "setup.cfg")
    extras: tuple[str, ...] = ()
    """Optional groups that the tests need."""
    exclude: tuple[str, ...] = ()
    """Declared packages that no test needs (linters, type checkers, builders)."""
    source_path: str = "."
    distribution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mining:
    """Which commits become candidates."""

    head: str = ""
    """Last commit looked at; empty for the clone's own head."""
    window: int = 0
    """How many first-parent commits before head are walked; 0 for all."""
    message: str = ""
    """Regular expression that the commit message must match (case-insensitive)."""
    max_source_files: int = 20
    max_changed_lines: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """How a sequence of injected bugs was made. It proves the harness, not the world."""

    codebase: str
    """The codebase that the bugs were put into."""
    seed: int
    zipf: float
    """Exponent of the preference: a module, then its functions, are drawn by rank ** -zipf."""
    tests: tuple[str, ...] = ()
    """Folders and modules whose tests could show a bug; empty for all."""
    coverage_every: int = 5
    """Base commits after which it was found out anew what the tests call."""
    once_per_function: bool = False
    """No function has two bugs: nothing recurs, and a lift would be a bug in the protocol."""
    recurrence: float = 0.0
    """Share of the tasks whose function had a bug before."""
    note: str = ""
    """The same in words, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRecord:
    """The facts of one instance. `digests` check what is read from the clone at run time."""

    instance_id: str
    base_commit: str
    gold_commit: str
    created_at: datetime
    environment: str
    statement_source: str
    gold_files: tuple[str, ...]
    test_files: tuple[str, ...]
    FAIL_TO_PASS: tuple[str, ...] = ()
    PASS_TO_PASS: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    bug: Mapping[str, Any] = field(default_factory=dict)
    """Recipe of an injected bug; empty for a real issue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What is read from the clone for one instance and never stored."""

    statement: str
    source: str
    patch: str
    test_patch: str
    bug_patch: str = ""
    """Of an injected bug; `patch` is its reverse."""

    @property
    def digests(self) -> dict[str, str]:
        """What the manifest keeps of the texts."""
        names = ("statement", "patch", "test_patch", *(["bug_patch"] if self.bug_patch else []))
        return {name: digest_of(getattr(self, name)) for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything known of one codebase."""

    name: str
    repo: str
    url: str
    licence: str
    layout: Layout
    python: PythonSettings
    schema_version: int = SCHEMA_VERSION
    tests: TestSettings = TestSettings()
    mining: Mining = Mining()
    environments: tuple[Environment, ...] = ()
    synthetic: Synthetic | None = None
    folder: Path = Path()
    """Where it was read from; not part of the file."""
    instances: tuple[InstanceRecord, ...] = ()

    def environment(self, key: str) -> Environment:
        """The environment with this fingerprint; ManifestError where it is not described."""
        for environment in self.environments:
            if environment.key == key:
                return environment
        raise ManifestError(
            f"{self.name}: no environment {key!r} in manifest.toml",
            f"Run `seqswe mine {self.name}` again, or restore the file.",
        )

    @property
    def digest(self) -> str:
        """Digest of the instances, in order: names the sequence in every report."""
        return digest_of(json.dumps([record_json(r) for r in self.instances], sort_keys=True))


def shipped() -> Path:
    """The folder of the manifests that come with SeqSWE."""
    spec = find_spec("repos_manifest")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations)))


def names(root: Path | None = None) -> list[str]:
    """Names of the codebases in a manifest folder (default: the shipped one)."""
    return sorted(p.parent.name for p in (root or shipped()).glob("*/manifest.toml"))


def load(codebase: str) -> Manifest:
    """Load a codebase by name, or by the path of a folder with a manifest.toml.

    Raises UnknownName (with the closest name) or ManifestError.
    """
    folder = Path(codebase)
    if not (folder / "manifest.toml").is_file():
        folder = shipped() / codebase
        if "/" in codebase or not (folder / "manifest.toml").is_file():
            raise UnknownName("codebase", codebase, names())
    path = folder / "manifest.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: not TOML: {error}", "Correct the line named.") from None
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
    return replace(manifest, folder=folder, instances=load_instances(folder / "instances.jsonl"))


def load_instances(path: Path) -> tuple[InstanceRecord, ...]:
    """Read instances.jsonl (absent: none) and check the order of dates and the ids."""
    if not path.exists():
        return ()
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            data = json.loads(line)
        except json.JSONDecodeError as error:
            raise ManifestError(
                f"{path}, line {number}: not JSON: {error}",
                "Restore the file; it is written by `seqswe validate`.",
            ) from None
        records.append(parse(InstanceRecord, data, f"{path}, line {number}"))
    for before, after in pairwise(records):
        if after.created_at < before.created_at:
            raise ManifestError(
                f"{path}: {after.instance_id} is dated before {before.instance_id} above it",
                "A sequence is chronological: `created_at` never decreases.",
            )
    if len({r.instance_id for r in records}) != len(records):
        raise ManifestError(f"{path}: an instance_id occurs twice", "Remove one of them.")
    return tuple(records)


def save(manifest: Manifest, folder: Path) -> None:
    """Write manifest.toml and instances.jsonl."""
    save_manifest(manifest, folder)
    save_instances(manifest.instances, folder / "instances.jsonl")


def save_manifest(manifest: Manifest, folder: Path) -> None:
    """Write manifest.toml alone."""
    import tomli_w

    folder.mkdir(parents=True, exist_ok=True)
    data = _plain(asdict(manifest))
    del data["folder"], data["instances"]
    if manifest.synthetic is None:
        del data["synthetic"]  # TOML has no word for nothing
    (folder / "manifest.toml").write_text(tomli_w.dumps(data), encoding="utf-8")


def save_instances(records: Iterable[InstanceRecord], path: Path) -> None:
    """Write one JSON object a line, keys sorted, empty fields left out."""
    lines = [json.dumps(record_json(r), sort_keys=True, ensure_ascii=False) for r in records]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def record_json(record: InstanceRecord) -> dict[str, Any]:
    """A record as a JSON object, without its empty fields."""
    data = asdict(record)
    data["created_at"] = record.created_at.isoformat()
    return {
        k: v
        for k, v in data.items()
        if v not in ((), {}, "")
        or k in ("FAIL_TO_PASS", "PASS_TO_PASS", "gold_files", "test_files")
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
