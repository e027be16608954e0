"""Injected bugs end to end: recipe to instance, what the agent is given, and the grading."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from harness.codebases import demo
from harness.codebases.instances import instance_of, instances_of
from harness.codebases.validate import validate
from harness.grading import Grader
from harness.grading.hidden_tests import grades, is_shown
from harness.history import Checkouts, audit
from harness.history.git import Clone
from harness.injection.inject import with_digests
from harness.injection.recipe import Bug, file_patch, texts_of
from harness.sandboxes.local import LocalProvider
from seqswe.errors import ManifestError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import InstanceRecord, Synthetic
from seqswe.sandbox import SandboxSpec

GOOD = "return (day.month - 1) // 3 + 1"
SHOWN = "tests/test_dates.py::test_quarter_start"
HIDDEN = ("tests/test_dates.py::test_quarter_of_month",)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return Clone(demo.build(tmp_path_factory.mktemp("demo") / "ledgerlite.git"))


@pytest.fixture(scope="module")
def manifest():
    return manifests.load("ledgerlite")


def seed():
    """A seed under which one of the tests is shown and the other grades."""
    fits = (n for n in range(99) if is_shown(n, SHOWN) and not is_shown(n, HIDDEN[0]))
    return next(fits)


@pytest.fixture
def record(clone, manifest):
    bug = Bug(
        path="ledgerlite/dates.py",
        function="quarter_of",
        operator="integer",
        site=3,
        reproduction=SHOWN,
        failure="AssertionError: assert 1 == 2",
        line=0,
        hidden=HIDDEN,
        seed=seed(),
        zipf=1.5,
        codebase="ledgerlite",
    )
    head = clone.run("rev-parse", "HEAD").strip()
    found = InstanceRecord(
        instance_id="seqswe__ledgerlite-bug-0000",
        base_commit=head,
        gold_commit=head,
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        environment=manifest.environments[0].key,
        statement_source="injected",
        gold_files=("ledgerlite/dates.py",),
        test_files=("tests/test_dates.py",),
        bug=bug.as_json(),
    )
    return with_digests(clone, found)


def opened(provider, manifest, delivery, instance, folder):
    spec = SandboxSpec(
        environment=manifest.environment(instance.environment),
        checkout=delivery.checkout(instance, folder),
    )
    return spec, provider.open(spec)


def test_texts_are_made_again_and_checked(clone, manifest, record):
    instance = instance_of(clone, manifest, record, {})
    assert instance.synthetic
    assert instance.task(3).synthetic
    assert GOOD in instance.patch
    assert f"-    {GOOD}" in instance.bug_patch
    assert "test_quarter_of_month" in instance.test_patch
    changed = replace(record, bug={**record.bug, "site": 2})
    with pytest.raises(ManifestError, match="not the one that was validated"):
        instances_of(clone, manifest, [changed], {})


def test_a_recipe_that_fits_no_more_is_an_error(clone, record):
    with pytest.raises(ManifestError, match="no site 99 of integer in quarter_of"):
        texts_of(clone, replace(record, bug={**record.bug, "site": 99}))


def test_the_agent_finds_neither_the_line_nor_the_grading_tests(clone, manifest, record, tmp_path):
    instance = instance_of(clone, manifest, record, {})
    delivery = Checkouts(clone, [instance.base_commit], tmp_path / "history")
    spec, sandbox = opened(LocalProvider(), manifest, delivery, instance, tmp_path / "objects")
    try:
        assert str(audit(sandbox, spec, delivery.reachable)).endswith("0 extra, 0 missing")
        assert sandbox.run("git rev-list --all").text.split() == [spec.checkout.commit]
        assert sandbox.run("git rev-parse HEAD~").exit_code != 0
        everything = sandbox.run(
            "git cat-file --batch-all-objects --batch-check='%(objectname) %(objecttype)' |"
            " awk '$2 == \"blob\" {print $1}' | git cat-file --batch"
        ).text
        assert "def quarter_of" in everything
        assert GOOD not in everything
        assert "test_quarter_of_month" not in everything
        assert "def test_quarter_start(" in everything
    finally:
        sandbox.close()


def test_the_same_instance_gives_the_same_commit(clone, manifest, record, tmp_path):
    instance = instance_of(clone, manifest, record, {})
    commits = []
    for name in ("a", "b"):
        delivery = Checkouts(clone, [instance.base_commit], tmp_path / name)
        commits.append(delivery.checkout(instance, tmp_path / f"objects-{name}").commit)
    assert commits[0] == commits[1] != instance.base_commit


def test_it_is_validated_like_any_other(clone, manifest, record, tmp_path):
    instance = instance_of(clone, manifest, record, {})
    delivery = Checkouts(clone, [instance.base_commit], tmp_path / "history")
    provider = LocalProvider()

    def sandbox():
        return opened(provider, manifest, delivery, instance, tmp_path / "objects")[1]

    grader = Grader(layout=manifest.layout, tests=manifest.tests)
    found = validate(record, instance, grader, sandbox)
    assert found.problem == ""
    assert set(found.record.FAIL_TO_PASS) >= {f"{HIDDEN[0]}[1-1]"}
    graded = {*found.record.FAIL_TO_PASS, *found.record.PASS_TO_PASS}
    assert all(grades(record, test) for test in graded)
    assert SHOWN not in graded


def test_the_recurrence_is_written_down(manifest, record, tmp_path):
    told = Synthetic(codebase="ledgerlite", seed=0, zipf=1.5, recurrence=0.5, note="x")
    made = replace(manifest, name="t", synthetic=told, instances=(record,))
    manifests.save(made, tmp_path / "t")
    read = manifests.load(str(tmp_path / "t"))
    assert read.synthetic == told
    assert read.instances == (record,)


def test_patches_of_files_without_a_last_newline():
    patch = file_patch("a.py", "x = 1\ny = 2", "x = 1\ny = 3")
    assert patch.count("\\ No newline at end of file\n") == 2
    assert file_patch("a.py", "same", "same") == ""
