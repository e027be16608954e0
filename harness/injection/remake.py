"""Make a sequence again from its recipes: what a failing test said is not stored everywhere.

A manifest that is handed on holds facts only. The message of a failing test may quote the
codebase, so it may be left out; a run of the test gives it back, and digests tell whether it is
the same to the letter.
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
    """The record without what its failing test said."""
    return replace(record, bug={**record.bug, "failure": ""})


def remake(
    records: Iterable[InstanceRecord], clone: Clone, open_workbench: Callable[[str], Workbench]
) -> Iterator[InstanceRecord]:
    """The records in order with what their failing tests say, from a run of each.

    Raises ManifestError where that, or the recipe, does not give the texts that were validated.
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
    made = replace(record, bug={**record.bug, "failure": normalize_message(failure.message)})
    if texts_of(clone, made).digests != record.digests:
        raise _other(record, "its texts differ from those that were validated")
    return made


def _other(record: InstanceRecord, why: str) -> ManifestError:
    return ManifestError(
        f"{record.instance_id} cannot be made again: {why}",
        "It needs the clone, the environment and the version of SeqSWE that it was made with.",
    )
