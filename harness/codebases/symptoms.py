"""Symptoms of a codebase's tasks: each failing test is run, and its text kept in the cache."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.codebases.declarations.model import PARSING
from harness.codebases.instances import instance_of
from harness.codebases.statements.leak import leak
from harness.codebases.statements.symptom import OPTIONS, SYMPTOM, symptom
from harness.codebases.validate import BYTECODE
from harness.codebases.validation_room import ValidationRoom
from harness.grading import Grader
from harness.grading.layout import is_test
from harness.injection.statement import MARK
from seqswe.errors import MissingError, RolloutError
from seqswe.instance import Instance, digest_of
from seqswe.manifests.manifest import InstanceRecord
from seqswe.sandbox import Sandbox

REPRODUCTION = "To reproduce, save this as "
"""How the part of an injected bug's statement begins that shows the test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """A task's symptom, or why it has none."""

    record: InstanceRecord
    """With the symptom's digest, if there is one."""
    text: str = ""
    problem: str = ""


def find_symptom(room: ValidationRoom, record: InstanceRecord) -> Symptom:
    """Run a task's first failing test as its agent would find the code, and tell what happens.

    Where the record has no digest yet the test runs twice, and a text that differs is none.
    """
    try:
        instance = instance_of(room.clone, room.manifest, record, room.issues)
        texts = (
            [of_injected(instance.problem_statement)]
            if record.bug
            else _texts(room, record, instance)
        )
    except (RolloutError, MissingError) as error:
        return Symptom(record=record, problem=error.message[:200])
    text = texts[0]
    if not text:
        return Symptom(record=record, problem="its failing test does not tell what was called")
    if any(other != text for other in texts):
        return Symptom(record=record, problem="it did not come out twice alike")
    known = record.digests.get(SYMPTOM)
    if known and known != digest_of(text):
        return Symptom(record=record, problem="it differs from the one that was first made")
    made = replace(
        record,
        digests={**record.digests, SYMPTOM: digest_of(text)},
        leaks={**record.leaks, SYMPTOM: leak(text, instance.patch).score},
    )
    return Symptom(record=made, text=text)


def _texts(room: ValidationRoom, record: InstanceRecord, instance: Instance) -> list[str]:
    test = record.FAIL_TO_PASS[0]
    environment = room.environment(record.environment)
    grader = Grader(
        layout=room.manifest.layout,
        tests=room.manifest.tests,
        environments={environment.key: environment},
    )
    arguments = (*instance.pytest_arguments, *OPTIONS)
    instance = replace(instance, pytest_arguments=arguments)
    times = 1 if SYMPTOM in record.digests else 2
    sandbox = room.open(instance, environment)
    try:
        grader.restore_tests(instance, sandbox)
        is_ours = is_test(room.manifest.layout)
        texts: list[str] = []
        while len(texts) < times and all(texts):  # what tells nothing once is not run again
            # Compiling the sources is most of what a run costs; the second one finds them compiled.
            log = grader.execute(instance, sandbox, BYTECODE, [test])[1]
            with PARSING:
                text = symptom(
                    log, test, instance.patch, is_ours, lambda path: _source(sandbox, path)
                )
            texts.append(text)
        return texts
    finally:
        sandbox.close()


def _source(sandbox: Sandbox, module: str) -> str:
    done = sandbox.run('cat -- "$FILE"', env={"FILE": module})
    return "" if done.truncated else done.stdout.decode("utf-8", "replace")


def of_injected(statement: str) -> str:
    """The symptom of an injected bug: its statement without the test that reproduces it."""
    return statement.partition(REPRODUCTION)[0].rstrip() + "\n" if MARK in statement else ""
