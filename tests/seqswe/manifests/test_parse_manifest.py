"""Manifests are read strictly: what is wrong is named, with its place and the closest field."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import pytest

from seqswe.errors import ManifestError, UnknownName
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.convert import moment, parse
from seqswe.manifests.manifest import InstanceRecord, Layout, Manifest, PythonSettings
from seqswe.patterns import NAME, Between
from seqswe.sandbox import Environment

TOML = """
name = "toy"
repo = "someone/toy"
url = "https://example.org/toy.git"
licence = "MIT"
[layout]
source = ["toy"]
tests = ["tests"]
[python]
version = "3.11"
"""
START = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Inner:
    word: str


@dataclass(frozen=True)
class Outer:
    count: int
    ratio: float = 0.0
    inner: Inner | None = None
    words: tuple[str, ...] = ()
    colour: Literal["red", "blue"] = "red"
    when: datetime = START


def record(number, **values):
    base = InstanceRecord(
        instance_id=f"toy-{number}",
        base_commit="a" * 40,
        gold_commit="b" * 40,
        created_at=START + timedelta(days=number),
        environment="env",
        statement_source="commit",
        gold_files=("toy/a.py",),
        test_files=("tests/test_a.py",),
        FAIL_TO_PASS=("tests/test_a.py::test_ü",),
    )
    return replace(base, **values)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "manifest.toml").write_text(TOML)
    return tmp_path


def write_instances(folder, *records):
    manifests.save_instances(records, folder / "instances.jsonl")


def test_a_whole_mapping_becomes_its_dataclass():
    data = {"count": 3, "ratio": 1, "inner": {"word": "x"}, "words": ["a", "b"], "colour": "blue"}
    assert parse(Outer, data, "here") == Outer(
        count=3, ratio=1.0, inner=Inner("x"), words=("a", "b"), colour="blue"
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "here: field 'count' is missing"),
        ({"cuont": 3}, "here: unknown field 'cuont'"),
        ({"count": "3"}, "field 'count' must be a whole number, not '3'"),
        ({"count": True}, "field 'count' must be a whole number, not True"),
        ({"count": False}, "field 'count' must be a whole number, not False"),
        ({"count": 1.0}, "field 'count' must be a whole number, not 1.0"),
        ({"count": 1, "ratio": True}, "field 'ratio' must be float, not True"),
        ({"count": 1, "inner": "x"}, "field 'inner' must be a table, not 'x'"),
        ({"count": 1, "inner": {"word": 1}}, "field 'inner': field 'word' must be a text"),
        ({"count": 1, "words": "ab"}, "field 'words' must be a list, not 'ab'"),
        ({"count": 1, "words": ["a", 2]}, "field 'words' must be a text, not 2"),
        ({"count": 1, "colour": "rde"}, "field 'colour' must be one of red, blue, not 'rde'"),
        ({"count": 1, "when": "soon"}, "field 'when' must be an ISO 8601 date with time zone"),
        ({"count": 1, "when": "2020-01-01T00:00:00"}, "must be an ISO 8601 date with time zone"),
    ],
)
def test_what_is_wrong_is_named(data, said):
    with pytest.raises(ManifestError) as caught:
        parse(Outer, data, "here")
    assert said in caught.value.message
    assert caught.value.hint


@dataclass(frozen=True)
class Marked:
    """Fields whose defaults may, and may not, be given."""

    count: Annotated[int, Between(least=0, most=9)] = 0
    name: Annotated[str, NAME] = ""
    share: float = 0.0


def test_a_default_that_is_given_is_checked_like_any_other_value():
    assert parse(Marked, {"count": 0, "share": -0.0}, "x") == Marked()
    assert str(parse(Marked, {"share": -0.0}, "x").share) == "-0.0"
    for wrong in ({"name": ""}, {"count": False}, {"count": 0.0}, {"count": ""}):
        with pytest.raises(ManifestError, match="must be"):
            parse(Marked, wrong, "x")


def test_the_closest_field_is_named():
    with pytest.raises(ManifestError) as caught:
        parse(Outer, {"cuont": 3}, "here")
    assert "Did you mean 'count'?" in caught.value.hint


def test_a_moment_keeps_its_zone():
    assert moment("2020-01-01T02:00:00+02:00", "x") == START
    assert moment(START, "x") is START


def test_a_manifest_survives_saving_and_loading(tmp_path):
    manifest = Manifest(
        name="toy",
        repo="someone/toy",
        url="",
        licence="MIT",
        layout=Layout(source=("toy",), tests=("tests",)),
        python=PythonSettings(version="3.11", extras=("dev",)),
        environments=(Environment(key="env", python="3.11", requirements=("pytest",)),),
        instances=(record(1, flaky=("t::x",), digests={"patch": "sha256:1"}), record(2)),
    )
    manifests.save(manifest, tmp_path)
    loaded = manifests.load(str(tmp_path))
    assert replace(loaded, folder=manifest.folder) == manifest
    assert loaded.digest == manifest.digest
    first = (tmp_path / "manifest.toml").read_bytes(), (tmp_path / "instances.jsonl").read_bytes()
    manifests.save(loaded, tmp_path)
    assert first == (
        (tmp_path / "manifest.toml").read_bytes(),
        (tmp_path / "instances.jsonl").read_bytes(),
    )


def test_shipped_manifests_load():
    assert "ledgerlite" in manifests.names()
    for name in manifests.names():
        assert manifests.load(name).name == name


def test_an_unknown_codebase_names_the_closest():
    with pytest.raises(UnknownName, match="unknown codebase 'ledgerlight'") as caught:
        manifests.load("ledgerlight")
    assert "Did you mean 'ledgerlite'?" in caught.value.hint


def test_a_path_cannot_reach_out_of_the_shipped_folder():
    with pytest.raises(UnknownName):
        manifests.load("../repos_manifest/ledgerlite")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("licens = 'MIT'", "unknown field 'licens'"),
        ("name = ", "not TOML"),
        ("schema_version = 2", "field 'schema_version' is 2, this SeqSWE reads 1"),
        ("folder = '/'", "unknown field 'folder'"),
        ("instances = []", "unknown field 'instances'"),
        ("mining = 3", "field 'mining' must be a table, not 3"),
    ],
)
def test_a_wrong_line_of_manifest_toml_is_named(folder, line, said):
    path = folder / "manifest.toml"
    path.write_text(line + "\n" + TOML)
    with pytest.raises(ManifestError) as caught:
        manifests.load(str(folder))
    assert said in caught.value.message
    assert str(path) in caught.value.message


def test_a_wrong_field_of_a_table_is_named_with_the_closest(folder):
    (folder / "manifest.toml").write_text(TOML + "[tests]\nargments = ['-x']\n")
    with pytest.raises(ManifestError, match="field 'tests': unknown field 'argments'") as caught:
        manifests.load(str(folder))
    assert "Did you mean 'arguments'?" in caught.value.hint


def test_a_manifest_that_is_no_text_is_refused(folder):
    (folder / "manifest.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ManifestError, match="not TOML"):
        manifests.load(str(folder))


def test_a_codebase_without_instances_has_none(folder):
    assert manifests.load(str(folder)).instances == ()


def test_dates_out_of_order_are_refused(folder):
    write_instances(folder, record(2), record(1))
    with pytest.raises(ManifestError, match="toy-1 is dated before toy-2"):
        manifests.load(str(folder))


def test_equal_dates_are_in_order(folder):
    write_instances(folder, record(1), record(2, created_at=record(1).created_at))
    assert len(manifests.load(str(folder)).instances) == 2


def test_dates_are_compared_across_zones(folder):
    later = datetime.fromisoformat("2020-01-01T23:30:00-05:00")  # 04:30 on the 2nd in UTC
    write_instances(folder, record(1), record(2, created_at=later))
    assert len(manifests.load(str(folder)).instances) == 2


def test_an_id_that_occurs_twice_is_refused(folder):
    write_instances(folder, record(1), record(1))
    with pytest.raises(ManifestError, match="occurs twice"):
        manifests.load(str(folder))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 3: not JSON"),
        ("[]", "line 3 must be a table"),
        ('{"instance_id": "x"}', "line 3: field 'base_commit' is missing"),
        ("", "line 3: not JSON"),
    ],
)
def test_a_damaged_line_of_instances_is_named(folder, line, said):
    path = folder / "instances.jsonl"
    write_instances(folder, record(1))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ManifestError) as caught:
        manifests.load(str(folder))
    assert said in caught.value.message


def test_an_unknown_environment_is_named(ledgerlite):
    with pytest.raises(ManifestError, match="no environment 'nope'"):
        ledgerlite.environment("nope")


def test_the_digest_names_the_instances_and_their_order(ledgerlite):
    fewer = replace(ledgerlite, instances=ledgerlite.instances[:-1])
    backwards = replace(ledgerlite, instances=ledgerlite.instances[::-1])
    assert len({ledgerlite.digest, fewer.digest, backwards.digest}) == 3


def test_records_are_written_without_empty_fields():
    data = manifests.record_json(record(1))
    assert "flaky" not in data
    assert data["PASS_TO_PASS"] == ()
    assert json.dumps(data)
