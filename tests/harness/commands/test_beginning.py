"""What run, plan and demo begin with: the demo's settings, folders, unknown variables."""

import json

import pytest

from harness.commands.beginning import DEMO, free_folder, short_name
from seqswe.cli import main
from seqswe.experiment import Experiment


@pytest.fixture
def call(tmp_path, monkeypatch, capsys, cache):
    """Calls the command line in an empty folder; gives code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


def origins(call, *given):
    code, out, err = call("plan", "--json", *given)
    assert code == 0, err
    return json.loads(out)["data"]


def test_an_experiment_of_which_nothing_is_named_is_the_demos(call):
    data = origins(call)
    shown = {name: data["settings"][name] for name in DEMO}
    assert shown == {**DEMO, "memory_option": ["k=100"]}
    assert {data["origins"][name] for name in DEMO} == {"demo"}


def test_one_that_is_named_is_as_its_defaults_say(call):
    data = origins(call, "--memory", "recency")
    assert (data["settings"]["codebase"], data["settings"]["agent"]) == ("ledgerlite", "localizer")
    assert "demo" not in data["origins"].values()


def test_the_folder_of_a_run_is_named_by_what_it_is_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment = Experiment(agent="./mine.toml", memory="sub/mine.py:Mine")
    assert str(free_folder(experiment)) == "runs/ledgerlite-mine-mine-Mine-1"
    (tmp_path / "runs" / "ledgerlite-mine-mine-Mine-1").mkdir(parents=True)
    assert str(free_folder(experiment)) == "runs/ledgerlite-mine-mine-Mine-2"
    assert short_name("a.b:C.d") == "a.b-C.d"


def test_unknown_variables_are_told(call, monkeypatch):
    monkeypatch.setenv("SEQSWE_SEDS", "5")
    monkeypatch.setenv("SEQSWE_JOBS", "1")
    code, _, err = call("plan")
    assert code == 0
    assert err == (
        "warning: the environment variable SEQSWE_SEDS is no setting; did you mean SEQSWE_SEEDS?\n"
    )


@pytest.mark.parametrize(
    ("given", "code", "error"),
    [
        (("--memory-option", "nope=1", "--memory", "episodic"), 2, "'nope'"),
        (("--memory-model", "m", "--memory-model-url", "http://x"), 2, "does not ask"),
        (("--agent", "noop", "--model", "m"), 2, "does not ask a model"),
        (("--delivery", "mcp"), 2, "deliver"),
        (("--mirror", "no-such-folder"), 3, "no-such-folder does not exist"),
        (("--out", "taken"), 2, "taken is not empty"),
    ],
)
def test_plan_refuses_what_run_would_refuse(call, tmp_path, given, code, error):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "letter.txt").write_text("dear")
    assert call("plan", *given)[0] == code
    refused = call("run", "--sandbox", "local", *given)
    assert refused[0] == code
    assert error in refused[2]
    assert call("plan", *given)[2].splitlines()[-2] == refused[2].splitlines()[-2]
    assert not (tmp_path / "runs").exists()
