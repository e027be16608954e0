"""SWE-bench's tasks as sequences here: every form of file, true order, texts and fields kept."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest

from harness.codebases.imported import FILE, imported_texts
from harness.codebases.instances import instances_of
from harness.codebases.order import check_order
from harness.commands.mine import CANDIDATES
from harness.history.git import Clone
from harness.history.walk import diff
from seqswe.cli import main
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.foreign_rows import read_rows
from tests.harness.projects import commit, git


@pytest.fixture
def project(tmp_path):
    """A mirror with one repository of four fixes, and their rows, oldest first."""
    folder = tmp_path / "mirror" / "owner+tiny" / "repo"
    commit(folder, {"tiny/__init__.py": "", "tests/test_a.py": "x = 0\n"}, "Begin", day=0)
    for day in range(1, 5):
        files = {"tiny/a.py": f"value = {day}\n", "tests/test_a.py": f"x = {day}\n"}
        commit(folder, files, f"Mend {day}", day=day)
    clone = Clone(folder / ".git")
    line = clone.first_parents("HEAD")
    return tmp_path / "mirror", [row(clone, *pair) for pair in pairwise(line)]


def row(clone, base, gold):
    text = diff(clone, base, gold)
    tests = text.partition("diff --git a/tiny")[0]
    source = text.removeprefix(tests)
    return {
        "repo": "owner/tiny",
        "instance_id": f"owner__tiny-{gold[:8]}",
        "base_commit": base,
        "problem_statement": f"Value is wrong after {base[:8]} – fix it\r\n",
        "patch": source,
        "test_patch": tests,
        "FAIL_TO_PASS": '["tests/test_a.py::test_x"]',
        "of_others": {"difficulty": 3},
    }


def as_cl(rows):
    """The same in SWE-Bench-CL's tables."""
    tasks = [
        {
            "metadata": {k: r[k] for k in ("repo", "instance_id", "base_commit")},
            "task": {"problem_statement": r["problem_statement"]},
            "evaluation": {k: r[k] for k in ("patch", "test_patch", "FAIL_TO_PASS")},
            "continual_learning": {"sequence_position": n},
        }
        for n, r in enumerate(rows, 1)
    ]
    return {"sequences": [{"id": "tiny", "tasks": tasks}]}


def write(path, rows):
    if path.suffix == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        import pyarrow

        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    else:
        path.write_text(json.dumps(as_cl(rows) if path.stem == "cl" else rows))
    return path


def bring(capsys, file, mirror, out, *more):
    with pytest.raises(SystemExit) as ended:
        main(["import", str(file), "--mirror", str(mirror), "--out", str(out), *more])
    err = capsys.readouterr().err
    assert "Traceback" not in err
    return ended.value.code, err


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl", "rows.parquet", "cl.json"])
def test_rows_of_any_order_become_a_sequence_with_their_texts(project, tmp_path, capsys, name):
    mirror, rows = project
    mixed = [rows[2], rows[0], rows[3], rows[1]]
    code, err = bring(capsys, write(tmp_path / name, mixed), mirror, tmp_path / "out")
    assert code == 0, err
    folder = tmp_path / "out" / "tiny-imported"
    manifest = manifests.load(str(folder))
    records = manifests.load_instances(folder / CANDIDATES)
    assert [r.base_commit for r in records] == [r["base_commit"] for r in rows]
    clone = Clone(mirror / "owner+tiny" / "repo" / ".git")
    whole = replace(manifest, instances=records)
    check_order(clone, whole)
    made = instances_of(clone, whole, records, {})
    assert [i.problem_statement for i in made] == [r["problem_statement"] for r in rows]
    assert [(i.patch, i.test_patch) for i in made] == [(r["patch"], r["test_patch"]) for r in rows]
    assert {r.gold_files for r in records} == {("tiny/a.py",)}
    assert {r.test_files for r in records} == {("tests/test_a.py",)}
    kept = [json.loads(line) for line in (folder / FILE).read_text().splitlines()]
    unknown = "continual_learning" if name == "cl.json" else "of_others"
    assert all(unknown in row for row in kept)


def test_what_cannot_stand_in_a_sequence_is_counted_with_its_reason(project, tmp_path, capsys):
    mirror, rows = project
    folder = mirror / "owner+tiny" / "repo"
    side = git(folder, "commit-tree", "-m", "beside", "-p", rows[0]["base_commit"], "HEAD^{tree}")
    bad = [
        rows[0],
        rows[0],
        rows[1] | {"base_commit": side.strip(), "instance_id": "beside"},
        rows[1] | {"base_commit": "0" * 40, "instance_id": "unknown"},
        rows[1] | {"patch": "nothing", "instance_id": "no-patch"},
        rows[1] | {"test_patch": rows[1]["patch"], "instance_id": "no-tests"},
        rows[1] | {"problem_statement": " ", "instance_id": "says-nothing"},
        rows[1] | {"problem_statement": "\ud800", "instance_id": "half"},
        rows[1] | {"instance_id": rows[0]["instance_id"].upper()},
        rows[1] | {"patch": rows[1]["patch"].replace("tiny/a.py", "../a.py"), "instance_id": "up"},
        rows[1] | {"repo": "owner/away", "instance_id": "away"},
    ]
    code, err = bring(capsys, write(tmp_path / "bad.json", bad), mirror, tmp_path / "out")
    assert code == 0, err
    for reason in (
        "1 left out: it stands in the file twice",
        "1 left out: the head of the clone does not reach its base",
        "1 left out: the clone lacks its base",
        "1 left out: its patch does not come apart",
        "1 left out: its test patch changes no test module",
        "1 left out: it has no statement",
        "1 left out: it holds half a character",
        "1 left out: its id differs from that of another only in case",
        "1 left out: its patch changes what lies outside of the repository",
        f"owner/away: 1 left out: the mirror {mirror} has no clone of it",
        "1 of 10 tasks are candidates",
    ):
        assert reason in err
    kept = tmp_path / "out" / "tiny-imported"
    manifest = manifests.load(str(kept))
    (record,) = manifests.load_instances(kept / CANDIDATES)
    assert imported_texts(manifest, record).statement == rows[0]["problem_statement"]
    code, err = bring(
        capsys, tmp_path / "bad.json", mirror, tmp_path / "out", "--repo", "owner/tiny"
    )
    assert code == 2
    assert "is there already" in err


def test_what_json_has_no_word_for_comes_back_from_parquet(project, tmp_path, capsys):
    mirror, rows = project
    odd = {"score": float("nan"), "of_others": {"list": [float("inf")], "large": 10**18}}
    file = write(tmp_path / "rows.parquet", [row | odd for row in rows])
    assert bring(capsys, file, mirror, tmp_path / "out")[0] == 0
    kept = [row.data for row in read_rows(tmp_path / "out" / "tiny-imported" / FILE)]
    assert [row["score"] for row in kept] == [None] * 4
    assert kept[0]["of_others"] == {"list": [None], "large": str(10**18)}


def test_a_repository_whose_name_begins_like_no_codebases(project, tmp_path, capsys):
    mirror, rows = project
    (mirror / "owner+tiny").rename(mirror / "owner+_Tiny")
    file = write(tmp_path / "rows.json", [row | {"repo": "owner/_Tiny"} for row in rows])
    code, err = bring(capsys, file, mirror, tmp_path / "out")
    assert code == 0, err
    assert manifests.load(str(tmp_path / "out" / "tiny-imported")).repo == "owner/_Tiny"


def test_a_base_that_was_merged_stands_before_what_merged_it(project, tmp_path, capsys):
    mirror, rows = project
    folder = mirror / "owner+tiny" / "repo"
    head = Clone(folder / ".git").commit_id("HEAD")
    sides = [
        git(folder, "commit-tree", "-m", f"side {n}", "-p", head, "HEAD^{tree}", day=5).strip()
        for n in range(2)
    ]
    parents = [word for sha in (head, *sides) for word in ("-p", sha)]
    merged = git(folder, "commit-tree", "-m", "merge", *parents, "HEAD^{tree}", day=6).strip()
    git(folder, "update-ref", "HEAD", merged)
    given = [
        rows[0] | {"base_commit": merged, "instance_id": "last"},
        rows[0] | {"base_commit": sides[0], "instance_id": "side"},
        rows[0] | {"base_commit": sides[1], "instance_id": "other-side"},
        rows[0],
    ]
    code, err = bring(capsys, write(tmp_path / "rows.json", given), mirror, tmp_path / "out")
    assert code == 0, err
    assert "1 left out: its base does not reach that of the task before" in err
    records = manifests.load_instances(tmp_path / "out" / "tiny-imported" / CANDIDATES)
    assert [r.instance_id for r in records] == [rows[0]["instance_id"], "side", "last"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[]", "holds no list of tasks"),
        ("[1]", "is no table of fields"),
        ('[{"instance_id": "../x"}]', "'instance_id' must be"),
        ('[{"instance_id": "a", "repo": "o/n", "base_commit": "12"}]', "'base_commit' must be"),
        ('{"sequences": [{"tasks": null}, {"tasks": 3}, {}]}', "holds no list of tasks"),
        ("{", "not JSON"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, capsys, text, wrong):
    (tmp_path / "rows.json").write_text(text)
    code, err = bring(capsys, tmp_path / "rows.json", tmp_path, tmp_path / "out")
    assert code == 2
    assert wrong in err
    assert len(err.strip().splitlines()) == 2
