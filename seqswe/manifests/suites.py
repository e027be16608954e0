"""Released suites: sequences of several codebases under a name and a version, which never change.

A suite is a folder `<name>@<version>` with a suite.toml and, for each of its codebases, a manifest
of its own: only facts, a copy as of the release. So whatever becomes of the manifest that it was
copied from, later mining, a longer sequence, other environments, the suite stays what it was. Its
codebases answer to `<name>@<version>/<codebase>` wherever a codebase is named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Annotated

from seqswe.errors import ManifestError, UnknownName, UsageError
from seqswe.instance import digest_of
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.convert import check_ids, parse
from seqswe.manifests.manifest import Manifest
from seqswe.manifests.read import read_bytes, read_toml
from seqswe.patterns import COUNT, DIGEST, NAME, Between

SCHEMA_VERSION = 1
FILE = "suite.toml"
VERSIONED = re.compile(r"(?P<name>.+)@(?P<version>[1-9]\d{0,5})")
RELEASED = "A released suite never changes: restore its folder, or release the next version."


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One codebase of a suite."""

    codebase: Annotated[str, NAME]
    tasks: Annotated[int, Between(least=1, most=1_000_000)]
    span: str = ""
    """Which of the codebase's tasks of the day of the release, as `--span` has it."""
    facts: Annotated[str, DIGEST]
    """Digest of both files of its manifest; of a compressed one, of what was compressed."""
    sequence: Annotated[str, DIGEST]
    """Digest of its sequence, told by full statements, as run.toml of a run has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """suite.toml: what was released."""

    name: Annotated[str, NAME]
    version: Annotated[int, COUNT]
    members: tuple[Member, ...]
    note: str = ""
    """What to know before quoting it."""
    schema_version: int = SCHEMA_VERSION
    folder: Path = Path()
    """Where it was read from; not part of the file."""

    def __post_init__(self) -> None:
        check_ids((member.codebase for member in self.members), "field 'members'")

    @property
    def label(self) -> str:
        """Its name with its version."""
        return f"{self.name}@{self.version}"

    @property
    def digest(self) -> str:
        """Digest of everything but the note: what the name and version stand for."""
        members = [asdict(member) for member in self.members]
        return digest_of(json.dumps([self.name, self.version, members], sort_keys=True))

    @property
    def tasks(self) -> int:
        """Tasks of all its codebases."""
        return sum(member.tasks for member in self.members)

    def codebase(self, member: Member) -> str:
        """The name by which commands know one of its codebases."""
        return f"{self.label}/{member.codebase}"

    def manifest(self, member: Member) -> Manifest:
        """The manifest of one of its codebases. Raises ManifestError if it is not as released."""
        folder = self.folder / member.codebase
        manifest = manifests.load(str(folder))
        if facts_of(folder) != member.facts or len(manifest.instances) != member.tasks:
            raise ManifestError(f"{folder} is not what {self.label} was released with", RELEASED)
        return manifest


def places() -> tuple[Path, ...]:
    """Where suites are kept: those that ship, and one's own."""
    return (manifests.shipped() / manifests.SUITES, manifests.codebases_folder() / manifests.SUITES)


def suites() -> list[str]:
    """Names and versions of all suites, in order."""
    found = {path.parent.name for place in places() for path in place.glob(f"*/{FILE}")}
    return sorted((label for label in found if VERSIONED.fullmatch(label)), key=_order)


def load_suite(name: str) -> Suite:
    """Load a suite by `name@version`, or by its name alone: then its newest version.

    Raises UnknownName, or ManifestError for a damaged file.
    """
    known = suites()
    newest = [label for label in known if label.rpartition("@")[0] == name]
    label = newest[-1] if newest else name
    if label not in known:
        raise UnknownName("suite", name, known)
    folder = next(place / label for place in places() if (place / label / FILE).is_file())
    path = folder / FILE
    data = read_toml(path, "a suite.toml")
    if data.get("schema_version") != SCHEMA_VERSION or "folder" in data:
        raise ManifestError(
            f"{path}: field 'schema_version' is not {SCHEMA_VERSION}, or there is a field 'folder'",
            "Use the SeqSWE that wrote it.",
        )
    suite = replace(parse(Suite, data, str(path)), folder=folder)
    if suite.label != folder.name or not suite.members:
        raise ManifestError(f"{path} is of {suite.label}, or has no members", RELEASED)
    return suite


def save_suite(suite: Suite, members: Mapping[str, Manifest], place: Path) -> Suite:
    """Write a new suite with the manifests of its codebases below `place`, whole or not at all.

    Digests of facts are filled in. Raises UsageError if there is one of this name and version.
    """
    import tomli_w

    folder = place / suite.label
    if folder.exists() or suite.label in suites():
        raise UsageError(
            f"{suite.label} is there already",
            f"A released suite never changes: release {suite.name}@{suite.version + 1}.",
        )
    partial = place / f".{suite.label}"
    for name, manifest in members.items():
        manifests.save(manifest, partial / name, compressed=True)
    released = replace(
        suite,
        members=tuple(replace(m, facts=facts_of(partial / m.codebase)) for m in suite.members),
    )
    data = asdict(released)
    del data["folder"]
    (partial / FILE).write_text(tomli_w.dumps(data), encoding="utf-8")
    partial.rename(folder)
    return replace(released, folder=folder)


def facts_of(folder: Path) -> str:
    """Digest of the two files of a manifest, byte for byte. Raises ManifestError."""
    paths = (folder / "manifest.toml", manifests.instances_file(folder))
    files = map(read_bytes, paths)
    return digest_of("\n".join(digest_of(data) for data in files))


def suite_of(codebase: str) -> str:
    """The suite that a codebase's name or folder belongs to, with its version; "" for none."""
    label = PurePosixPath(codebase).parent.name
    return label if VERSIONED.fullmatch(label) else ""


def check_no_suite(folder: Path) -> None:
    """Raise UsageError for the folder of a released suite's codebase, which nothing may change."""
    if (folder.resolve().parent / FILE).is_file():
        raise UsageError(
            f"{folder} belongs to a released suite, which never changes",
            "Name the codebase itself, or give another --out.",
        )


def _order(label: str) -> tuple[str, int]:
    name, _, version = label.rpartition("@")
    return name, int(version)
