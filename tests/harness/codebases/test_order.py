"""Dates and ancestry of every sequence that ships, as far as a clone is here."""

import os
from dataclasses import replace
from datetime import timedelta

import pytest

from harness.codebases.locate import clone_of, in_mirror
from harness.codebases.mining import mine
from harness.codebases.order import check_order
from harness.codebases.statements.rules import VERSIONS
from harness.history.git import Clone
from seqswe.errors import ManifestError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.suites import load_suite, suites
from tests.harness.projects import commit, manifest_of

SHIPPED = manifests.names(manifests.shipped())
RELEASED = [s.codebase(m) for s in map(load_suite, suites()) for m in s.members]
"""Codebases of suites; their order was proved when they were released, and digests hold it."""


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_is_in_order(name, cache):
    manifest = manifests.load(name)
    own = name.startswith("ledgerlite")
    mirror = os.environ.get("SEQSWE_MIRRORS", "")
    if not own and not in_mirror(manifest.repo, mirror):
        pytest.skip(f"no clone of {manifest.repo} in SEQSWE_MIRRORS")
    check_order(clone_of(manifest, mirror), manifest)


@pytest.mark.parametrize("name", [*SHIPPED, *RELEASED])
def test_what_ships_is_told_by_rules_that_are_kept(name):
    manifest = manifests.load(name)
    real = [record for record in manifest.instances if not record.bug]
    assert not real or manifest.mining.statements in VERSIONS
    assert all({"full", "title"} <= record.leaks.keys() for record in real)


@pytest.fixture
def sequence(tmp_path):
    folder = tmp_path / "clone"
    for day in range(4):
        text = f"{day}\n"
        commit(folder, {"tiny/a.py": text, "tests/test_a.py": text}, f"Mend {day}", day=day)
    manifest = manifest_of(tmp_path)
    records = mine(Clone(folder), manifest, {}).records
    return Clone(folder), replace(manifest, instances=records)


def changed(manifest, number, **fields):
    records = list(manifest.instances)
    records[number] = replace(records[number], **fields)
    return replace(manifest, instances=tuple(records))


def test_a_sequence_as_it_is_mined_is_in_order(sequence):
    check_order(*sequence)


def test_what_is_not_in_order_is_named(sequence):
    clone, manifest = sequence
    first, second, third = manifest.instances
    with pytest.raises(ManifestError, match="its fix is no child of its base"):
        check_order(clone, changed(manifest, 1, base_commit=first.base_commit))
    with pytest.raises(ManifestError, match="its fix is of 2024"):
        check_order(clone, changed(manifest, 1, created_at=second.created_at + timedelta(hours=1)))
    turned = replace(manifest, instances=(second, first, third))
    with pytest.raises(ManifestError, match="it is dated before"):
        check_order(clone, turned)
    side = replace(third, created_at=second.created_at, bug={"path": "x"}, base_commit="")
    base = replace(side, base_commit=first.base_commit)
    with pytest.raises(ManifestError, match="its base does not reach"):
        check_order(clone, replace(manifest, instances=(first, second, base)))
