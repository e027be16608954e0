"""Agents whose code runs on the host reach the model through the pipe, without any network."""

import pytest

from tests.harness.gateway.conftest import PRICES
from tests.harness.gateway.scripted_provider import CACHED, INPUT, OUTPUT, Fault, Turn

AGENT = "tests.harness.gateway.agents:"


@pytest.fixture
def given(provider, tmp_path, monkeypatch):
    for name, value in provider.environ().items():
        monkeypatch.setenv(name, value)
    prices = tmp_path / "prices.toml"
    prices.write_text(PRICES)
    provider.says = lambda number, body: (
        Turn(command="echo 1 > new.txt") if len(body["messages"]) == 1 else Turn()
    )
    return (*("--agent", AGENT + "Asking"), *("--model", "m", "--prices", str(prices)))


def test_it_asks_without_a_network_and_is_metered(run, given, provider):
    ended = run(*given, limit=2)
    assert ended.code == 0, ended.err
    for rollout in ended.store.journal().rollouts:
        assert rollout.failure is None, rollout.failure
        assert rollout.edited_files == ("new.txt",)
        assert rollout.usage.prompt_tokens == 2 * (INPUT + CACHED)
        assert rollout.usage.completion_tokens == 2 * OUTPUT
    assert provider.answered == 4


def test_waiting_for_the_provider_is_not_its_time(run, given, provider):
    provider.faults = [Fault(status=429, headers={"retry-after": "2"})]
    ended = run(*given, "--task-seconds", "2", limit=1)
    assert ended.code == 0, ended.err
    assert ended.causes("sequential") == [""]


def test_a_dead_provider_is_not_its_fault(run, given, provider):
    provider.always = Fault(status=403)
    ended = run(*given, "--retries", "0", limit=1)
    assert ended.code == 5
    assert ended.causes("sequential") == ["provider_failed"]


def test_its_budget_ends_it(run, given, provider):
    provider.says = lambda number, body: Turn(command="echo 1 >> new.txt")
    ended = run(*given, "--rollout-tokens", "500", limit=1)
    assert ended.code == 0, ended.err
    assert ended.causes("sequential") == ["agent_out_of_budget"]
    assert ended.store.journal().rollouts[0].edited_files == ("new.txt",)


def test_an_agent_that_asks_a_model_must_be_given_one(tmp_path, capsys):
    from seqswe.cli import main

    with pytest.raises(SystemExit) as ended:
        main(
            ["run", "--out", str(tmp_path / "x"), "--sandbox", "local", "--agent", AGENT + "Asking"]
        )
    assert ended.value.code == 2
    assert "asks a model, and none is given" in capsys.readouterr().err


def test_an_agent_with_a_way_of_its_own_is_told_the_name_of_the_model(run, provider):
    ended = run("--agent", AGENT + "Own", "--model", "some-model", limit=1)
    assert ended.code == 0, ended.err
    assert ended.store.journal().rollouts[0].edited_files == ("some-model",)
    assert provider.asked == []
