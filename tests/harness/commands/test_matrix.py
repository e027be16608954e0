"""A matrix of settings is one study: planned, run, gone on with and reported together."""

import json

import pytest

from seqswe.arms import BASELINE
from seqswe.runs.store import RunDirectory
from seqswe.runs.study import Study
from tests.harness.commands.test_suite import codebases, say  # noqa: F401  (fixtures)

MATRIX = """
agent = "gold"
sandbox = "local"
seeds = 1
limit = 2
arm = ["iid", "sequential"]

[matrix]
codebase = ["ledgerlite", "twin"]
memory = ["none", {name = "few", memory = "episodic", memory-option = ["k=3"]}, "git_history"]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "board.toml"
    path.write_text(MATRIX)
    return path


def arms(run):
    return RunDirectory.open(run).info.experiment.arm


def test_every_combination_is_run_and_what_recalls_nothing_shares_an_iid_arm(
    codebases,  # noqa: F811
    say,  # noqa: F811
    file,
    tmp_path,
):
    out = tmp_path / "board"
    code, said, err = say("plan", "--config", file)
    assert code == 0, err
    assert "24 rollouts: 12 tasks x 2 arms x 1 seed" in said
    assert "which leaves 16 rollouts" in said
    code, _, err = say("run", "--config", file, "--out", out)
    assert code == 0, err
    names = [f"{c}-{m}" for c in ("ledgerlite", "twin") for m in ("none", "few", "git_history")]
    runs = Study.open(out).runs()
    assert [run.name for run in runs] == names
    assert [BASELINE in arms(run) for run in runs] == [True, False, True] * 2
    assert RunDirectory.open(runs[1]).info.experiment.memory_option == ("k=3",)
    assert "its own iid arm is run" in err  # git_history recalls something when it is empty
    assert "; study: run 2 of 6, about " in err
    assert "; study: run 6 of 6\n" in err, "nothing is left"
    (out / "twin-few" / "rollouts.jsonl").write_text("")  # as if it had been stopped before it
    code, _, err = say("resume", out)
    assert code == 0, err
    assert "twin-none is finished" in err
    assert Study.open(out).runs() == runs
    assert BASELINE not in arms(out / "twin-few")
    code, _, err = say("report", out)
    assert code == 0, err
    board = json.loads((out / "leaderboard.json").read_text())
    assert {"none", "episodic", "git_history"} <= {row["memory"] for row in board["memories"]}
    code, said, err = say("report", *runs[:3], "--out", tmp_path)
    assert code == 0, err
    assert f"the iid arm is that of {runs[0]}" in err


def test_whoever_interrupts_a_study_is_told_how_all_of_it_goes_on(
    codebases,  # noqa: F811
    say,  # noqa: F811
    file,
    tmp_path,
    monkeypatch,
):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.commands.run.is_here", interrupted)
    code, _, err = say("run", "--config", file, "--out", tmp_path / "board")
    assert code == 130
    assert f"`seqswe resume {tmp_path / 'board'}` goes on" in err


@pytest.mark.parametrize(
    ("matrix", "why"),
    [
        ("[matrix]\nmemory = []", "is no list, or empty"),
        ("matrix = 3", "is no table of lists"),
        ('[matrix]\nmemory = ["none", "none"]', "two runs of the matrix are called 'none'"),
        ('[matrix]\nmemry = ["none"]', "sets 'memry', which is no setting"),
        ("[matrix]\nmemory = [{memory = 3, name = 'x'}]", "field 'memory'"),
        ("[matrix]\nmemory = [{memory-option = ['k=3']}]", "has a table without a name"),
        ('[matrix]\na = [{name = "x", seeds = 2}]\nseeds = [1]', "two axes of the matrix set"),
        ("[matrix]\nmax-cost = [1.0, 2.0]", "which is no setting"),
        ('[matrix]\nmemory = ["nothing"]', "unknown memory 'nothing'"),
        ('[matrix]\ncodebase = ["nowhere"]', "unknown codebase 'nowhere'"),
    ],
)
def test_a_matrix_that_makes_no_sense_is_refused(say, file, matrix, why):  # noqa: F811
    file.write_text(matrix)
    code, _, err = say("plan", "--config", file)
    assert code == 2
    assert why in err


def test_a_setting_of_the_matrix_is_given_once(say, file, cache):  # noqa: F811
    code, _, err = say("plan", "--config", file, "--memory", "none")
    assert code == 2
    assert "the matrix sets memory, and it is given as well" in err
    code, _, err = say("run", "--config", file, "--suite", "seqswe-lite")
    assert code == 2
    assert "a suite and a matrix both say what is run" in err
    code, _, err = say("mine", "ledgerlite", "--config", file)
    assert code == 2
