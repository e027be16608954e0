"""What a person sees of a run under way, and of an agent that is tried."""

import pytest

from harness.commands.advance import Advance
from seqswe.cli import main
from seqswe.experiment import Experiment, make_plan
from seqswe.runs.rollout import Failure, Rollout


def ended(arm, position, **more):
    return Rollout(arm=arm, seed=0, position=position, instance_id="x", key="k", **more)


def test_tasks_by_arm_money_and_the_last_rollout_are_on_one_line():
    plan = make_plan(Experiment(seeds=1, max_cost=5.0), ("a", "b", "c"))
    advance = Advance(plan, [ended("iid", 0, resolved=True)], lambda: 1.2)
    assert (
        advance.line(ended("sequential", 0, resolved=False))
        == "iid 1/3 · sequential 1/3 · $1.20 of $5 · sequential, seed 0, task 1 x unresolved"
    )
    failed = ended("iid", 1, failure=Failure(cause="provider_failed"))
    assert advance.line(failed).startswith("iid 1/3 · sequential 1/3 ·"), "it has no verdict"
    assert advance.line(failed).endswith("iid, seed 0, task 2 x provider_failed")


def test_without_a_model_there_is_no_money_on_it():
    plan = make_plan(Experiment(seeds=1), ("a",))
    assert "$" not in Advance(plan, [], lambda: None).line(ended("iid", 0, resolved=True))


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
        assert (tmp_path / "runs" / f"ledgerlite-noop-{number}" / "run.toml").is_file()
        assert f"next: seqswe report runs/ledgerlite-noop-{number}" in capsys.readouterr().err
