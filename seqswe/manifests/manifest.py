"""A codebase as data: `repos_manifest/<name>/manifest.toml` and `instances.jsonl`.

Only facts are kept: commits, dates, test ids, paths, digests. Patches, tests and statements
are read from the clone at run time, so nothing of another project is redistributed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from seqswe.errors import ManifestError
from seqswe.instance import digest_of
from seqswe.patterns import (
    COMMIT,
    COUNT,
    EXPRESSION,
    HEAD,
    INSTANCE_ID,
    KEY,
    NAME,
    PATH,
    REPO,
    URL,
    Between,
)
from seqswe.sandbox import Environment

SCHEMA_VERSION = 1
IMPORTED = "imported"
"""Source of the statement of a task that came from somebody else's data set, as all its texts."""
WALL_FACTOR = 4
"""Wall-clock seconds that tests may take for each second of their processor time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which paths are source and which are tests."""

    source: tuple[str, ...]
    """Folders and files of the code that an agent is meant to change. An entry may be a pattern:
    `**` any folders, `*` within a name, a trailing `/` folders only."""
    tests: tuple[str, ...]
    """Everything that belongs to the tests, data included; entries as in `source`."""
    test_modules: str = "test_*.py"
    """File-name patterns, separated by spaces, of the modules that pytest is given."""
    exclude: tuple[str, ...] = ()
    """Never source: documents, examples, build scripts; entries as in `source`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSettings:
    """How the codebase's tests are run."""

    __test__ = False

    arguments: tuple[str, ...] = ()
    """Further arguments for pytest."""
    plugins: tuple[str, ...] = ()
    """pytest plug-ins to load by name; automatic loading is off."""
    seconds: Annotated[float, Between(least=0.001, most=1_000_000)] = 300.0
    """Processor time of the tests, so that a busy machine does not change a verdict."""

    @property
    def wall_seconds(self) -> float:
        """What they may take by the clock: only tests that sleep or wait for ever come to it."""
        return WALL_FACTOR * self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonSettings:
    """How an environment follows from what the project declares at a commit."""

    version: str = ""
    """The one Python of all environments; empty: chosen for each task by its date and by what the
    project asks for."""
    dated: bool = False
    """Whether only releases of a task's own time are installed."""
    requirements: tuple[str, ...] = ("pytest",)
    """Always installed, whatever is declared."""
    extras: tuple[str, ...] = ()
    """Optional groups that the tests need, beside those whose names say so."""
    exclude: tuple[str, ...] = ()
    """Declared packages that no test needs (linters, type checkers, builders)."""
    source_path: str = ""
    """Folders of the checkout that belong on `sys.path`; empty: found for each task."""
    distribution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mining:
    """Which commits become candidates."""

    head: Annotated[str, HEAD] = ""
    """Last commit looked at; empty for the clone's own head."""
    window: Annotated[int, COUNT] = 0
    """How many first-parent commits before head are walked; 0 for all."""
    message: Annotated[str, EXPRESSION] = ""
    """Regular expression that the commit message must match (case-insensitive)."""
    max_source_files: Annotated[int, COUNT] = 20
    max_changed_lines: Annotated[int, COUNT] = 1000
    statements: Annotated[int, COUNT] = 1
    """Version of the rules by which the statements were made from the history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """How a sequence of injected bugs was made. It proves the harness, not the world."""

    codebase: Annotated[str, NAME]
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
class Renamed:
    """How a sequence under other names was made; the names themselves are in `names.json`."""

    codebase: Annotated[str, NAME]
    seed: int
    first: Annotated[str, COMMIT]
    """Of the codebase's own history: where the renamed one begins."""
    last: Annotated[str, COMMIT]
    """Where it ends."""
    names: str
    """Digest of the mapping."""
    note: str = ""
    """How much is renamed, in words."""
    tasks: Annotated[int, COUNT] = 0
    """Tasks that were renamed, before they were proved again."""
    defined: Annotated[int, COUNT] = 0
    """Names that the source defines."""
    renamed: Annotated[int, COUNT] = 0
    share_of_uses: float = 0.0
    """Of the uses of names that the source defines, those of names that are renamed."""
    unparsed: Annotated[int, COUNT] = 0
    """Python files that could not be read and are left as they are."""
    stayed: Mapping[str, int] = field(default_factory=dict)
    """Why the other names stay, and how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRecord:
    """The facts of one instance. `digests` check what is read from the clone at run time."""

    instance_id: Annotated[str, INSTANCE_ID]
    base_commit: Annotated[str, COMMIT]
    gold_commit: Annotated[str, COMMIT]
    created_at: datetime
    environment: Annotated[str, KEY]
    statement_source: str
    gold_files: tuple[Annotated[str, PATH], ...]
    test_files: tuple[Annotated[str, PATH], ...]
    FAIL_TO_PASS: tuple[str, ...] = ()
    PASS_TO_PASS: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()
    pytest_arguments: tuple[str, ...] = ()
    """Further arguments that its tests need, found at validation."""
    instructions: tuple[Annotated[str, PATH], ...] | None = None
    """Files of the base commit that agents read on their own, such as CLAUDE.md; None if mining
    did not look for them."""
    digests: Mapping[str, str] = field(default_factory=dict)
    leaks: Mapping[str, Annotated[float, Between(least=0, most=1)]] = field(default_factory=dict)
    """How much of the fix each kind of statement gives away."""
    bug: Mapping[str, Any] = field(default_factory=dict)
    """Recipe of an injected bug; empty for a real issue."""

    @property
    def is_in_history(self) -> bool:
        """Whether its fix is a commit of the clone: neither injected nor imported."""
        return not self.bug and self.statement_source != IMPORTED


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceTexts:
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

    name: Annotated[str, NAME]
    repo: Annotated[str, REPO]
    url: Annotated[str, URL]
    licence: str
    layout: Layout
    python: PythonSettings
    schema_version: int = SCHEMA_VERSION
    tests: TestSettings = TestSettings()
    mining: Mining = Mining()
    environments: tuple[Environment, ...] = ()
    synthetic: Synthetic | None = None
    renamed: Renamed | None = None
    folder: Path = Path()
    """Where it was read from; not part of the file."""
    instances: tuple[InstanceRecord, ...] = ()

    def environment(self, key: str) -> Environment:
        """The environment with this fingerprint; ManifestError if it is not described."""
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


def record_json(record: InstanceRecord) -> dict[str, Any]:
    """A record as a JSON object, without its empty fields."""
    data = asdict(record)
    data["created_at"] = record.created_at.isoformat()
    return {
        k: v
        for k, v in data.items()
        if v not in ((), {}, "", None)
        or k in ("FAIL_TO_PASS", "PASS_TO_PASS", "gold_files", "test_files")
        or (k == "instructions" and v is not None)
    }
