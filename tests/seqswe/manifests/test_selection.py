"""Which tasks a sequence holds."""

from dataclasses import replace

import pytest

from seqswe.errors import UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.selection import Selection

DIGEST = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def manifest():
    loaded = manifests.load("ledgerlite")
    records = [
        replace(record, leaks={"full": 0.1 * n, "title": 0.0}, digests={})
        for n, record in enumerate(loaded.instances[:5])
    ]
    records[2] = replace(records[2], digests={"symptom": DIGEST}, leaks={"symptom": 0.3})
    return replace(loaded, instances=tuple(records))


def test_by_default_every_task_is_in_it(manifest):
    assert Selection().of(manifest).instances == manifest.instances


def test_a_bound_on_the_leak_is_for_the_kind_of_statement(manifest):
    assert Selection(max_leak=0.15).of(manifest).instances == manifest.instances[:2]
    titles = Selection(statement="title", max_leak=0.0).of(manifest).instances
    assert len(titles) == 4  # of one task nobody has measured it


def test_tasks_without_a_symptom_are_left_out(manifest):
    chosen = Selection(statement="symptom").of(manifest)
    assert chosen.instances == manifest.instances[2:3]
    with pytest.raises(UsageError, match="no task of ledgerlite has a symptom statement with"):
        Selection(statement="symptom", max_leak=0.2).of(manifest)


def test_a_codebase_without_tasks_is_none_of_its_business(manifest):
    empty = replace(manifest, instances=())
    assert Selection(statement="symptom").of(empty) == empty
