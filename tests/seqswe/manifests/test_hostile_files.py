"""Malformed and hostile files: two short lines that name file, line and field, within a second."""

import gzip
import json
import time
from dataclasses import replace

import pytest

from harness.codebases.statements.issues import load_issues
from seqswe.errors import UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.read import read_bytes, read_lines
from tests.seqswe.manifests.test_parse_manifest import TOML, record

LINE = manifests.record_json(record(1))
LONG = "x" * 100_000


def refused(act, *said):
    """Whether it raises two short lines with these words, soon."""
    start = time.process_time()
    with pytest.raises(UsageError) as caught:
        act()
    assert time.process_time() - start < 2
    error = caught.value
    for text in (error.message, error.hint):
        assert 0 < len(text) <= 300
        assert "\n" not in text
    for words in said:
        assert words in error.message, error.message
    return True


@pytest.fixture
def load(tmp_path):
    """Loads a folder with this manifest.toml and these bytes as its instances."""

    def loaded(toml=TOML, lines=b"", name="instances.jsonl"):
        data = toml if isinstance(toml, bytes) else toml.encode()
        (tmp_path / "manifest.toml").write_bytes(data)
        (tmp_path / name).write_bytes(lines)
        return manifests.load(str(tmp_path))

    return loaded


def line(**fields):
    return (json.dumps({**LINE, **fields}) + "\n").encode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("instance_id", "x/../../mine"),
        ("instance_id", "a..b"),
        ("instance_id", ".."),
        ("instance_id", "/etc/passwd"),
        ("instance_id", "-x"),
        ("instance_id", "a\nb"),
        ("instance_id", "a\n"),
        ("instance_id", "\ud800"),
        ("instance_id", "x" * 201),
        ("instance_id", ""),
        ("base_commit", "--output=FILE"),
        ("base_commit", "HEAD"),
        ("base_commit", "a" * 39),
        ("base_commit", "A" * 40),
        ("gold_commit", "a" * 41),
        ("gold_commit", "a" * 40 + "\n"),
        ("environment", "../x"),
        ("gold_files", ["/etc/passwd"]),
        ("gold_files", ["a/../../b"]),
        ("test_files", ["--cache-clear"]),
        ("test_files", "tests"),
        ("created_at", "0001-01-01T00:00:00+14:00"),
        ("created_at", 10**400),
        ("digests", [[[[]]]]),
        ("FAIL_TO_PASS", [LONG, 3]),
    ],
)
def test_a_value_that_cannot_be_is_named_with_line_and_field(load, field, value):
    assert refused(lambda: load(lines=line(**{field: value})), "line 1", f"field {field!r}")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('name = "toy"', 'name = "../toy"', "name"),
        ('name = "toy"', 'name = "Toy"', "name"),
        ('name = "toy"', f'name = "{LONG}"', "name"),
        ('"someone/toy"', '"someone/../toy"', "repo"),
        ('"someone/toy"', '"toy"', "repo"),
        ('"someone/toy"', '"a/b/c"', "repo"),
        ('"https://example.org/toy.git"', '"--upload-pack=x"', "url"),
        ('"https://example.org/toy.git"', '"ext::sh -c x"', "url"),
        ('"https://example.org/toy.git"', '"ssh://-oProxyCommand=x/y"', "url"),
        ('"https://example.org/toy.git"', "0x" + "f" * 5000, "url"),
        ("[python]", '[mining]\nhead = "--output=x"\n[python]', "head"),
        ("[python]", '[mining]\nmessage = "("\n[python]', "message"),
        ("[python]", "[mining]\nwindow = -1\n[python]", "window"),
        ("[python]", f"[mining]\nwindow = {10**100}\n[python]", "window"),
        ("[python]", "[tests]\nseconds = nan\n[python]", "seconds"),
        ("[python]", "[tests]\nseconds = inf\n[python]", "seconds"),
        ("[python]", f"[tests]\nseconds = {10**400}\n[python]", "seconds"),
        ("[python]", '[[environments]]\nkey = "../x"\n[python]', "key"),
        (
            "[python]",
            '[[environments]]\nkey = "x"\npython = "3.11"\nrequirements = ["-r /x"]\n[python]',
            "requirements",
        ),
    ],
)
def test_a_value_of_a_manifest_that_cannot_be_is_named(load, old, new, field):
    assert old in TOML
    assert refused(lambda: load(TOML.replace(old, new)), "manifest.toml", f"field {field!r}")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"x = " + b"[" * 100_000, "nested too deeply"),
        (b"x = " + b"{a=" * 100_000, "nested too deeply"),
        (b".".join([b"a"] * 2_000) + b" = 1", "deep"),
        (b"x = " + b"9" * 5_000, "line 1: a number of more than"),
        (b"x = 1\x00", "not TOML"),
        (b"# " + b"x" * 25_000_000, "larger than"),
        (LONG.encode() + b" = 1\n", "unknown field 'xxxx"),
    ],
    ids=["bytes", "lists", "tables", "dots", "digits", "null", "size", "long name"],
)
def test_a_manifest_that_is_none_is_refused(load, data, said):
    assert refused(lambda: load(data), "manifest.toml", said)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfe\n", "not UTF-8"),
        (b"[" * 200_000 + b"\n", "levels deep"),
        (b'{"a":' * 40 + b"1" + b"}" * 40 + b"\n", "levels deep"),
        (b"9" * 5_000 + b"\n", "must be a number of at most 18 digits"),
        (b"null\n", "must be a table"),
        (b"\n", "not JSON"),
        (b'"' + b"x" * 25_000_000 + b'"\n', "longer than"),
        (b'{"' + LONG.encode() + b'": 1}\n', "unknown field 'xxxx"),
    ],
    ids=["bytes", "lists", "tables", "digits", "null", "empty", "size", "long name"],
)
def test_a_line_that_is_none_is_refused(load, data, said):
    assert refused(lambda: load(lines=line() + data), "instances.jsonl, line 2", said)


def test_a_line_of_100_megabytes_is_not_read(load):
    assert refused(lambda: load(lines=b"x" * 100_000_000), "line 1", "longer than")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"not gzip", "Not a gzipped file"),
        (gzip.compress(b"")[:-4], "ended before"),
        (gzip.compress(b"")[:10] + b"\xff" * 40, "invalid"),
        (gzip.compress(b"x" * 100_000_000), "line 1: longer than"),
    ],
    ids=["another file", "cut", "damaged", "large"],
)
def test_a_compressed_file_that_is_none_is_refused(load, data, said):
    assert refused(lambda: load(lines=data, name="instances.jsonl.gz"), said)


def test_what_was_compressed_may_not_be_larger_than_a_file(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"12345\n" * 1_000))
    assert len(read_bytes(path, most=6_000)) == 6_000
    assert refused(lambda: read_bytes(path, most=5_999), "larger than 5,999 bytes")
    assert len(list(read_lines(path, "", file_bytes=6_000))) == 1_000
    assert refused(lambda: list(read_lines(path, "", file_bytes=5_999)), "larger than 5,999 bytes")


def test_what_is_out_of_order_or_twice_is_named_with_its_line(load):
    later = manifests.record_json(record(2))
    both = line() + line(instance_id="toy-0", created_at="2019-01-01T00:00:00+00:00")
    assert refused(lambda: load(lines=both), "line 2", "'created_at'", "toy-0 is dated before")
    twice = line() + line(created_at=later["created_at"])
    assert refused(lambda: load(lines=twice), "line 2", "'instance_id'", "occurs twice")


def test_a_folder_in_place_of_a_file_is_said(tmp_path, load):
    load()
    (tmp_path / "instances.jsonl").unlink()
    (tmp_path / "instances.jsonl").mkdir()
    assert refused(lambda: manifests.load(str(tmp_path)), "is not a file")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\n", "not UTF-8"),
        (b"[]\n", "'number' is missing"),
        (b'{"number": "7"}\n', "'number' is of the wrong type"),
        (b'{"number": 7, "title": [], "body": null, "created_at": ""}\n', "'title'"),
        (b'{"number": 7, "title": "", "body": null, "created_at": 5}\n', "'created_at'"),
        (b'{"number": 7, "title": "", "body": "", "created_at": "2024"}\n', "'created_at'"),
        (b"[" * 100_000 + b"\n", "levels deep"),
    ],
)
def test_an_issues_file_is_read_as_carefully(tmp_path, data, said):
    path = tmp_path / "issues.jsonl"
    path.write_bytes(data)
    assert refused(lambda: load_issues(str(path)), "line 1", said)
    assert refused(lambda: load_issues(str(tmp_path / "none")), "cannot read")


def test_real_ids_and_names_fit(load):
    good = replace(
        record(1),
        instance_id="more-itertools__more-itertools-0123456789",
        base_commit="0" * 64,
        test_files=("tests/test_it's [x].py", "a..b/c.py"),
    )
    text = (json.dumps(manifests.record_json(good)) + "\n").encode()
    assert load(lines=text).instances == (good,)
    for url in ("git@github.com:a/b.git", "/home/me/a..b/x y", "file:///x", "ssh://git@h:22/x"):
        assert load(TOML.replace("https://example.org/toy.git", url)).url == url
