"""Predictions in every form that others write them, and what is said of a damaged one."""

import json

import pytest

from seqswe.errors import ManifestError
from seqswe.runs.predictions import (
    Prediction,
    read_predictions,
    write_jsonl,
    write_log,
    write_preds,
)
from seqswe.runs.rollout import TestsStatus, Verdict

PATCH = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+é\udcff\n"
ONE = {"instance_id": "a__a-1", "model_name_or_path": "m", "model_patch": PATCH}
TWO = {"instance_id": "b__b-2", "model_name_or_path": None, "model_patch": None, "cost": [1]}
EMPTY = {"instance_id": "c__c-3", "model_patch": ""}
ALL = (ONE, TWO, EMPTY)


def lay(folder, form):
    """One of the forms that predictions come in."""
    path = folder / {"jsonl": "p.jsonl", "folder": "runs"}.get(form, "p.json")
    if form == "jsonl":
        path.write_text("".join(json.dumps(entry) + "\n" for entry in ALL))
    elif form == "list":
        path.write_text(json.dumps(ALL))
    elif form == "by id":
        path.write_text(json.dumps({entry["instance_id"]: entry for entry in ALL}))
    elif form == "by key alone":
        rest = ({k: v for k, v in e.items() if k != "instance_id"} for e in ALL)
        path.write_text(json.dumps(dict(zip("xyz", rest, strict=True))))
    else:
        for entry in ALL:
            name = entry["instance_id"]
            (path / name).mkdir(parents=True)
            (path / name / f"{name}.pred").write_text(json.dumps(entry))
            (path / name / f"{name}.traj").write_text("not read")
    return path


@pytest.mark.parametrize("form", ["jsonl", "list", "by id", "folder"])
def test_every_form_says_the_same(tmp_path, form):
    read = read_predictions(lay(tmp_path, form))
    assert read == {
        "a__a-1": Prediction(instance_id="a__a-1", model_patch=PATCH, model_name_or_path="m"),
        "b__b-2": Prediction(instance_id="b__b-2", model_patch=None),
        "c__c-3": Prediction(instance_id="c__c-3", model_patch=""),
    }


def test_a_table_may_leave_the_ids_to_its_keys(tmp_path):
    read = read_predictions(lay(tmp_path, "by key alone"))
    assert [(name, p.instance_id) for name, p in read.items()] == [(n, n) for n in "xyz"]


@pytest.mark.parametrize(("write", "name"), [(write_jsonl, "p.jsonl"), (write_preds, "p.json")])
def test_what_is_written_is_read_again_to_the_byte(tmp_path, write, name):
    made = [Prediction(instance_id=n, model_patch=PATCH, model_name_or_path="m") for n in "abc"]
    path = tmp_path / name
    path.write_text(write(made), encoding="ascii")
    assert list(read_predictions(path).values()) == made


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.jsonl", '{"instance_id": "a", "model_patch": ""}\n{"instance_id": "b"}\n',
         "p.jsonl, line 2: field 'model_patch' is missing"),
        ("p.jsonl", '{"instance_id": "a", "model_patch": 3}\n',
         "p.jsonl, line 1: field 'model_patch' must be a text, not 3"),
        ("p.jsonl", '{"model_patch": ""}\n', "p.jsonl, line 1: field 'instance_id' is missing"),
        ("p.jsonl", "[1]\n", "p.jsonl, line 1: a prediction is a JSON object"),
        ("p.jsonl", "diff\n", "p.jsonl, line 1: not JSON"),
        ("p.jsonl", "", "p.jsonl: there is no prediction in it"),
        ("p.json", "[]", "p.json: there is no prediction in it"),
        ("p.json", '[{"instance_id": "a", "model_patch": []}]',
         "p.json, entry 1: field 'model_patch' must be a text, not []"),
        ("p.json", '{"a": {"instance_id": "b", "model_patch": ""}}',
         "p.json: 'a': field 'instance_id' is 'b', which is not its key"),
        ("p.json", '{"a": "diff"}', "p.json: 'a': a prediction is a JSON object"),
        ("p.jsonl", '{"instance_id": "a", "model_patch": ""}\n' * 2,
         "p.jsonl, line 2: a occurs twice"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_line_and_field(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(ManifestError) as caught:
        read_predictions(tmp_path / name)
    assert said in caught.value.message
    assert caught.value.hint


def test_an_empty_folder_and_a_missing_file_are_said(tmp_path):
    with pytest.raises(ManifestError, match="there is no prediction in it"):
        read_predictions(tmp_path)
    with pytest.raises(ManifestError, match=r"p\.jsonl"):
        read_predictions(tmp_path / "p.jsonl")


def test_a_log_has_the_failures_too_and_none_of_a_patch_that_does_not_apply():
    verdict = Verdict(
        resolved=False,
        fail_to_pass=TestsStatus(success=("t.py::a",), failure=("t.py::b[x]",)),
        pass_to_pass=TestsStatus(success=("t.py::c",)),
    )
    log = write_log(verdict.as_report("x")["x"])
    assert log.splitlines()[1:-1] == ["PASSED t.py::a", "PASSED t.py::c", "FAILED t.py::b[x]"]
    unapplied = Verdict(resolved=False, patch_applied=False)
    assert write_log(unapplied.as_report("x")["x"]) == ">>>>> Patch Apply Failed\n"
