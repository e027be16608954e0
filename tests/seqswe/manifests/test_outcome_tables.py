"""Outcome tables: what is read, and what each fault is called in two lines."""

import builtins
import json

import numpy as np
import pytest

from seqswe.errors import ManifestError, MissingError
from seqswe.manifests.outcome_tables import MAX_BYTES, read_outcome_table
from seqswe.visible import LONGEST

HEADER = "task,position,arm,seed,outcome"
ROWS = ("b,2,iid,0,1", "a,1,iid,0,0", "a,1,memory,0,1", "b,2,memory,0,0.5")


@pytest.fixture
def table(tmp_path):
    def make(*lines, name="t.csv", end="\n", header=HEADER, encoding="utf-8"):
        path = tmp_path / name
        text = end.join([header, *lines]) + end
        path.write_bytes(text.encode(encoding))
        return path

    return make


def test_tasks_stand_in_the_order_of_their_positions(table):
    found = read_outcome_table(table(*ROWS))
    assert found.tasks == ("a", "b")
    assert found.arms["iid"]["outcome"].tolist() == [[0.0], [1.0]]
    assert found.arms["memory"]["outcome"].tolist() == [[1.0], [0.5]]
    assert not found.binary


def test_a_row_that_is_not_there_and_an_empty_cell_are_missing(table):
    found = read_outcome_table(table(*ROWS, "a,1,memory,1,1", "b,2,memory,1,"))
    assert found.seeds == {"iid": ("0",), "memory": ("0", "1")}
    assert np.isnan(found.arms["memory"]["outcome"]).tolist() == [[False, False], [False, True]]
    assert np.isnan(found.arms["iid"]["cost"]).all()


def test_seeds_stand_in_the_order_of_their_numbers(table):
    rows = [f"{task},{place},iid,{seed},1" for place, task in enumerate("ab") for seed in (10, 9)]
    assert read_outcome_table(table(*rows)).seeds == {"iid": ("9", "10")}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_what_spreadsheets_write_is_read(table, separator, end, encoding):
    lines = [line.replace(",", separator) for line in ROWS]
    header = HEADER.replace(",", separator)
    found = read_outcome_table(table(*lines, end=end, header=header, encoding=encoding))
    assert found.arms["memory"]["outcome"].tolist() == [[1.0], [0.5]]


def test_names_of_columns_may_be_in_capitals_and_others_are_passed_over(table):
    rows = [f"{row},x,0.25" for row in ROWS]
    found = read_outcome_table(table(*rows, header=HEADER.upper() + ",note,Cost"))
    assert found.passed_over == ("note",)
    assert found.arms["iid"]["cost"].tolist() == [[0.25], [0.25]]


def test_a_cell_may_hold_a_separator_and_a_line_break(table):
    rows = ['"a, b\nc",0,iid,0,true', "d,1,iid,0,False"]
    found = read_outcome_table(table(*rows))
    assert found.tasks == ("a, b\nc", "d")
    assert found.binary


def test_json_lines_hold_the_same(tmp_path, table):
    path = tmp_path / "t.jsonl"
    names = HEADER.split(",")
    objects = [dict(zip(names, row.split(","), strict=True)) for row in ROWS]
    for o in objects:
        o.update(position=int(o["position"]), seed=int(o["seed"]), outcome=float(o["outcome"]))
    objects[1]["outcome"] = False
    path.write_text("".join(json.dumps(o) + "\n" for o in objects))
    found, same = read_outcome_table(path), read_outcome_table(table(*ROWS))
    for arm in ("iid", "memory"):
        assert found.arms[arm]["outcome"].tolist() == same.arms[arm]["outcome"].tolist()


def test_null_in_json_is_missing(tmp_path):
    path = tmp_path / "t.jsonl"
    lines = [
        {"task": t, "position": i, "arm": "iid", "seed": 0, "outcome": o}
        for i, (t, o) in enumerate((("a", None), ("b", 1)))
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    assert np.isnan(read_outcome_table(path).arms["iid"]["outcome"][0, 0])


def test_parquet_holds_the_same(tmp_path, table):
    pyarrow = pytest.importorskip("pyarrow", reason="pip install seqswe[parquet]")
    from pyarrow import parquet

    columns = list(zip(*(row.split(",") for row in ROWS), strict=True))
    arrays = {
        "task": columns[0],
        "position": [int(v) for v in columns[1]],
        "arm": columns[2],
        "seed": [int(v) for v in columns[3]],
        "outcome": [float(v) for v in columns[4]],
    }
    path = tmp_path / "t.parquet"
    parquet.write_table(pyarrow.table(arrays), path)
    found, same = read_outcome_table(path), read_outcome_table(table(*ROWS))
    assert found.arms["memory"]["outcome"].tolist() == same.arms["memory"]["outcome"].tolist()
    path.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(ManifestError, match="not Parquet"):
        read_outcome_table(path)


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(MissingError) as raised:
        read_outcome_table(path)
    assert raised.value.exit_code == 3
    assert "seqswe[parquet]" in raised.value.hint


FAULTS = {
    "no column seed": ("task,position,arm,outcome", "a,1,iid,0"),
    "no column task, position, arm, seed, outcome": ("a,b,c", "1,2,3"),
    "'arm' stands twice": (HEADER + ",arm", "a,1,iid,0,1,iid"),
    "4 cells": (HEADER, "a,1,iid,0"),
    "stands in line 2 too": (HEADER, "a,1,iid,0,1", "a,1,iid,0,1", "b,2,iid,0,1"),
    "is no number: '0,5'": (HEADER.replace(",", ";"), "a;1;iid;0;0,5"),
    "is no number: 'yes'": (HEADER, "a,1,iid,0,yes"),
    "outcome is nan": (HEADER, "a,1,iid,0,NaN"),
    "outcome is inf": (HEADER, "a,1,iid,0,inf"),
    "outcome 37.5 lies outside": (HEADER, "a,1,iid,0,37.5"),
    "outcome -1 lies outside": (HEADER, "a,1,iid,0,-1"),
    "cost -2 lies outside": (HEADER + ",cost", "a,1,iid,0,1,-2"),
    "tokens is no number": (HEADER + ",tokens", "a,1,iid,0,1,many"),
    "stands at position 2, and at 1": (HEADER, "a,1,iid,0,1", "a,2,memory,0,1"),
    "'a' and 'b' both stand at position 1": (HEADER, "a,1,iid,0,1", "b,1,iid,0,1"),
    "a whole number from 0, not '1.5'": (HEADER, "a,1.5,iid,0,1"),
    "a whole number from 0, not 'first'": (HEADER, "a,first,iid,0,1"),
    "a whole number from 0, not '-1'": (HEADER, "a,-1,iid,0,1"),
    "task must be a name": (HEADER, ",1,iid,0,1"),
    "arm must be a name": (HEADER, f"a,1,{'x' * 300},0,1"),
    "holds no rows": (HEADER,),
    "holds one task only": (HEADER, "a,1,iid,0,1"),
    "no CSV": (HEADER, 'a,1,iid,0,"1'),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_two_short_lines(table, fault):
    header, *rows = FAULTS[fault]
    with pytest.raises(ManifestError) as raised:
        read_outcome_table(table(*rows, header=header))
    assert fault in raised.value.message
    assert 0 < len(raised.value.hint) <= LONGEST
    assert len(raised.value.message) <= LONGEST
    assert "\n" not in raised.value.message + raised.value.hint
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        ("task".encode("utf-16"), "is UTF-16"),
        (b"task\xff", "not UTF-8 (byte 4)"),
        (b"\x00\x01\x02", "no column task"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, data, said):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(ManifestError) as raised:
        read_outcome_table(path)
    assert said in raised.value.message


@pytest.mark.parametrize(
    ("line", "said"),
    [("[1]", "not an object"), ("{", "not JSON"), ('{"task": NaN}', "finite")],
)
def test_a_line_that_is_no_object_is_refused(tmp_path, line, said):
    path = tmp_path / "t.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(ManifestError, match=said):
        read_outcome_table(path)


def test_what_is_not_there_or_no_table_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="cannot read"):
        read_outcome_table(tmp_path / "none.csv")
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(ManifestError, match="not a file"):
        read_outcome_table(tmp_path / "a.csv")
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    with pytest.raises(ManifestError, match="no outcome table"):
        read_outcome_table(tmp_path / "t.xlsx")


def test_a_huge_file_is_refused_unread(tmp_path):
    path = tmp_path / "t.csv"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ManifestError, match="larger than 200,000,000 bytes") as raised:
        read_outcome_table(path)
    assert "Leave out columns" in raised.value.hint


def test_more_cells_than_memory_are_refused(table, monkeypatch):
    monkeypatch.setattr("seqswe.manifests.outcome_tables.MAX_CELLS", 3)
    with pytest.raises(ManifestError, match="2 tasks and 2 runs"):
        read_outcome_table(table(*ROWS))
