"""Test ids in a table of their own: written and read back, and foreign ones refused."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqswe.errors import ManifestError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import record_json

NAMES = st.lists(st.text(max_size=6), max_size=30, unique=True)


@given(NAMES, NAMES, st.booleans())
def test_any_lists_come_back_as_they_were(ledgerlite, tmp_path_factory, fixed, kept, ordered):
    path = tmp_path_factory.mktemp("ids") / "instances.jsonl"
    kept = sorted(kept) if ordered else kept
    first = replace(
        ledgerlite.instances[0], FAIL_TO_PASS=tuple(fixed), PASS_TO_PASS=tuple(kept), flaky=()
    )
    records = (first, replace(ledgerlite.instances[1], PASS_TO_PASS=tuple(fixed)))
    manifests.save_instances(records, path)
    assert manifests.load_instances(path) == records


def test_ids_that_tasks_share_are_written_once(ledgerlite, tmp_path):
    path = tmp_path / "instances.jsonl"
    manifests.save_instances(ledgerlite.instances, path)
    name = next(r.PASS_TO_PASS[0] for r in ledgerlite.instances if r.PASS_TO_PASS)
    assert path.read_text().count(json.dumps(name)) == 1
    whole = sum(len(json.dumps(record_json(r))) for r in ledgerlite.instances)
    assert path.stat().st_size < whole / 2


def test_a_long_table_has_several_lines(ledgerlite, tmp_path):
    path = tmp_path / "instances.jsonl"
    ids = tuple(f"tests/test_a.py::test_{n:05}" for n in range(4500))
    record = replace(ledgerlite.instances[0], FAIL_TO_PASS=ids[:1], PASS_TO_PASS=ids)
    manifests.save_instances([record], path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [len(line.get("test_ids", ())) for line in lines[:-1]] == [2000, 2000, 500]
    assert ids == manifests.load_instances(path)[0].PASS_TO_PASS


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        ("0-3", "is not above"),
        ("1 0", "is not above"),
        ("0 0-1", "is not above"),
        ("1-0", "is not above"),
        ("-1", "neither a list nor ranges"),
        ("0,1", "neither a list nor ranges"),
        ("0 ", "neither a list nor ranges"),
        ("9999999999", "neither a list nor ranges"),
        (7, "PASS_TO_PASS"),
        (["tests/test_a.py::x", 7], "PASS_TO_PASS"),
    ],
)
def test_ranges_that_name_nothing_are_refused(ledgerlite, tmp_path, ranges, said):
    record = record_json(ledgerlite.instances[0]) | {"PASS_TO_PASS": ranges}
    table = {"test_ids": ["tests/test_a.py::a", "tests/test_a.py::b", "tests/test_a.py::c"]}
    with pytest.raises(ManifestError) as caught:
        load(tmp_path, table, record)
    assert said in str(caught.value)
    assert "line 2" in str(caught.value)


@pytest.mark.parametrize("table", ["a", 7, [1], [None], {"a": 1}])
def test_a_table_that_is_no_list_of_texts_is_refused(tmp_path, table):
    with pytest.raises(ManifestError, match="line 1: field 'test_ids'"):
        load(tmp_path, {"test_ids": table})


def test_short_lines_do_not_name_millions(ledgerlite, tmp_path, monkeypatch):
    monkeypatch.setattr("seqswe.manifests.test_ids.MOST", 250)
    table = {"test_ids": [str(number) for number in range(100)]}
    facts = record_json(ledgerlite.instances[0]) | {"FAIL_TO_PASS": [], "PASS_TO_PASS": "0-99"}
    records = [facts | {"instance_id": f"x__y-{number}"} for number in range(3)]
    assert len(load(tmp_path, table, *records[:2])) == 2
    with pytest.raises(ManifestError, match="more than 250 test ids in all"):
        load(tmp_path, table, *records)


def load(folder, *lines):
    """The instances of a file with these lines."""
    path = folder / "instances.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return manifests.load_instances(path)
