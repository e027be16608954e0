"""What a person sees of a run under way, and of an agent that is tried."""

import pytest

from harness.commands.advance import Advance, outcome_of
from seqswe.agent import Usage
from seqswe.cli import main
from seqswe.experiment import Experiment, make_plan
from seqswe.runs.rollout import Failure, Rollout


def ended(arm, position, **more):
    return Rollout(arm=arm, seed=0, position=position, instance_id="x", key="k", **more)


def test_arms_failures_and_money_have_a_line_each():
    plan = make_plan(Experiment(seeds=1, max_cost=5.0), ("a", "b", "c"))
    advance = Advance(plan, [ended("iid", 0, resolved=True)], lambda: "2 requests, $1.20")
    advance.add(ended("sequential", 0, resolved=False))
    advance.add(ended("iid", 1, failure=Failure(cause="provider_failed")))
    assert advance.lines() == [
        "iid         1 resolved, 1 graded of 3",
        "sequential  0 resolved, 1 graded of 3",
        "failures: 1 provider_failed (no verdict)",
        "agent: 2 requests, $1.20 of $5",
    ]
    assert advance.data()["arms"]["iid"] == {"planned": 3, "graded": 1, "resolved": 1}
    assert advance.data()["failures"] == {"provider_failed": 1}


def test_without_a_model_there_is_no_money():
    plan = make_plan(Experiment(seeds=1), ("a",))
    advance = Advance(plan, [ended("iid", 0, resolved=True)], lambda: "")
    assert advance.lines()[-1] == "failures: none"
    assert advance.lines(ended=True)[-1] == "cost: no model was asked"
    advance.add(ended("iid", 0, usage=Usage(prompt_tokens=2000, cost_usd=0.5)))
    assert advance.lines()[-1] == "agent: 2,000 tokens, $0.50 by its own count"


def test_a_rollout_that_has_ended_is_one_line():
    assert outcome_of(ended("iid", 3, resolved=True)) == "iid, seed 0, task 4 x: resolved"
    failed = ended("iid", 3, failure=Failure(cause="sandbox_failed"))
    assert outcome_of(failed) == "iid, seed 0, task 4 x: sandbox_failed"


def doctor(capsys, *given):
    with pytest.raises(SystemExit) as stopped:
        main(["doctor", "--sandbox", "local", *given])
    said = capsys.readouterr()
    return stopped.value.code, said.out + said.err


def test_doctor_tries_an_agent(capsys):
    code, said = doctor(capsys, "--agent", "gold")
    assert "ok       agent gold  gold runs; it asks no model" in said
    assert code in (0, 3), "the machine may lack something else"


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        pytest.param("codx", "unknown agent 'codx'", id="unknown"),
        pytest.param("codex", "brings a program, and --sandbox local installs none", id="program"),
        pytest.param("tests.harness.plugins_of_tests:exits", "agent_crashed", id="crashes"),
    ],
)
def test_doctor_says_why_an_agent_cannot_work(capsys, monkeypatch, agent, reason):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    model = ("--model", "m") if agent == "codex" else ()
    code, said = doctor(capsys, "--agent", agent, *model)
    assert code == 3
    assert reason in said
    assert "Traceback" not in said


def test_a_run_without_a_folder_gets_one_of_its_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    given = ["--agent", "noop", "--memory", "none", "--sandbox", "local", "--arm", "iid"]
    for number in (1, 2):
        with pytest.raises(SystemExit):
            main(["run", *given, "--seeds", "1", "--limit", "1"])
        assert (tmp_path / "runs" / f"ledgerlite-noop-none-{number}" / "run.toml").is_file()
        # One arm is nothing to report on: it is to be held against another run.
        assert (
            f"next: seqswe baseline runs/ledgerlite-noop-none-{number}" in capsys.readouterr().err
        )
