"""The result set: what pages quote is in it, can be made again, and tells what is not it."""

import json
import re
import shlex
import shutil
from dataclasses import replace

import click
import pytest
from click.testing import CliRunner

from benchmarks import results
from seqswe.cli import cli, main
from seqswe.comparison.baseline import of_run
from seqswe.comparison.result_set import OURS, ResultSet
from seqswe.runs.store import RunDirectory

QUOTED = re.compile(r"sha256:[0-9a-f]{12}")
GIVEN = ("--sandbox", "local", "--limit", "4", "--seeds", "1", "--agent", "localizer")


def test_every_digest_that_a_page_quotes_has_a_command():
    quoted = {d for page in results.pages() for d in QUOTED.findall(page.read_text())}
    kept = {result.quoted for result in ResultSet.read(OURS).results.values()}
    assert quoted
    assert quoted <= kept


def test_every_command_is_one_that_the_command_line_takes():
    for result in ResultSet.read(OURS).results.values():
        for text in filter(None, (result.first, result.command)):
            name, *words = shlex.split(text)[1:]
            command = cli.get_command(click.Context(cli), name)
            command.make_context(name, words).close()


def test_what_is_kept_is_of_its_digest_and_no_file_is_left_over():
    found = ResultSet.read(OURS)
    kept = {name for name in found.results if found.outcomes(name)}
    assert {path.stem for path in OURS.glob("*.json")} == kept


def test_no_table_of_a_page_is_stale():
    done = CliRunner().invoke(results.main, ["tables", "--check"])
    assert (done.exit_code, done.output) == (0, "")
    tables = [t for page in results.pages() for t in results.TABLE.findall(page.read_text())]
    assert tables


def test_they_are_listed_with_place_and_command():
    listed = CliRunner().invoke(results.main, ["list"]).output
    place = r"\(docs/results\.md:\d+\)"
    assert re.search(rf"^sha256:\w{{12}}  sqlglot  {place}\n    seqswe run ", listed, re.M)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs that were asked the same, but for the memory."""
    folder = tmp_path_factory.mktemp("runs")
    for memory in ("episodic", "recency"):
        with pytest.raises(SystemExit) as ended:
            main(["run", *GIVEN, "--memory", memory, "--out", str(folder / memory)])
        assert ended.value.code == 0
    return folder


@pytest.fixture
def kept(runs, tmp_path):
    """A result set with one of them, by the name of `mine`."""
    folder = tmp_path / "set"
    folder.mkdir()
    made = of_run(RunDirectory.open(runs / "episodic"))
    command = shlex.join(["seqswe", "run", *GIVEN, "--memory", "episodic", "--out", "RUNS/mine"])
    index = f"[mine]\nresults = \"{made.results_digest}\"\ncommand = '{command}'\n"
    (folder / "results.toml").write_text(index)
    (folder / "mine.json").write_text(made.as_json())
    return folder


@pytest.fixture
def verify(kept, tmp_path, capsys):
    def make(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["verify", *map(str, words), "--set", str(kept), "--runs", str(tmp_path / "runs")])
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return make


def changed(run, folder, **values):
    """A copy of a run whose second task came out otherwise, with digests that fit."""
    copy = folder / "copy"
    shutil.copytree(run, copy)
    rollouts = RunDirectory.open(copy).journal().rollouts
    lines = [replace(r, **values) if r.position == 1 else r for r in rollouts]
    text = "".join(json.dumps(r.as_json()) + "\n" for r in lines)
    (copy / "rollouts.jsonl").write_text(text)
    return copy


def test_a_result_is_made_again(verify, tmp_path):
    code, out, _ = verify("mine")
    assert code == 0
    assert out.startswith("mine: the results digest is the expected one: sha256:")
    assert (tmp_path / "runs" / "mine" / "rollouts.jsonl").is_file()


@pytest.mark.parametrize(("half", "asked"), [(True, "inject"), (False, "run")])
def test_a_sequence_whose_making_was_interrupted_goes_on(kept, verify, tmp_path, half, asked):
    """Its folder alone says nothing: the list of its tasks is written last."""
    index = kept / "results.toml"
    index.write_text(f"{index.read_text()}first = 'seqswe inject no-such --out RUNS/sequence'\n")
    folder = tmp_path / "runs" / "sequence"
    folder.mkdir(parents=True)
    if not half:
        (folder / "instances.jsonl").touch()
    assert verify("mine")[2].splitlines()[0].startswith(f"seqswe {asked} ")


def test_what_there_are_is_listed(verify):
    assert re.fullmatch(r"sha256:\w{12}  mine\n", verify()[1])


def test_a_run_that_is_a_result_is_recognised(verify, runs):
    code, out, _ = verify(runs / "episodic")
    assert (code, out.split(": ")[0]) == (0, "mine")


def test_it_is_by_its_digest_alone(verify, runs, kept):
    (kept / "mine.json").unlink()
    code, out, _ = verify(runs / "episodic")
    assert (code, out.split(": ")[0]) == (0, "mine")


def test_outcomes_that_differ_are_named(verify, runs, tmp_path):
    run = changed(runs / "episodic", tmp_path, resolved=True)
    code, out, _ = verify("mine", "--run", run)
    assert code == 1
    said = out.splitlines()
    assert said[1] == "2 outcomes differ:"
    task = RunDirectory.open(run).info.instance_ids[1]
    assert said[2] == f"  iid, seed 0, {task}: resolved 1, not 0"


def test_another_python_is_said_where_no_outcome_differs(verify, runs, tmp_path):
    run = changed(runs / "episodic", tmp_path, key="sha256:other")
    code, out, _ = verify("mine", "--run", run)
    assert (code, out.splitlines()[1][:39]) == (0, "Every outcome is the expected one. What")


def refused(told, code=2):
    ended, out, err = told
    assert (ended, out) == (code, "")
    assert [line[:7] for line in err.splitlines()] == ["error: ", "hint:  "]
    return err


def test_an_incomplete_run_is_refused(verify, runs, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(runs / "episodic", copy)
    lines = (copy / "rollouts.jsonl").read_text().splitlines(keepends=True)
    (copy / "rollouts.jsonl").write_text("".join(lines[:-1]))
    for words in ((copy,), ("mine", "--run", copy)):
        assert "1 of 8 rollouts have no verdict" in refused(verify(*words), code=5)


def test_a_verdict_flipped_by_hand_is_refused(verify, runs, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(runs / "episodic", copy)
    journal = copy / "rollouts.jsonl"
    journal.write_text(journal.read_text().replace('"resolved": false', '"resolved": true', 1))
    refused(verify(copy))


def test_a_result_changed_by_hand_is_refused(verify, kept):
    text = (kept / "mine.json").read_text()
    (kept / "mine.json").write_text(text.replace('"looks": 1', '"looks": 2'))
    assert "was changed after it was written" in refused(verify("mine"))


def test_a_digest_changed_by_hand_is_refused(verify, kept):
    text = (kept / "results.toml").read_text()
    (kept / "results.toml").write_text(re.sub(r"sha256:\w{4}", "sha256:0000", text))
    assert "One of the two was changed" in refused(verify("mine"))


def test_a_run_with_other_settings_is_refused(verify, runs):
    err = refused(verify("mine", "--run", runs / "recency"))
    assert "this run is not mine: memory is 'recency', not 'episodic'" in err


def test_a_submission_stands_among_what_was_asked_the_same(verify, runs):
    code, out, _ = verify(runs / "recency")
    assert code == 0
    assert "complete, its digests hold, results sha256:" in out
    rows = [line for line in out.splitlines() if "→" in line]
    assert sorted(line[2:].split()[0] for line in rows) == ["episodic", "recency"]
    assert next(line for line in rows if line.startswith("> ")).split()[1] == "recency"


def test_a_submission_that_was_asked_otherwise_says_in_what(verify, tmp_path):
    out = tmp_path / "other"
    with pytest.raises(SystemExit):
        main(["run", *GIVEN, "--memory", "recency", "--feedback", "none", "--out", str(out)])
    code, said, _ = verify(out)
    assert code == 0
    assert "Nearest is mine, which differs in: feedback 'none', not 'gold'" in said


def test_a_folder_without_a_set_is_refused(capsys, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["verify", "--set", str(tmp_path)])
    assert ended.value.code == 2
    assert "holds no result set" in capsys.readouterr().err


def test_a_run_of_the_demo_is_kept_under_its_name(runs, tmp_path, monkeypatch):
    folder = tmp_path / "docs" / "results"
    folder.mkdir(parents=True)
    (tmp_path / "README.md").write_text("The demo (`sha256:000000000000…`).\n")
    entry = '[{}]\nresults = "sha256:{}"\ncommand = "seqswe run --out RUNS/x"\n'
    text = "\n".join([entry.format("demo-local", "0" * 12), entry.format("other", "1" * 12)])
    (folder / "results.toml").write_text(text)
    monkeypatch.setattr(results, "ROOT", tmp_path)
    monkeypatch.setattr(results, "OURS", folder)
    done = CliRunner().invoke(results.main, ["keep", str(runs / "episodic")])
    assert done.exit_code == 0, done.output
    found = ResultSet.read(folder)
    digest = RunDirectory.open(runs / "episodic").journal().results_digest()
    assert found.results["demo-local"].results == digest
    assert found.outcomes("demo-local").results_digest == digest
    assert found.results["other"].results == "sha256:111111111111"
    assert (tmp_path / "README.md").read_text() == f"The demo (`{digest[:19]}…`).\n"
