"""Suites by the command line: released, planned, run, gone on with and reported as one."""

import json
from dataclasses import replace

import pytest

from harness.codebases.locate import clone_of
from seqswe.cli import main
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.suites import load_suite
from seqswe.runs.model_requests import ModelRequests
from seqswe.runs.store import RunDirectory
from seqswe.runs.study import Study


@pytest.fixture
def say(capsys):
    """Run a command; its exit code, and what it wrote to standard output and error."""

    def call(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return ended.value.code, said.out, said.err

    return call


@pytest.fixture
def codebases(monkeypatch, tmp_path, ledgerlite, cache):
    """Codebases of one's own: the demo codebase a second time, under another name."""
    folder = tmp_path / "codebases"
    monkeypatch.setenv("SEQSWE_CODEBASES", str(folder))
    url = str(clone_of(ledgerlite, "").path)
    manifests.save(replace(ledgerlite, name="twin", url=url), folder / "twin")
    return folder


@pytest.fixture
def released(codebases, say):
    """A suite of two codebases with four tasks each."""
    words = ("suite", "freeze", "pair@1", "ledgerlite", "twin", "--span=-4:", "--note", "A pair.")
    code, out, err = say(*words)
    assert code == 0, err
    return out


def test_a_suite_outlives_what_becomes_of_its_codebases(released, codebases, say):
    suite = load_suite("pair")
    assert suite.digest in released
    before = [suite.manifest(member).digest for member in suite.members]
    path = codebases / "twin" / "instances.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-3]))  # mined anew
    assert [suite.manifest(member).digest for member in suite.members] == before
    code, _, err = say("suite", "freeze", "pair@1", "ledgerlite")
    assert code == 2
    assert "pair@1 is there already" in err
    assert "pair@2" in err
    code, _, err = say("validate", "pair@1/twin")
    assert code == 2
    assert "belongs to a released suite" in err


@pytest.mark.parametrize("label", ["pair", "pair@0", "Pair@1", "../pair@1"])
def test_a_release_needs_a_name_with_a_version(codebases, say, label):
    code, _, err = say("suite", "freeze", label, "ledgerlite")
    assert code == 2
    assert "is no name with a version" in err


def test_only_tasks_as_people_left_them_are_released(codebases, say):
    code, _, err = say("suite", "freeze", "bugs@1", "ledgerlite-injected")
    assert code == 2
    assert "as people left them" in err


def test_a_plan_tells_cost_and_power_of_all_codebases(released, say):
    words = ("plan", "--suite", "pair", "--model", "m", "--max-cost", "12")
    code, out, _ = say(*words, "--limit", "3")
    assert code == 0
    assert "A pair." in out
    assert "ONLY the first 3 tasks of each: a part of the suite" in out
    assert "36 rollouts: 6 tasks x 2 arms x 3 seeds" in out
    assert "cost: at most 12.00 USD" in out
    assert "80 % power" in out
    assert "disk: some 0.4 GB (images 0.3, environments 0.1, " in out  # both are on one Python
    code, out, _ = say("plan", "--suite", "seqswe-lite@1")
    assert "2160 rollouts: 360 tasks x 2 arms x 3 seeds" in out
    assert "a mean lift of 9.1 points over 6 codebases is detected" in out


def test_a_study_runs_goes_on_and_reports_as_one(released, say, tmp_path):
    out = tmp_path / "study"
    words = ("--agent", "gold", "--sandbox", "local", "--seeds", "1", "--arm", "iid")
    words += ("--arm", "sequential")
    code, _, err = say("run", "--suite", "pair", "--limit", "1", *words, "--out", out)
    assert code == 0, err
    assert f"next: seqswe report {out}" in err
    (out / "twin").rename(tmp_path / "lost")  # as if it had been stopped before it
    code, _, err = say("report", out)
    assert code == 0, err
    code, _, err = say("resume", out)
    assert code == 0, err
    assert "ledgerlite is finished" in err
    assert [run.name for run in Study.open(out).runs()] == ["ledgerlite", "twin"]
    found = [RunDirectory.open(run).journal().results_digest() for run in (out / "twin",)]
    assert found == [RunDirectory.open(tmp_path / "lost").journal().results_digest()]
    code, said, err = say("report", out)
    assert code == 0, err
    assert "PART of the suite pair@1" in said
    assert "1 of 4 tasks of twin" in said
    code, _, err = say("resume", out, "--limit", "0")
    assert code == 0, err
    code, said, _ = say("report", out)
    assert "The suite pair@1 (" in said
    assert "whole: 8 tasks of 2 codebases." in said
    board = json.loads((out / "leaderboard.json").read_text())
    assert board["suite"] in board["sentences"]
    assert board["codebases"] == ["ledgerlite", "twin"]


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (("--span", ":3"), "span is given as well"),
        (("--codebase", "click"), "codebase is given as well"),
        (("--statement", "symptom"), "have no symptom"),
    ],
)
def test_a_suite_is_run_as_it_was_released(released, codebases, say, tmp_path, given, wrong):
    if "symptom" in given:
        record = load_suite("pair").manifest(load_suite("pair").members[0]).instances[0]
        kept = replace(record, digests={k: v for k, v in record.digests.items() if k != "symptom"})
        twin = manifests.load("twin")
        manifests.save(replace(twin, instances=(kept,)), codebases / "twin")
        assert say("suite", "freeze", "pair@2", "twin")[0] == 0
    code, _, err = say("run", "--suite", "pair", *given, "--out", tmp_path / "x")
    assert code == 2
    assert wrong in err
    assert not (tmp_path / "x").exists()
    assert wrong in say("plan", "--suite", "pair", *given)[2]


def test_a_study_of_a_suite_that_is_another_here_is_refused(released, codebases, say, tmp_path):
    out = tmp_path / "study"
    words = ("--agent", "gold", "--sandbox", "local", "--seeds", "1", "--limit", "1")
    assert say("run", "--suite", "pair", *words, "--arm", "iid", "--out", out)[0] == 0
    code, _, err = say("resume", out, "--agent", "noop")
    assert code == 2
    assert "was begun with agent 'gold'" in err
    path = codebases / "suites" / "pair@1" / "suite.toml"
    path.write_text(path.read_text().replace('span = "-4:"', 'span = "4:"'))
    code, _, err = say("resume", out)
    assert code == 2
    assert "was begun with another pair@1 than is installed here" in err


def test_budgets_are_for_all_codebases_together(released, say, tmp_path):
    out = tmp_path / "study"
    words = ("--agent", "gold", "--sandbox", "local", "--seeds", "1", "--limit", "1")
    assert say("run", "--suite", "pair", *words, "--arm", "iid", "--out", out)[0] == 0
    study = Study.open(out).widened({"max_cost": 2.0, "seeds": 2})
    first, second = study.parts
    line = {"charged_cost": 0.5, "charged_tokens": 7}
    ModelRequests(study.folder(first)).append(line)
    assert study.experiment(first).max_cost == 2.0
    assert study.experiment(second).max_cost == 1.5
    ModelRequests(study.folder(first)).append(line | {"charged_cost": 1.5})
    code, _, err = say("resume", out, "--max-cost", "2", "--seeds", "2")
    assert code == 4
    assert "the study has used its max_cost of 2" in err
    assert f"seqswe resume {out}" in err
