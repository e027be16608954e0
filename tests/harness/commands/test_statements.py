"""Symptoms from the command line to a run that is told by them, in plain processes."""

import shutil

import pytest

from harness.codebases import symptoms
from harness.codebases.statements import symptom_store
from seqswe.cli import main
from seqswe.errors import MissingError
from seqswe.instance import digest_of
from seqswe.manifests import manifest_files as manifests
from seqswe.runs.store import RunDirectory

NOOP = ("--agent", "noop", "--memory", "none", "--seeds", "1", "--arm", "iid")


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("SEQSWE_CACHE", str(tmp_path / "cache"))

    def make(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return make


@pytest.fixture
def codebase(tmp_path):
    """A copy of the demo codebase with two tasks, whose symptoms nobody has made yet."""
    from dataclasses import replace

    loaded = manifests.load("ledgerlite")
    kept = ("statement", "patch", "test_patch")
    records = tuple(
        replace(record, digests={k: record.digests[k] for k in kept})
        for record in loaded.instances[:2]
    )
    folder = tmp_path / "ledgerlite"
    shutil.copytree(loaded.folder / "history", folder / "history")
    shutil.copy(loaded.folder / "HEAD", folder)
    manifests.save(replace(loaded, instances=records), folder)
    return folder


def test_symptoms_are_made_once_and_a_run_is_told_by_them(call, codebase, tmp_path):
    chosen = ("--codebase", codebase, "--statement", "symptom")
    code, _, err = call("plan", *chosen)
    assert code == 2
    assert "no task of ledgerlite is chosen: a symptom statement" in err
    code, out, err = call("statements", codebase, "--sandbox", "local", "--jobs", "1")
    assert code == 0, err
    assert "2 tasks, 2 with a symptom" in out
    records = manifests.load(str(codebase)).instances
    texts = [symptom_store.kept("ledgerlite", record) for record in records]
    assert all("I called" in text for text in texts)
    assert [digest_of(text) for text in texts] == [r.digests["symptom"] for r in records]
    assert all("symptom" in record.leaks for record in records)

    code, _, err = call("statements", codebase, "--sandbox", "none-such")
    assert code == 0, "nothing is left to run"
    assert call("run", *chosen, *NOOP, "--sandbox", "local", "--out", tmp_path / "run")[0] == 0
    info = RunDirectory.open(tmp_path / "run").info
    assert info.experiment.statement == "symptom"
    full = call("run", "--codebase", codebase, *NOOP, "--sandbox", "local", "--out", tmp_path / "b")
    assert full[0] == 0
    assert RunDirectory.open(tmp_path / "b").info.sequence_digest != info.sequence_digest


def test_a_test_that_tells_nothing_is_run_once(call, codebase, monkeypatch):
    told = iter(["I called f()", "I called f()", ""])
    monkeypatch.setattr(symptoms, "symptom", lambda *_: next(told))
    code, out, err = call("statements", codebase, "--sandbox", "local", "--jobs", "1")
    assert code == 0, err
    assert "2 tasks, 1 with a symptom" in out
    assert list(told) == []


def test_a_text_that_is_not_in_the_cache_is_asked_for(call, codebase, tmp_path):
    code, _, err = call("statements", codebase, "--sandbox", "local")
    assert code == 0, err
    record = manifests.load(str(codebase)).instances[0]
    before = symptom_store.kept("ledgerlite", record)
    for path in (tmp_path / "cache" / "symptoms").iterdir():
        path.write_text("other\n")
    with pytest.raises(MissingError, match="is not at hand"):
        symptom_store.kept("ledgerlite", record)
    code, _, err = call("run", "--codebase", codebase, "--statement", "symptom", *NOOP)
    assert code == 3
    assert "seqswe statements ledgerlite" in err
    instances = (codebase / "instances.jsonl").read_bytes()
    assert call("statements", codebase, "--sandbox", "local")[0] == 0
    assert symptom_store.kept("ledgerlite", record) == before
    assert (codebase / "instances.jsonl").read_bytes() == instances


def test_the_audit_lists_the_worst(call, codebase):
    code, out, _ = call("audit", codebase, "--worst", "1")
    assert code == 0
    lines = out.splitlines()
    assert lines[1].split()[:2] == ["commit", "2"]
    assert lines[2].split()[:2] == ["all", "2"]
    assert "seqswe__ledgerlite-" in lines[3]
    assert len(lines) == 4


def test_titles_need_nothing_but_the_statement(call, codebase, tmp_path):
    given = ("--codebase", codebase, "--statement", "title", "--max-leak", "0.99")
    assert call("run", *given, *NOOP, "--sandbox", "local", "--out", tmp_path / "run")[0] == 0
