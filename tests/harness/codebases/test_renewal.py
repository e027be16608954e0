"""Statements made anew for tasks that are proved: texts change, proofs stay."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from harness.codebases import instances
from harness.codebases.instances import instances_of
from harness.codebases.mining import mine
from harness.codebases.renewal import renew
from harness.codebases.statements.issues import Issue
from harness.codebases.statements.rules import LATEST
from harness.history.git import Clone
from seqswe.cli import main
from seqswe.errors import ManifestError, MissingError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import Mining
from tests.harness.projects import commit, manifest_of

ISSUES = {7: Issue(title="It breaks", body="", created_at=datetime(2024, 1, 1, tzinfo=UTC))}


@pytest.fixture
def codebase(tmp_path):
    """A clone, and a manifest whose statements were made by rules of old."""
    folder = tmp_path / "clone"
    for day, message in enumerate(("Start", "fix(a): mend a. Fixes #7", "wip or not"), 1):
        commit(folder, {"tiny/a.py": f"{day}\n", "tests/test_a.py": f"{day}\n"}, message, day=day)
    manifest = manifest_of(tmp_path / "tiny", url=str(folder))
    records = tuple(
        replace(
            record,
            FAIL_TO_PASS=("tests/test_a.py::test_a",),
            statement_source="commit",
            digests={**record.digests, "statement": "sha256:" + "0" * 64},
        )
        for record in mine(Clone(folder), manifest, {}).records
    )
    old = replace(manifest, mining=Mining(), instances=records)
    manifests.save(old, tmp_path / "tiny")
    return tmp_path / "tiny"


def call(*words):
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return ended.value.code


def test_statements_of_other_rules_are_refused_and_the_way_out_is_named(codebase):
    manifest = manifests.load(str(codebase))
    with pytest.raises(ManifestError, match="made by rules 1") as caught:
        instances_of(Clone(codebase.parent / "clone"), manifest, manifest.instances, {})
    assert "--renew" in caught.value.hint


def test_renewed_they_are_read_again_and_keep_their_proofs(codebase, capsys):
    before = manifests.load(str(codebase))
    assert call("statements", codebase, "--renew") == 0
    said = capsys.readouterr()
    assert "2 of 2 statements are other ones" in said.err
    assert said.out == "tiny: 2 tasks, 0 with a symptom; statements: 2 from commit messages\n"
    after = manifests.load(str(codebase))
    assert after.mining.statements == LATEST.version
    made = instances_of(Clone(codebase.parent / "clone"), after, after.instances, {})
    assert made[0].problem_statement == "mend a\n"
    for old, new in zip(before.instances, after.instances, strict=True):
        assert replace(new, digests=old.digests) == old


def test_an_issue_that_is_not_at_hand_is_kept_and_its_task_says_so(codebase):
    manifest = manifests.load(str(codebase))
    clone = Clone(codebase.parent / "clone")
    found = renew(clone, manifest, manifest.instances, ISSUES)
    assert [r.statement_source for r in found.records] == ["issue:7", "commit"]
    assert renew(clone, manifest, found.records, {}).records == found.records
    renewed = replace(manifest, mining=Mining(statements=LATEST.version), instances=found.records)
    assert instances_of(clone, renewed, found.records, ISSUES)[0].problem_statement == "It breaks\n"
    with pytest.raises(MissingError, match="the text of issue:7 is not at hand"):
        instances_of(clone, renewed, found.records, {})


def test_a_task_that_nothing_is_said_about_is_dropped(codebase):
    folder = codebase.parent / "clone"
    commit(folder, {"tiny/a.py": "9\n", "tests/test_a.py": "9\n"}, "Mend b", day=9)
    manifest = manifests.load(str(codebase))
    last = mine(
        Clone(folder), replace(manifest, mining=Mining(statements=LATEST.version)), {}
    ).records[-1]
    commit(folder, {"tiny/a.py": "10\n", "tests/test_a.py": "10\n"}, "wip", day=10)
    found = renew(Clone(folder), manifest, [last], {})
    assert found.records == (last,)
    silent = Clone(folder).run("rev-parse", "HEAD").strip()
    digests = mine_digests(folder, last.gold_commit, silent)
    record = replace(last, base_commit=last.gold_commit, gold_commit=silent, digests=digests)
    assert renew(Clone(folder), manifest, [record], {}).dropped == (record,)


def mine_digests(folder, base, gold):
    from harness.codebases.mining import split_diff
    from harness.history.walk import diff
    from seqswe.instance import digest_of

    patches = split_diff(diff(Clone(folder), base, gold), manifest_of(folder).layout)
    return {"patch": digest_of(patches.patch), "test_patch": digest_of(patches.test_patch)}


def test_another_patch_than_the_proved_one_is_refused(codebase):
    manifest = manifests.load(str(codebase))
    other = replace(manifest.instances[0], digests={"patch": "sha256:" + "1" * 64})
    with pytest.raises(ManifestError, match="the patch in the clone is not the one"):
        renew(Clone(codebase.parent / "clone"), manifest, [other], {})


def test_commits_that_the_clone_lacks_are_named(codebase, capsys):
    manifest = manifests.load(str(codebase))
    lost = replace(manifest.instances[0], base_commit="0" * 40)
    manifests.save(replace(manifest, instances=(lost,)), codebase)
    assert call("statements", codebase, "--renew") == 3
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_texts_are_kept_in_the_cache_and_held_against_the_manifest(codebase, tmp_path, monkeypatch):
    monkeypatch.setenv("SEQSWE_CACHE", str(tmp_path / "cache"))
    manifest, clone = manifests.load(str(codebase)), Clone(codebase.parent / "clone")
    records = renew(clone, manifest, manifest.instances, {}).records
    renewed = replace(manifest, mining=Mining(statements=LATEST.version), instances=records)
    made = instances_of(clone, renewed, records, {})
    kept = sorted((tmp_path / "cache" / "texts").iterdir())
    assert len(kept) == len(made) == 2
    kept[0].write_text(kept[0].read_text().replace("diff --git", "diff --gti"))
    kept[1].write_text("{")
    assert instances_of(clone, renewed, records, {}) == made  # made anew
    monkeypatch.setattr(instances, "texts_of", None)  # which takes several gits
    assert instances_of(clone, renewed, records, {}) == made
