"""`seqswe new` writes what works as it stands; plug-ins of the current folder are found."""

import subprocess
import sys

import pytest

from seqswe.cli import main
from seqswe.cli.new import KINDS, written
from seqswe.experiment import Experiment
from seqswe.manifests.read import read_toml
from seqswe.plugins import resolve, without_folder
from seqswe.testing import check_agent, local_sandboxes


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_a_memory_and_its_test_work_as_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, out, _ = call(capsys, "new", "memory", "my_own")
    assert code == 0
    assert out.splitlines()[:2] == ["my_own.py", "test_my_own.py"]
    assert out.splitlines()[-1] == "seqswe demo --memory ./my_own.py:MyOwn"
    command = [sys.executable, "-m", "pytest", "-q", "-k", "notes or new_process", "test_my_own.py"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_nothing_is_overwritten(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test_mine.py").write_text("mine")
    code, _, err = call(capsys, "new", "agent", "mine")
    assert (code, err.splitlines()[0]) == (2, "error: test_mine.py is already there")
    assert not (tmp_path / "mine.py").exists()
    assert call(capsys, "new", "agent", "Not-a-name")[0] == 2


def test_an_agent_keeps_its_contract(tmp_path):
    with local_sandboxes(tmp_path) as open_sandbox:
        check_agent("seqswe.templates.agent:Swapper", open_sandbox)


def test_an_experiment_is_one(tmp_path):
    (tmp_path / "first.toml").write_text(written(KINDS["experiment"], "first")["first.toml"])
    data = read_toml(tmp_path / "first.toml", "an experiment")
    lists = {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
    assert Experiment(**lists).codebase == "ledgerlite-injected"


def test_a_recipe_is_one(tmp_path):
    (tmp_path / "mine.toml").write_text(written(KINDS["recipe"], "mine")["mine.toml"])
    assert resolve("agent", str(tmp_path / "mine.toml")).__name__


def test_plug_ins_of_the_current_folder_are_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    (tmp_path / "beside_it.py").write_text("WORD = 'found'\n")
    (tmp_path / "first17.py").write_text("from beside_it import WORD\nclass It:\n    word = WORD\n")
    for name in ("first17:It", "./first17.py:It", str(tmp_path / "first17.py:It")):
        assert resolve("memory", name).word == "found"
    assert without_folder(str(tmp_path / "first17.py:It")) == "first17.py:It"


def test_an_installed_module_comes_before_a_file_of_its_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    (tmp_path / "json.py").write_text("class It:\n    pass\n")
    code, _, err = call(capsys, "plan", "--memory", "json:It")
    assert code == 2
    assert "json has no 'It'" in err
    assert "./json.py:..." in err
    assert resolve("memory", "./json.py:It").__name__ == "It"


@pytest.mark.parametrize(
    ("name", "error"),
    [("./none.py:It", "there is no file './none.py'"), ("./broken.py:It", "SyntaxError")],
)
def test_a_file_that_cannot_be_loaded_is_two_lines(tmp_path, monkeypatch, capsys, name, error):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.py").write_text("class\n")
    code, _, err = call(capsys, "plan", "--memory", name)
    assert code == 2
    assert error in err
    assert len(err.splitlines()) == 2
