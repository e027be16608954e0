"""`predictions` replays the patches of others, and `export` writes those of a run for others."""

import json

import pytest

from seqswe.cli import main
from seqswe.manifests.manifest_files import load
from seqswe.runs.predictions import read_predictions


@pytest.fixture
def export(capsys):
    """`export(run, "--arm", "iid")`: exit code, standard output and standard error."""

    def call(run, *given):
        with pytest.raises(SystemExit) as ended:
            main(["export", "predictions", str(run), *given])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return call


def write(path, patches):
    path.write_text("".join(
        json.dumps({"instance_id": name, "model_patch": patch}) + "\n"
        for name, patch in patches.items()
    ))  # fmt: skip
    return ("--agent", "predictions", "--agent-option", f"path={path}", "--memory", "none")


def results(ended):
    journal = ended.store.journal()
    return [(r.instance_id, r.resolved, r.reason, r.patch_digest) for r in journal.rollouts]


@pytest.mark.parametrize("name", ["preds.jsonl", "preds.json"])
def test_a_run_that_is_exported_and_replayed_has_the_same_verdicts(
    run, call, export, tmp_path, name
):
    ended = run("--agent", "gold", "--memory", "none", limit=3)
    code, out, _ = export(ended.store.root, "--out", str(tmp_path / name))
    assert (code, out) == (0, f"{tmp_path / name}\n")
    option = f"path={tmp_path / name}"
    given = ("--agent", "predictions", "--agent-option", option, "--memory", "none")
    again = call("run", tmp_path / "again", *given, "--arm", "sequential", "--seeds", "1",
                 "--limit", "3")  # fmt: skip
    assert again.code == 0, again.err
    assert results(again) == results(ended)
    assert all(resolved for _, resolved, *_ in results(again))
    # And what the replay is exported to is what it was made from, but for the agent's name.
    code, out, _ = export(again.store.root)
    first, second = read_predictions(tmp_path / name), tmp_path / "second.jsonl"
    second.write_text(out)
    assert {n: p.model_patch for n, p in read_predictions(second).items()} == {
        n: p.model_patch for n, p in first.items()
    }


def test_a_log_says_of_each_test_what_the_verdict_says(run, export, tmp_path):
    record = load("ledgerlite").instances[0]
    ended = run("--agent", "gold", "--memory", "none", limit=1)
    assert export(ended.store.root, "--logs", str(tmp_path / "logs"))[0] == 0
    (log,) = (tmp_path / "logs").rglob("test_output.txt")
    assert log.parent.name == record.instance_id
    start, *lines, end = log.read_text().splitlines()
    assert (start, end) == (">>>>> Start Test Output", ">>>>> End Test Output")
    assert lines == [f"PASSED {test}" for test in (*record.FAIL_TO_PASS, *record.PASS_TO_PASS)]


def test_what_does_not_apply_or_is_not_there_is_unresolved_and_nobodys_crash(run, tmp_path):
    ids = [record.instance_id for record in load("ledgerlite").instances[:4]]
    bad = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-nothing\n+else\n"
    given = write(tmp_path / "p.jsonl", {ids[0]: bad, ids[1]: None, ids[2]: "", "x__y-1": bad})
    ended = run(*given, limit=4)
    assert ended.code == 0, ended.err
    rollouts = ended.store.journal().rollouts
    assert [(r.resolved, r.reason, r.failure) for r in rollouts] == [(False, "no_patch", None)] * 4
    assert "warning: 1 predictions are for no task of this run: x__y-1" in ended.err
    assert f"1 of 4 tasks have no prediction and count as unresolved: {ids[3]}" in ended.err
    folder = ended.store.folder("sequential", 0, 0, ids[0])
    steps = json.loads((folder / "trajectory.json").read_text())["steps"]
    assert "the patch does not apply" in steps[-1]["message"]


def test_a_hunk_whose_context_has_moved_is_applied_as_swe_bench_does(run, tmp_path):
    instance = load("ledgerlite").instances[1]
    ended = run("--agent", "gold", "--memory", "none", limit=2)
    folder = ended.store.folder("sequential", 0, 1, instance.instance_id)
    lines = (folder / "patch.diff").read_text().splitlines(keepends=True)
    context = next(
        i for i, line in enumerate(lines) if lines[i - 1].startswith("@@") and line[0] == " "
    )
    lines[context] = " this line is another one here\n"
    given = write(tmp_path / "p.jsonl", {instance.instance_id: "".join(lines)})
    with pytest.raises(SystemExit) as left:
        main(["run", *given, "--arm", "iid", "--seeds", "1", "--limit", "2", "--sandbox", "local",
              "--out", str(tmp_path / "fuzzy")])  # fmt: skip
    assert left.value.code == 0
    lines = (tmp_path / "fuzzy" / "rollouts.jsonl").read_text().splitlines()
    resolved = {line["instance_id"]: line["resolved"] for line in map(json.loads, lines)}
    assert resolved[instance.instance_id] is True


def refused(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return ended.value.code, capsys.readouterr().err.splitlines()[-2:]


def test_predictions_for_another_codebase_are_refused_before_anything_is_run(tmp_path, capsys):
    given = write(tmp_path / "p.jsonl", {"x__y-1": "diff"})
    out = tmp_path / "run"
    words = ("run", *given, "--sandbox", "local", "--limit", "2", "--out", str(out))
    code, (error, hint) = refused(capsys, *words)
    assert code == 2
    assert "none of its 1 predictions is for a task of this run" in error
    assert "x__y-1" in hint
    assert not out.exists()


def test_a_damaged_file_is_said_before_anything_is_run(tmp_path, capsys):
    (tmp_path / "p.jsonl").write_text('{"instance_id": 3, "model_patch": ""}\n')
    given = ("--agent", "predictions", "--agent-option", f"path={tmp_path / 'p.jsonl'}")
    words = ("run", *given, "--sandbox", "local", "--out", str(tmp_path / "run"))
    code, (error, _) = refused(capsys, *words)
    assert code == 2
    assert "p.jsonl, line 1: field 'instance_id' must be a text, not 3" in error
    assert not (tmp_path / "run").exists()


def test_an_export_is_of_one_arm_and_seed(run, export):
    ended = run("--agent", "noop", "--memory", "none", limit=1, arms=("iid", "sequential"))
    code, out, err = export(ended.store.root)
    assert (code, out) == (2, "")
    assert "has more than one arm" in err
    assert "Choose --arm from iid, sequential, and --seed up to 0." in err
    code, out, _ = export(ended.store.root, "--arm", "iid")
    assert code == 0
    assert json.loads(out)["model_patch"] == ""
    assert json.loads(out)["model_name_or_path"] == "seqswe+noop+iid"
    code, _, err = export(ended.store.root, "--arm", "iid", "--seed", "1")
    assert code == 2
    assert "no arm 'iid' with seed 1" in err
