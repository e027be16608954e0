"""`seqswe rename`: the same tasks in a code whose names no model can have read before."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import click

from harness.codebases.locate import alone_in, clone_of, writable_folder
from harness.codebases.renamed import packages_of, renamed_records, survey_of
from harness.codebases.statements.issues import load_issues
from harness.commands.mine import CANDIDATES
from harness.history import Checkouts
from harness.history.git import Clone
from harness.history.objects import Objects
from harness.renaming.history import Window, files_of
from harness.renaming.pseudonyms import pseudonyms
from harness.renaming.survey import Survey, reasons
from harness.sandboxes.cleanup import scratch_folder
from seqswe.cli.echo import echo, note
from seqswe.cli.options import setting_options
from seqswe.errors import MissingError, RolloutError, UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import InstanceRecord, Manifest, Renamed
from seqswe.patterns import NAME
from seqswe.runs.folders import cache_folder
from seqswe.sandbox import Limits, SandboxChoice, SandboxProvider, SandboxSpec

ELSEWHERE = "of Python or an installed package"
VOCABULARY_SECONDS = 1_800.0


@click.command()
@click.argument("codebase")
@setting_options("mirror", "issues", "sandbox", "sandbox_option", "base_image")
@click.option("--seed", default=0, show_default=True, help="Same seed, same names.")
@click.option("--limit", default=0, type=click.IntRange(0), help="First N instances; 0: all.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
def rename(
    codebase: str, mirror: str, issues: str, seed: int, limit: int, out: Path, **choice: Any
) -> None:
    """Rename what CODEBASE defines, in its code, tests, patches, texts and history alike.

    One mapping holds for the whole sequence. Names stay if they are in an `__all__` or a string,
    in data or configuration, found by pytest, or known to Python or an installed package. OUT gets
    the names and the candidates; `seqswe validate OUT` proves them as any others.
    """
    manifest = manifests.load(codebase)
    records = manifest.instances[: limit or None]
    _check(manifest, out, records)
    folder = writable_folder(manifest, out)
    click.get_current_context().with_resource(alone_in(folder))
    clone, texts = clone_of(manifest, mirror), load_issues(issues)
    window = Window(first=records[0].base_commit, last=records[-1].gold_commit)
    told = (f"{issue.title}\n{issue.body}" for issue in texts.values())
    survey = survey_of(clone, manifest.layout, window, told)
    sorted_out = survey.sorted_out()
    free = [name for name, why in sorted_out.items() if not why]
    used = _used_elsewhere(manifest, clone, records, free, SandboxChoice(**choice))
    sorted_out |= dict.fromkeys(used, ELSEWHERE)
    names = pseudonyms((n for n, why in sorted_out.items() if not why), survey.words, seed)
    if not names.new:
        raise UsageError(f"no name of {codebase} can be renamed", "See docs/codebases.md.")
    renamed = Renamed(
        codebase=manifest.name,
        seed=seed,
        first=window.first,
        last=window.last,
        names=names.digest,
        tasks=len(records),
        **_counts(survey, sorted_out, names.new),
    )
    names.save(folder)
    head, candidates = renamed_records(manifest, clone, renamed, names, records, texts)
    manifests.save_instances(candidates, folder / CANDIDATES)
    made = replace(
        manifest,
        name=folder.absolute().name,
        renamed=renamed,
        mining=replace(manifest.mining, head=head),
    )
    manifests.save_manifest(made, folder)
    for why, number in reasons(sorted_out).most_common():
        note(f"{number:6} names stay: {why}")
    if lost := len(records) - len(candidates):
        note(f"{lost:6} left out: nothing in the renamed history states their problem")
    note(f"{len(candidates):6} candidates: {renamed.note}")
    note(f"Next: seqswe validate {out}")
    echo(folder / CANDIDATES)


def _check(manifest: Manifest, out: Path, records: Collection[InstanceRecord]) -> None:
    if manifest.synthetic or manifest.renamed:
        kind = "injected bugs" if manifest.synthetic else "renamed code"
        raise UsageError(
            f"{manifest.name} is a sequence of {kind}", "Name the codebase that it was made of."
        )
    if not records:
        raise UsageError(
            f"{manifest.name} has no instances", f"Run `seqswe validate {manifest.name}` first."
        )
    if not NAME.fits(out.absolute().name) or out.absolute() == manifest.folder.absolute():
        raise UsageError(
            f"the folder's name is the sequence's name, and {out.name[:80]!r} is none",
            f"Give an --out of {NAME.meaning}, apart from the codebase's own.",
        )


def _counts(survey: Survey, sorted_out: dict[str, str], new: Collection[str]) -> dict[str, Any]:
    """What the manifest says of the share."""
    share, defined = survey.share_of_uses(new), len(sorted_out)
    left = f"; {survey.unparsed} files cannot be parsed and stay" if survey.unparsed else ""
    return {
        "defined": defined,
        "renamed": len(new),
        "share_of_uses": round(share, 4),
        "unparsed": survey.unparsed,
        "stayed": dict(reasons(sorted_out)),
        "note": f"{len(new)} of {defined} names that the source defines are renamed, "
        f"{share:.0%} of their uses{left}",
    }


def _used_elsewhere(
    manifest: Manifest,
    clone: Clone,
    records: Iterable[InstanceRecord],
    names: Iterable[str],
    choice: SandboxChoice,
) -> set[str]:
    """Names that Python or a package of any environment has as well, which only they can say."""
    left, found = set(names), set[str]()
    bases = {record.environment: record.base_commit for record in records}
    provider, cache = choice.build(), cache_folder() / "history" / f"{manifest.name}-rename"
    try:
        with scratch_folder(cache) as scratch:
            checkouts = Checkouts(clone, list(bases.values()), cache)
            for number, (key, base) in enumerate(bases.items()):
                spec = SandboxSpec(
                    environment=manifest.environment(key),
                    checkout=checkouts.history.checkout(base, scratch / str(number)),
                    limits=Limits(task_seconds=VOCABULARY_SECONDS),
                )
                new = _found_in(provider, spec, _question(clone, base, left))
                found, left = found | new, left - new
    finally:
        provider.close()
    return found


def _found_in(provider: SandboxProvider, spec: SandboxSpec, question: str) -> set[str]:
    """Names that an environment has. One that cannot be made proves no task either: it is told."""
    program = (resources.files("harness.renaming") / "inside" / "vocabulary.py").read_text("utf-8")
    try:
        sandbox = provider.open(spec)
    except MissingError as error:
        note(f"environment {spec.environment.key} is not there: {error.message}"[:200])
        return set()
    try:
        command = ["python", "-c", program]
        said = sandbox.run(command, stdin=question.encode(), timeout=VOCABULARY_SECONDS)
    finally:
        sandbox.close()
    if not said.ok:
        why = f"no names of environment {spec.environment.key}: {said.stderr[-200:]!r}"
        raise RolloutError("sandbox_failed", why)
    return set(said.stdout.decode().split())


def _question(clone: Clone, base: str, names: Iterable[str]) -> str:
    with Objects(clone) as objects:
        own = packages_of(file.path for file in files_of(objects, f"{base}^{{tree}}"))
    return " ".join(sorted(own)) + "\n" + "\n".join(sorted(names))
