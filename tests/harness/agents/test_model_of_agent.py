"""`--model` reaches the agents that take one, and is refused by all others."""

import json

import pytest

from seqswe.cli import main
from tests.harness.conftest import PLUGINS


def test_an_agent_that_takes_a_model_is_built_with_it(run):
    ended = run("--agent", ":asks", "--model", "small-1", "--memory", "none", limit=1)
    assert ended.code == 0, ended.err
    (rollout,) = ended.store.journal().rollouts
    folder = ended.store.folder("sequential", 0, 0, rollout.instance_id)
    steps = json.loads((folder / "trajectory.json").read_text())["steps"]
    assert steps[-1]["message"] == "asked small-1"
    assert ended.store.info.experiment.model == "small-1"


def test_a_model_given_twice_is_refused(tmp_path, capsys):
    given = ("--model", "a", "--agent-option", "model=b", "--sandbox", "local")
    with pytest.raises(SystemExit) as ended:
        main(["run", "--agent", f"{PLUGINS}asks", *given, "--out", str(tmp_path / "run")])
    assert ended.value.code == 2
    error, hint = capsys.readouterr().err.splitlines()[-2:]
    assert "is given a model by --model and by --agent-option model=" in error
    assert hint == "hint:  Leave one of them out."
