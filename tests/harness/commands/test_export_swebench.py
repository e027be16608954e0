"""Tasks in SWE-bench's fields: what its tools read, in the order of the sequence."""

import json

import pytest

from seqswe.cli import main


def exported(folder, *words):
    with pytest.raises(SystemExit) as ended:
        main(["export", "swebench", "--out", str(folder), *words])
    return ended.value.code


def test_a_line_has_the_fields_that_swebench_reads(tmp_path, ledgerlite):
    assert exported(tmp_path, "--codebase", "ledgerlite", "--limit", "3") == 0
    lines = (tmp_path / "ledgerlite.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    records = ledgerlite.instances[:3]
    assert [row["position"] for row in rows] == [0, 1, 2]
    for row, record in zip(rows, records, strict=True):
        assert row["instance_id"] == record.instance_id
        assert json.loads(row["FAIL_TO_PASS"]) == list(record.FAIL_TO_PASS)
        assert json.loads(row["PASS_TO_PASS"]) == list(record.PASS_TO_PASS)
        assert row["created_at"] == record.created_at.isoformat()
        assert row["patch"].startswith("diff --git ")
        assert row["test_patch"].startswith("diff --git ")
        assert row["problem_statement"]
        assert row["environment"]["lock"]
    assert "id: ledgerlite" in (tmp_path / "eval.yaml").read_text()
    assert "path: ledgerlite.jsonl" in (tmp_path / "README.md").read_text()


def test_a_choice_of_tasks_is_the_same_as_of_a_run(tmp_path, ledgerlite):
    assert exported(tmp_path, "--codebase", "ledgerlite", "--span", "10:12") == 0
    lines = (tmp_path / "ledgerlite.jsonl").read_text().splitlines()
    ids = [record.instance_id for record in ledgerlite.instances[10:12]]
    assert [json.loads(line)["instance_id"] for line in lines] == ids


def test_injected_bugs_are_refused(tmp_path, capsys):
    assert exported(tmp_path, "--codebase", "ledgerlite-injected", "--limit", "2") == 2
    assert "is an injected bug" in capsys.readouterr().err
