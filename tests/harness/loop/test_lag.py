"""A memory that hears of a task some tasks later: another estimand, in the settings' digest."""

import pytest

from seqswe.arms import Cell
from seqswe.cli import main
from seqswe.errors import UsageError
from seqswe.experiment import Experiment
from seqswe.runs.snapshots import EMPTY

CHAIN = Cell(arm="sequential", seed=0, order=range(5), memory="carry", lag=2)


def test_a_lesson_is_due_later_and_only_then_may_be_known():
    assert [CHAIN.due(position) for position in CHAIN.order] == [None, None, 0, 1, 2]
    assert [list(CHAIN.taught(position)) for position in CHAIN.order] == [[], [], [], [0], [0, 1]]


@pytest.mark.parametrize(
    "given",
    [
        {"arm": ("iid", "sequential", "frozen")},
        {"arm": ("iid", "shuffled")},
        {"code_policy": "carry"},
        {"memory": "native", "agent": "codex", "model": "m"},
        {"lag": -1},
    ],
)
def test_where_a_lag_has_no_meaning_it_is_refused(given):
    with pytest.raises(UsageError):
        Experiment(**{"lag": 1, **given})


def test_a_lag_is_part_of_what_was_asked():
    assert Experiment(lag=1).digest != Experiment().digest


def test_a_lagged_memory_is_the_plain_one_of_some_tasks_ago(run):
    given = ("--agent", "gold", "--memory", "vectors", "--jobs", "3")
    plain = run(*given, limit=4, into="plain").store.journal().rollouts
    lagged = run(*given, "--lag", "2", limit=4, into="lagged").store.journal()
    chain = lagged.rollouts
    assert [r.memory_after for r in chain] == [EMPTY, EMPTY, *(r.memory_after for r in plain[:2])]
    assert [r.recalled for r in chain][:3] == [0, 0, 0]
    assert chain[3].recalled_from == (chain[0].instance_id,)
    ahead = run(*given, "--lag", "2", "--speculate", "3", limit=4, into="ahead").store.journal()
    assert ahead.results_digest() == lagged.results_digest()
    assert not any(r.thrown_away for r in ahead.rollouts)  # what it will have heard is known


def test_the_report_says_so(run, capsys):
    store = run("--agent", "gold", "--memory", "episodic", "--lag", "1", limit=2).store
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["report", str(store.root), "--format", "json"])
    assert "LAG: the memory heard of each task 1 task later" in capsys.readouterr().err
