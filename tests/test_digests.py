"""Digests that pages quote: each has a command that makes it, and the demo checks its own."""

import json
import re
import shlex
import shutil
from dataclasses import replace

import click
import pytest
from click.testing import CliRunner

from benchmarks import digests
from seqswe.cli import cli, main
from seqswe.comparison.baseline import of_run
from seqswe.runs.store import RunDirectory

QUOTED = re.compile(r"sha256:[0-9a-f]{12}")


def test_every_digest_that_a_page_quotes_has_a_command():
    quoted = {d for page in digests.pages() for d in QUOTED.findall(page.read_text())}
    kept = {digest.quoted for digest in digests.digests().values()}
    assert quoted
    assert quoted <= kept
    assert kept - quoted <= {digests.digests()["demo-local"].quoted}


def test_every_command_is_one_that_the_command_line_takes():
    for digest in digests.digests().values():
        for text in filter(None, (digest.first, digest.command)):
            name, *words = shlex.split(text)[1:]
            command = cli.get_command(click.Context(cli), name)
            command.make_context(name, words).close()


def test_they_are_listed_with_place_and_command():
    listed = CliRunner().invoke(digests.main, ["list"]).output
    assert re.search(r"^sha256:\w{12}  sqlglot  \(README\.md:\d+\)\n    seqswe run ", listed, re.M)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "run"
    given = ("--sandbox", "local", "--limit", "2", "--seeds", "1", "--agent", "gold")
    with pytest.raises(SystemExit) as ended:
        main(["run", *given, "--memory", "none", "--out", str(out)])
    assert ended.value.code == 0
    return out


def test_a_run_records_whether_its_seeds_draw_the_same_dice(run):
    assert RunDirectory.open(run).info.coupled is True


@pytest.fixture
def kept(run, tmp_path, monkeypatch):
    """A place of its own where this run is what is expected."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("The demo (`sha256:000000000000…`).\n")
    monkeypatch.setattr(digests, "ROOT", tmp_path)
    monkeypatch.setattr(digests, "KEPT", tmp_path / "docs" / "digests.toml")
    monkeypatch.setattr(digests, "EXPECTED", tmp_path / "baseline.json")
    entry = '[{}]\nresults = "sha256:{}"\ncommand = "seqswe run --out RUNS/x"\n'
    text = "\n".join([entry.format("demo-local", "0" * 12), entry.format("other", "1" * 12)])
    digests.KEPT.write_text(text)
    digests.EXPECTED.write_text(of_run(RunDirectory.open(run)).as_json())
    assert CliRunner().invoke(digests.main, ["keep", str(run)]).exit_code == 0
    return tmp_path


def test_a_run_that_is_as_expected_says_so(run, kept):
    said = CliRunner().invoke(digests.main, ["check", str(run)]).output
    assert said.startswith("The results digest is the expected one: sha256:")
    digest = RunDirectory.open(run).journal().results_digest()
    assert digests.digests()["demo-local"].results == digest
    assert (kept / "README.md").read_text() == f"The demo (`{digest[:19]}…`).\n"
    assert digests.digests()["other"].results == "sha256:111111111111"


def spoiled(run, folder, **values):
    copy = folder / "copy"
    shutil.copytree(run, copy)
    rollouts = RunDirectory.open(copy).journal().rollouts
    changed = [replace(r, **values) if r.position == 1 else r for r in rollouts]
    text = "".join(json.dumps(r.as_json()) + "\n" for r in changed)
    (copy / "rollouts.jsonl").write_text(text)
    return copy


def test_outcomes_that_differ_are_named(run, kept, tmp_path):
    copy = spoiled(run, tmp_path, resolved=False)
    said = CliRunner().invoke(digests.main, ["check", str(copy)]).output.splitlines()
    assert "was expected" in said[0]
    assert said[1] == "2 outcomes differ from those in baseline.json:"
    task = RunDirectory.open(run).info.instance_ids[1]
    assert said[2] == f"  iid, seed 0, {task}: resolved 0, not 1"


def test_another_python_is_said_where_no_outcome_differs(run, kept, tmp_path):
    copy = spoiled(run, tmp_path, key="sha256:other")
    said = CliRunner().invoke(digests.main, ["check", str(copy)]).output.splitlines()
    assert said[1].startswith("Every outcome is the expected one.")
    assert "Python 3." in said[1]
