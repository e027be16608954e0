"""Instances from the facts of a manifest and the texts of a clone, checked by digest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from harness.codebases.imported import imported_texts
from harness.codebases.instruction_files import InstructionFiles
from harness.codebases.mining import texts_of
from harness.codebases.renamed import renamed_issues
from harness.codebases.statements import sources, symptom_store
from harness.codebases.statements.clean import title_of
from harness.codebases.statements.issues import Issue
from harness.codebases.statements.rules import rules_of
from harness.codebases.text_cache import kept_texts
from harness.history.git import Clone, GitError
from harness.history.objects import Objects
from harness.injection import recipe
from seqswe.errors import ManifestError, MissingError
from seqswe.instance import Instance, digest_of
from seqswe.manifests.manifest import IMPORTED, InstanceRecord, InstanceTexts, Manifest
from seqswe.manifests.selection import StatementKind


def instances_of(
    clone: Clone,
    manifest: Manifest,
    records: Iterable[InstanceRecord],
    issues: Mapping[int, Issue],
    statement: StatementKind = "full",
) -> list[Instance]:
    """Make the instances of some records, in order, told by one kind of statement.

    Raises MissingError if the clone lacks a commit, ManifestError if its texts differ from those
    that were validated.
    """
    check_rules(manifest, manifest.instances)
    looked_for = with_instructions(clone, records)
    instances = [instance_of(clone, manifest, record, issues) for record in looked_for]
    return [
        replace(instance, problem_statement=_told(manifest, record, instance, statement))
        for record, instance in zip(looked_for, instances, strict=True)
    ]


def sequence_digest(instances: Iterable[Instance]) -> str:
    """What names a sequence: the digest of its instances, texts and tests, in order."""
    return digest_of("\n".join(instance.digest for instance in instances))


def _told(
    manifest: Manifest, record: InstanceRecord, instance: Instance, statement: StatementKind
) -> str:
    if statement == "symptom":
        return symptom_store.kept(manifest.name, record)
    full = instance.problem_statement
    return title_of(full) if statement == "title" else full


def check_rules(manifest: Manifest, records: Iterable[InstanceRecord]) -> None:
    """Raise ManifestError if statements of records were made by rules that are not kept."""
    if any(not record.bug for record in records):
        rules_of(manifest.mining.statements, manifest.name)


def with_instructions(clone: Clone, records: Iterable[InstanceRecord]) -> list[InstanceRecord]:
    """Records with their instruction files, also those that were mined without a look for them.

    Raises MissingError if the clone lacks the commit of one.
    """
    with Objects(clone) as objects:
        files = InstructionFiles(objects)
        looked_for = []
        for record in records:
            if not (objects.has(record.base_commit) and objects.has(record.gold_commit)):
                raise _missing(clone, record)
            known = record.instructions is not None
            found = record.instructions if known else files.at(record.base_commit)
            looked_for.append(record if known else replace(record, instructions=found))
        return looked_for


def _missing(clone: Clone, record: InstanceRecord) -> MissingError:
    return MissingError(
        f"the clone {clone.path} lacks {record.base_commit[:12]} or "
        f"{record.gold_commit[:12]} ({record.instance_id})",
        "Fetch the whole history into the mirror, or give another --mirror.",
    )


def _texts(
    clone: Clone, manifest: Manifest, record: InstanceRecord, issues: Mapping[int, Issue]
) -> InstanceTexts:
    if record.bug:
        return kept_texts(record, lambda: recipe.texts_of(clone, record))
    if record.statement_source == IMPORTED:
        return imported_texts(manifest, record)
    known = renamed_issues(manifest, issues)

    def make() -> InstanceTexts:
        return texts_of(clone, manifest, record, known)

    # What people wrote in a tracker is read from where the user says it is, and kept nowhere.
    return make() if record.statement_source.startswith(sources.ISSUE) else kept_texts(record, make)


def instance_of(
    clone: Clone, manifest: Manifest, record: InstanceRecord, issues: Mapping[int, Issue]
) -> Instance:
    """Make one instance; see `instances_of`."""
    try:
        texts = _texts(clone, manifest, record, issues)
    except GitError:
        raise _missing(clone, record) from None
    for name, digest in texts.digests.items():
        if record.digests.get(name) != digest:
            if record.bug and not record.bug.get("failure"):
                raise MissingError(
                    f"{record.instance_id}: the message of its failing test is not stored",
                    f"`seqswe inject {manifest.name} --mirror DIR --out FOLDER` makes the sequence "
                    "again; then name FOLDER.",
                )
            if name == "statement" and not texts.statement:
                raise MissingError(
                    f"{record.instance_id}: the text of {record.statement_source} is not at hand",
                    f"`seqswe issues {manifest.name} --out FILE` fetches it: give --issues FILE.",
                )
            raise ManifestError(
                f"{record.instance_id}: the {name} in the clone is not the one that was validated",
                "Issue texts need the same --issues file; else mine and validate again.",
            )
    return Instance(
        instance_id=record.instance_id,
        repo=manifest.repo,
        base_commit=record.base_commit,
        created_at=record.created_at,
        problem_statement=texts.statement,
        patch=texts.patch,
        test_patch=texts.test_patch,
        fail_to_pass=record.FAIL_TO_PASS,
        pass_to_pass=record.PASS_TO_PASS,
        environment=record.environment,
        gold_files=record.gold_files,
        test_files=record.test_files,
        flaky=record.flaky,
        pytest_arguments=record.pytest_arguments,
        bug_patch=texts.bug_patch,
        instructions=record.instructions or (),
    )
