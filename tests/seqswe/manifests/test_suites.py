"""Released suites: what their names stand for is pinned here, and nothing may change it."""

import gzip
import shutil

import pytest

from seqswe.errors import ManifestError, UnknownName, UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.suites import check_no_suite, load_suite, suite_of, suites

RELEASED = {
    "click-117@1": "sha256:d65ea47516415e472b80dcebe54e68fb49480a0b32dbf8cc5018138732a1c300",
    "seqswe-full@1": "sha256:b6881066dbf95be4b95c40e7225011cee7bb3e4a670eacf67cdaad7cf658be3d",
    "seqswe-lite@1": "sha256:4c94c1916d01e72e83bfdd944b95197838f4ed56e3787404622bcd9af2b465d2",
    "sqlglot-340@1": "sha256:3ea62b80073a36f03d3a5bf887ff291a72e3cb5b779b568c220dbe085142f07e",
}
"""Digests of what ships. No line here is ever changed: what must differ is a new version."""


@pytest.fixture
def own(monkeypatch, tmp_path):
    """A folder of suites of one's own, with a copy of one that ships."""
    monkeypatch.setenv("SEQSWE_CODEBASES", str(tmp_path))
    shutil.copytree(load_suite("click-117@1").folder, tmp_path / "suites" / "mine@1")
    path = tmp_path / "suites" / "mine@1" / "suite.toml"
    path.write_text(path.read_text().replace('"click-117"', '"mine"'))
    return path


def test_every_suite_that_ships_is_pinned(monkeypatch, tmp_path):
    monkeypatch.setenv("SEQSWE_CODEBASES", str(tmp_path))
    assert suites() == sorted(RELEASED)


@pytest.mark.parametrize("label", RELEASED)
def test_a_released_suite_is_what_it_was(label):
    suite = load_suite(label)
    assert suite.digest == RELEASED[label]
    for member in suite.members:
        manifest = suite.manifest(member)
        described = {environment.key for environment in manifest.environments}
        assert {record.environment for record in manifest.instances} == described
        assert manifests.load(suite.codebase(member)).digest == manifest.digest


def test_the_lite_suite_is_six_windows_of_sixty():
    suite = load_suite("seqswe-lite@1")
    assert [member.tasks for member in suite.members] == [60] * 6
    assert {member.span for member in suite.members} == {"-60:"}


def test_a_name_alone_is_its_newest_version(own):
    text = own.read_text()
    newer = own.parent.with_name("mine@12") / "suite.toml"
    shutil.copytree(own.parent, newer.parent)
    newer.write_text(text.replace("version = 1\n", "version = 12\n", 1))
    shutil.copytree(newer.parent, newer.parent.with_name("mine@2"))
    assert load_suite("mine").label == "mine@12"
    with pytest.raises(UnknownName, match=r"unknown suite 'mine@3'"):
        load_suite("mine@3")


def test_a_copied_folder_does_not_pass_for_another_version(own):
    shutil.copytree(own.parent, own.parent.with_name("mine@2"))
    with pytest.raises(ManifestError, match="is of mine@1"):
        load_suite("mine@2")


@pytest.mark.parametrize("file", ["instances.jsonl", "manifest.toml"])
def test_facts_that_were_changed_are_refused(own, file):
    path = own.parent / "click" / file
    path.write_text(path.read_text() + "\n" * (file == "manifest.toml"))
    if file == "instances.jsonl":
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(lines[:-1]))  # a task less
    suite = load_suite("mine")
    with pytest.raises(ManifestError, match="is not what mine@1 was released with") as refused:
        suite.manifest(suite.members[0])
    assert "never changes" in refused.value.hint


@pytest.mark.parametrize("level", [1, 9])
def test_compressed_facts_are_the_same_however_they_were_compressed(own, level):
    path = own.parent / "click" / "instances.jsonl"
    path.with_suffix(".jsonl.gz").write_bytes(gzip.compress(path.read_bytes(), level))
    path.unlink()
    suite = load_suite("mine")
    [member] = suite.members
    assert suite.manifest(member).digest == load_suite("click-117").manifest(member).digest
    path = path.with_suffix(".jsonl.gz")
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"1", b"2", 1)))
    with pytest.raises(ManifestError):
        suite.manifest(member)


def test_what_is_saved_compressed_is_the_same_file_each_time(tmp_path):
    manifest = manifests.load("click-117@1/click")
    for name in ("a", "b", "plain"):
        manifests.save(manifest, tmp_path / name, compressed=name != "plain")
    packed = [tmp_path / name / "instances.jsonl.gz" for name in ("a", "b")]
    assert packed[0].read_bytes() == packed[1].read_bytes()
    plain = (tmp_path / "plain" / "instances.jsonl").read_bytes()
    assert gzip.decompress(packed[0].read_bytes()) == plain
    assert manifests.load(str(tmp_path / "a")).digest == manifest.digest


def test_nothing_is_written_into_a_suite(own):
    with pytest.raises(UsageError, match="belongs to a released suite"):
        check_no_suite(own.parent / "click")
    check_no_suite(own.parent)


def test_a_suite_is_known_by_the_codebases_name():
    assert suite_of("seqswe-lite@1/click") == "seqswe-lite@1"
    assert suite_of("/somewhere/seqswe-lite@1/click") == "seqswe-lite@1"
    assert suite_of("click") == suite_of("folder/click") == ""
