"""Make a sequence again from its recipes, with the messages of failing tests.

A published manifest holds facts only. The message of a failing test may quote the codebase, so it
may be left out. A run of the test gives it back, and digests show whether it is exactly the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import groupby

from harness.history.git import Clone
from harness.injection.operators import mutate
from harness.injection.recipe import bug_of, texts_of
from harness.injection.statement import normalize_message
from harness.injection.workbench import Workbench
from seqswe.errors import ManifestError
from seqswe.manifests.manifest import InstanceRecord


def without_messages(record: InstanceRecord) -> InstanceRecord:
    """Return the record without the message of its failing test."""
    return replace(record, bug={**record.bug, "failure": ""})


def remake(
    records: Iterable[InstanceRecord], clone: Clone, open_workbench: Callable[[str], Workbench]
) -> Iterator[InstanceRecord]:
    """Yield the records in order with the messages of their failing tests, from a run of each.

    Raises ManifestError if the message or the recipe does not give the texts that were validated.
    """
    for base, at_base in groupby(records, key=lambda record: record.base_commit):
        with closing(open_workbench(base)) as workbench:
            for record in at_base:
                yield _remade(record, clone, workbench)


def _remade(record: InstanceRecord, clone: Clone, workbench: Workbench) -> InstanceRecord:
    bug = bug_of(record)
    good = clone.show(record.base_commit, bug.path) or ""
    try:
        bad = mutate(good, bug.function, bug.operator, bug.site)
    except LookupError as error:
        raise _other(record, str(error)) from None
    seen = workbench.with_file(bug.path, bad, record.test_files)
    failure = seen.failed.get(bug.reproduction)
    if failure is None:
        raise _other(record, seen.problem or f"{bug.reproduction} does not fail")
    remade = replace(record, bug={**record.bug, "failure": normalize_message(failure.message)})
    if texts_of(clone, remade).digests != record.digests:
        raise _other(record, "its texts differ from those that were validated")
    return remade


def _other(record: InstanceRecord, why: str) -> ManifestError:
    return ManifestError(
        f"{record.instance_id} cannot be made again: {why}",
        "It needs the clone, the environment and the version of SeqSWE that it was made with.",
    )
