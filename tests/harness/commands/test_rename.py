"""A sequence is renamed, proved, planned, run and reported; what is wrong is said."""

import json
import shutil
from dataclasses import replace

import pytest

from harness.codebases.instances import instances_of
from harness.codebases.locate import clone_of
from harness.codebases.statements.issues import Issue
from harness.renaming.names import WORD, Names
from seqswe.cli import main
from seqswe.errors import ManifestError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import Renamed
from seqswe.runs.folders import cache_folder
from seqswe.runs.store import RunDirectory

LIMIT = 3


@pytest.fixture(scope="module")
def folder(cache, tmp_path_factory):
    """The first tasks of the demo codebase, renamed and proved."""
    folder = tmp_path_factory.mktemp("sequences") / "renamed"
    for command in (
        ["rename", "ledgerlite", "--limit", str(LIMIT), "--out", str(folder)],
        ["validate", str(folder)],
    ):
        with pytest.raises(SystemExit) as ended:
            main([*command, "--sandbox", "local"])
        assert not ended.value.code
    return folder


def words(text):
    return {word.decode() for word in WORD.findall(text.encode("utf-8", "surrogateescape"))}


def test_every_task_is_proved_with_the_files_and_ids_it_had(folder, ledgerlite):
    made = manifests.load(str(folder))
    assert len(made.instances) == LIMIT
    for old, new in zip(ledgerlite.instances, made.instances, strict=False):
        assert new.FAIL_TO_PASS
        assert (new.instance_id, new.gold_files, new.test_files, new.created_at) == (
            *(old.instance_id, old.gold_files, old.test_files, old.created_at),
        )
        assert new.environment == old.environment
        assert {new.base_commit, new.gold_commit}.isdisjoint({old.base_commit, old.gold_commit})


def test_patches_tests_and_statements_have_the_same_new_names(folder, ledgerlite, clone):
    made, names = manifests.load(str(folder)), Names.load(folder)
    before = instances_of(clone, ledgerlite, ledgerlite.instances[:LIMIT], {})
    after = instances_of(clone_of(made, ""), made, made.instances, {})
    changed = 0
    for old, new in zip(before, after, strict=True):
        assert new.problem_statement == names.text(old.problem_statement)
        for name in ("patch", "test_patch"):
            lines = [
                without_index(names.text(getattr(old, name))),
                without_index(getattr(new, name)),
            ]
            assert lines[0] == lines[1]
            changed += getattr(old, name) != names.text(getattr(old, name))
        assert not names.new.keys() & words(new.patch + new.test_patch + new.problem_statement)
    assert changed


def without_index(patch):
    return [line for line in patch.splitlines() if not line.startswith("index ")]


def test_the_share_is_said_by_plan_run_and_report(folder, tmp_path, capsys):
    note = manifests.load(str(folder)).renamed.note
    assert "names that the source defines are renamed" in note
    for command in (
        ["plan", "--codebase", str(folder)],
        ["run", "--codebase", str(folder), "--agent", "gold", "--memory", "none", "--seeds", "1",
         "--arm", "iid", "--sandbox", "local", "--out", str(tmp_path / "run")],
        ["report", str(tmp_path / "run")],
    ):  # fmt: skip
        capsys.readouterr()
        with pytest.raises(SystemExit):
            main(command)
        said = capsys.readouterr()
        assert command[0] == "run" or note in said.out + said.err
    rollouts = RunDirectory.open(tmp_path / "run").journal().rollouts
    assert [r.resolved for r in rollouts] == [True] * LIMIT
    assert any(note in text for text in json_of(tmp_path / "run")["warnings"])


def json_of(run):
    return json.loads((run / "report.json").read_text())


def test_the_clone_is_made_again_from_the_names(folder):
    made = manifests.load(str(folder))
    path = clone_of(made, "").path
    assert path.is_relative_to(cache_folder())
    shutil.rmtree(path)
    again = clone_of(made, "")
    assert again.path == path
    assert again.has(made.instances[-1].gold_commit)


def test_issues_are_told_in_the_new_names(folder):
    made, names = manifests.load(str(folder)), Names.load(folder)
    from harness.codebases.renamed import renamed_issues

    old = next(iter(names.new))
    issue = Issue(title=f"{old} fails", body=f"`{old}`", created_at=made.instances[0].created_at)
    told = renamed_issues(made, {1: issue})[1]
    assert (told.title, told.body) == (f"{names.new[old]} fails", f"`{names.new[old]}`")


def test_other_names_are_refused(folder, tmp_path):
    copy = tmp_path / "renamed"
    shutil.copytree(folder, copy)
    names = Names.load(copy)
    Names(dict(list(names.new.items())[1:])).save(copy)
    with pytest.raises(ManifestError, match="was changed"):
        clone_of(manifests.load(str(copy)), "")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("ledgerlite-injected", "--out", "x"), "is a sequence of injected bugs"),
        (("{folder}", "--out", "x"), "is a sequence of renamed code"),
        (("{empty}", "--out", "x"), "has no instances"),
        (("ledgerlite", "--out", "bad name"), "is none"),
    ],
)
def test_what_cannot_be_renamed_is_said(
    folder, tmp_path, ledgerlite, monkeypatch, capsys, given, message
):
    monkeypatch.chdir(tmp_path)
    empty = tmp_path / "empty"
    manifests.save(replace(ledgerlite, name="empty", instances=()), empty)
    with pytest.raises(SystemExit) as ended:
        main(["rename", *(word.format(folder=folder, empty=empty) for word in given)])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_renamed_sequence_is_not_mined(ledgerlite, tmp_path, capsys):
    one = ledgerlite.instances[0].base_commit
    renamed = Renamed(codebase="ledgerlite", seed=0, first=one, last=one, names="sha256:0")
    manifests.save_manifest(replace(ledgerlite, name="other", renamed=renamed), tmp_path / "other")
    assert manifests.load(str(tmp_path / "other")).renamed == renamed
    with pytest.raises(SystemExit) as ended:
        main(["mine", str(tmp_path / "other")])
    assert ended.value.code == 2
    assert "is a sequence of renamed code" in capsys.readouterr().err
    assert not (tmp_path / "other" / "candidates.jsonl").exists()
