"""Settings of the memory's model by their old names: refused, and understood in old runs."""

import tomllib
from pathlib import Path

import pytest
import tomli_w

from seqswe.cli import main
from seqswe.comparison.baseline import of_file
from seqswe.comparison.compare import settings_of
from seqswe.experiment import Experiment
from seqswe.instance import digest_of_fields
from seqswe.renamed import RENAMED, with_new_names
from seqswe.runs.store import RunDirectory, RunInfo

FIRST = "--model-url is --memory-model-url now: it is of the memory's model"


def refused(capsys, *words):
    """The two lines that a command ends with."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()[-2:]


@pytest.mark.parametrize("name", RENAMED)
def test_an_old_flag_is_refused_with_the_new_one(tmp_path, capsys, name):
    flag = "--" + name.replace("_", "-")
    error, hint = refused(capsys, "run", flag, "1", "--out", str(tmp_path / "run"))
    assert error.startswith(f"error: {flag} is --memory-{flag[2:]} now")
    assert "--model is the agent's" in hint
    assert not (tmp_path / "run").exists()


def test_an_old_variable_is_refused_and_not_silently_ignored(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SEQSWE_MODEL_URL", "http://localhost/v1")
    assert FIRST in refused(capsys, "run", "--out", str(tmp_path / "run"))[0]


@pytest.mark.parametrize("key", ["model_url", "model-url"])
def test_an_old_name_in_a_file_is_refused(tmp_path, capsys, key):
    (tmp_path / "experiment.toml").write_text(f'{key} = "http://localhost/v1"\n')
    words = ("plan", "--config", str(tmp_path / "experiment.toml"))
    assert FIRST in refused(capsys, *words)[0]


def test_a_model_for_an_agent_that_asks_none_is_told_where_the_memorys_goes(tmp_path, capsys):
    words = ("run", "--agent", "noop", "--model", "m", "--sandbox", "local")
    error, hint = refused(capsys, *words, "--out", str(tmp_path / "run"))
    assert "agent 'noop' does not ask a model" in error
    assert "--memory-model" in hint


def test_a_run_of_an_older_version_is_read_by_its_old_names(tmp_path):
    """Its `model` was the memory's, and no model of the agent may come of it."""
    new = Experiment(memory_model="m", memory_model_url="http://x/v1", memory_model_tokens=5)
    info = RunInfo(experiment=new, instance_ids=("a",), sequence_digest="d")
    RunDirectory.create(tmp_path / "run", info)
    data = tomllib.loads((tmp_path / "run" / "run.toml").read_text())
    del data["digest"], data["experiment"]["model"]
    back = {v: k for k, v in {**RENAMED, "model": "memory_model"}.items()}
    data["experiment"] = {back.get(k, k): v for k, v in data["experiment"].items()}
    data = {"digest": digest_of_fields(data), **data}
    (tmp_path / "run" / "run.toml").write_text(tomli_w.dumps(data))
    assert RunDirectory.open(tmp_path / "run").info.experiment == new


def test_todays_names_are_left_alone():
    data = Experiment(model="agent", memory_model="m", memory_model_url="http://x").as_dict()
    assert with_new_names(data) == data


def test_a_baseline_of_an_older_version_differs_by_no_name(monkeypatch):
    kept = of_file(Path(__file__).parents[2] / ".ci" / "baseline.json")
    assert "model_url" in kept.settings
    settings = settings_of(kept)
    assert settings.keys() == Experiment().as_dict().keys()
    assert settings["memory_model_seconds"] == 120.0
