"""`seqswe mine`: candidates from a repository's history. Nothing is executed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from harness.codebases.infer import describes, infer
from harness.codebases.locate import alone_in, clone_of, writable_folder
from harness.codebases.mining import Mined, history_of
from harness.codebases.mining import mine as find_candidates
from harness.codebases.statements.issues import load_issues
from harness.codebases.statements.rules import LATEST
from harness.codebases.target import Origin, find_origin
from harness.history.git import Clone
from harness.history.walk import Step, walk
from seqswe.cli.echo import echo, note
from seqswe.cli.options import setting_options
from seqswe.errors import UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import Manifest

CANDIDATES = "candidates.jsonl"
KINDS = {
    "issue": "issues",
    "fragment": "news fragments",
    "changelog": "changelogs",
    "pull": "pull requests",
    "merge": "merges",
    "commit": "commit messages",
}
"""Sources of statements in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is mined, and where the result is written."""

    manifest: Manifest
    clone: Clone
    history: Sequence[Step]
    folder: Path


@click.command()
@click.argument("target", default="")
@setting_options("mirror", "issues")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder to write; default: the manifest's, or one below SEQSWE_CODEBASES.",
)
def mine(target: str, mirror: str, issues: str, out: Path | None) -> None:
    """Walk the first-parent history of TARGET and write candidates.jsonl.

    TARGET is OWNER/NAME as on GitHub, the path of a clone or checkout, the URL of a git repository,
    or the name or folder of a manifest; without one, the checkout that you stand in. Where there is
    no manifest yet, one is written from the tree and its history. A candidate changes source and
    tests; the rules are in the manifest's [mining] table. Next: `seqswe validate`.
    """
    texts = load_issues(issues)
    if target and manifests.find(target):
        subject = _described(target, mirror, out)
    else:
        subject = _described_now(find_origin(target, mirror), out)
    manifest, folder = subject.manifest, subject.folder
    if not manifest.instances:  # or what they say would not be by the rules of what is added
        rules = replace(manifest.mining, statements=LATEST.version)
        manifest = replace(manifest, mining=rules)
    click.get_current_context().with_resource(alone_in(folder))
    mined = find_candidates(subject.clone, manifest, texts, subject.history)
    known = {e.key: e for e in manifest.environments}
    environments = tuple(known.get(e.key, e) for e in mined.environments)
    rules = replace(manifest.mining, head=mined.head)
    manifests.save_instances(mined.records, folder / CANDIDATES)
    manifests.save_manifest(replace(manifest, environments=environments, mining=rules), folder)
    _print_listing(mined)
    named = manifest.name if out is None and _is_found(manifest.name, folder) else str(folder)
    place = f" --mirror {mirror}" if mirror and os.environ.get("SEQSWE_MIRRORS") != mirror else ""
    if mined.records:
        note(f"Next: seqswe validate {named}{place}")
    else:
        names = f"`test_modules` and `tests` in {folder / 'manifest.toml'}"
        note(f"Next: if the project has tests of other names, say so: {names}; mine again")
    echo(folder / CANDIDATES)


def _described(target: str, mirror: str, out: Path | None) -> Subject:
    """A codebase that has a manifest."""
    manifest = manifests.load(target)
    if manifest.renamed:
        raise UsageError(
            f"{manifest.name} is a sequence of renamed code: its candidates are those of "
            f"{manifest.renamed.codebase}",
            f"Mine {manifest.renamed.codebase}, and rename it again.",
        )
    folder = writable_folder(manifest, out)
    clone = clone_of(manifest, mirror)
    return Subject(
        manifest=manifest, clone=clone, history=history_of(clone, manifest), folder=folder
    )


def _described_now(origin: Origin, out: Path | None) -> Subject:
    """A codebase whose manifest is made now, unless an earlier call wrote one for it."""
    history = walk(origin.clone, origin.clone.commit_id("HEAD"))
    found = infer(origin, history)
    manifest = found.manifest
    folder = out or manifests.codebases_folder() / manifest.name
    written = folder / "manifest.toml"
    if written.exists():
        if not describes(folder, origin):
            raise UsageError(f"{folder} describes another codebase", "Give another --out.")
        note(f"{written} is kept; remove it to decide everything anew")
        # Its rules of mining but for the head: the history has gone on since.
        kept = manifests.load(str(folder))
        manifest = replace(kept, mining=replace(kept.mining, head=""))
        history = history_of(origin.clone, manifest)
    else:
        for line in found.lines:
            note(line)
        manifest = replace(manifest, folder=folder)
    return Subject(
        manifest=manifest,
        clone=origin.clone,
        history=history,
        folder=writable_folder(manifest, folder),
    )


def _is_found(name: str, folder: Path) -> bool:
    """Whether a codebase's name leads to this folder."""
    found = manifests.find(name)
    return found is not None and found.resolve() == folder.resolve()


def _print_listing(mined: Mined) -> None:
    """Every commit that was walked, as a candidate or with the reason why it is none."""
    for reason, count in sorted(mined.skipped.items(), key=lambda item: (-item[1], item[0])):
        note(f"{count:6} left out: {reason}")
    sources = listed(mined.statements)
    note(
        f"{len(mined.records):6} candidates in {len(mined.environments)} environments, of "
        f"{mined.walked} commits up to {mined.head[:12]}"
        + (f"; statements: {sources}" if sources else "")
    )


def listed(sources: Mapping[str, int]) -> str:
    """How many statements come from what, in words."""
    return ", ".join(f"{count} from {KINDS.get(kind, kind)}" for kind, count in sources.items())
