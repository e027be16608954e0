"""Tasks as Harbor's folders: what each brings, and that none brings anything of the future."""

import subprocess
import tomllib
from dataclasses import replace

import pytest

from harness.codebases.sequence import Sequence
from harness.commands.export_harbor import check_one_python
from harness.commands.harbor_folders import collect_command
from seqswe.cli import main
from seqswe.errors import UsageError
from seqswe.experiment import Experiment
from tests.harness.projects import commit, git


def exported(*words):
    with pytest.raises(SystemExit) as ended:
        main(["export", "harbor", *map(str, words)])
    return ended.value.code


@pytest.fixture(scope="module")
def sequence(cache):
    return Sequence.of(Experiment(codebase="ledgerlite", limit=3))


def objects(history):
    """Ids of all objects in the packs of a folder."""
    ids = set()
    for index in (history / "pack").glob("*.idx"):
        done = subprocess.run(["git", "show-index"], stdin=index.open(), capture_output=True)
        ids |= {line.split()[1] for line in done.stdout.decode().splitlines()}
    return ids


def reachable(sequence, commit):
    return set(sequence.clone.run("rev-list", "--objects", "--no-object-names", commit).split())


AGENTS = {"Dockerfile", "checkout.sh", "history", "project"}
"""What an agent's image is built from: neither tests nor solution."""


@pytest.mark.docker
def test_a_task_brings_its_history_and_nothing_later(tmp_path, docker, sequence):
    out = tmp_path / "out"
    assert exported("--codebase", "ledgerlite", "--limit", 2, "--out", out) == 0
    for position, instance in enumerate(sequence.instances[:2]):
        folder = out / "tasks" / instance.instance_id
        for place in ("environment", "tests"):
            there = objects(folder / place / "history")
            assert there == reachable(sequence, instance.base_commit)
        assert {path.name for path in (folder / "environment").iterdir()} == AGENTS
        about = tomllib.loads((folder / "task.toml").read_text())
        assert about["metadata"]["instance_digest"] == instance.digest
        assert about["metadata"]["position"] == position
        assert about["environment"]["network_mode"] == "no-network"
        assert about["verifier"]["environment_mode"] == "separate"
        assert instance.problem_statement.strip() in (folder / "instruction.md").read_text()
        assert (folder / "solution" / "gold.patch").read_text() == instance.patch
        image = (folder / "environment" / "Dockerfile").read_text().split()[1]
        assert image in (out / "build-images.sh").read_text()


@pytest.mark.docker
def test_a_step_brings_what_its_base_has_beyond_the_last(tmp_path, docker, sequence):
    out = tmp_path / "out"
    assert exported("--codebase", "ledgerlite", "--limit", 3, "--out", out, "--stream") == 0
    folder = out / "stream" / "ledgerlite"
    about = tomllib.loads((folder / "task.toml").read_text())
    there = objects(folder / "environment" / "history")
    assert there == reachable(sequence, sequence.instances[0].base_commit)
    assert len(about["steps"]) == 3
    for step, instance in zip(about["steps"][1:], sequence.instances[1:], strict=True):
        arrived = folder / "steps" / step["name"] / "workdir" / ".seqswe-step"
        new = objects(arrived / "history")
        assert not new & there
        there |= new
        assert there == reachable(sequence, instance.base_commit)
    assert "packages.tar" not in {path.name for path in folder.rglob("*")}


def test_a_folder_that_is_there_is_left_alone(capsys, tmp_path):
    assert exported("--codebase", "ledgerlite", "--limit", 1, "--out", tmp_path) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_stream_in_which_python_changes_is_refused(sequence):
    first, *others = sequence.instances
    of_now = sequence.manifest.environment(first.environment)
    later = replace(of_now, key="other", python="3.9")
    manifest = replace(sequence.manifest, environments=(of_now, later))
    instances = (first, *(replace(each, environment="other") for each in others))
    with pytest.raises(UsageError, match=r"task 2 needs Python 3\.9, and the first one 3\.11"):
        check_one_python(replace(sequence, manifest=manifest, instances=instances))
    check_one_python(sequence)


def test_the_work_is_what_differs_from_the_base_committed_or_not(tmp_path):
    root, patch = tmp_path / "root", tmp_path / "model.patch"
    base = commit(root, {"a.py": "1\n", "b.py": "1\n"})
    commit(root, {"a.py": "2\n"})
    (root / "b.py").unlink()
    (root / "new.py").write_text("3\n")
    command = ["sh", "-c", collect_command(base, str(root), str(patch))]
    assert subprocess.run(command).returncode == 0
    git(root, "checkout", "-qf", base)
    (root / "new.py").unlink(missing_ok=True)
    git(root, "apply", str(patch))
    assert {path.name: path.read_text() for path in root.glob("*.py")} == {
        "a.py": "2\n",
        "new.py": "3\n",
    }
    (root / ".git" / "HEAD").unlink()
    assert subprocess.run(command).returncode == 0
    assert patch.read_bytes() == b"", "its agent destroyed the repository"
