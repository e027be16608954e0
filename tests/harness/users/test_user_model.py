"""A user who asks a model: through a gateway that meters, limits and records, and no agent's."""

import json

import pytest

from seqswe.cli import main
from seqswe.runs.rollout import Asked
from seqswe.user import Fact
from tests.harness.gateway.conftest import PRICES
from tests.harness.gateway.scripted_provider import (
    CACHED,
    INPUT,
    OUTPUT,
    Fault,
    ScriptedProvider,
    Turn,
)

EACH = INPUT + CACHED + OUTPUT


class Modelled:
    """Has a model answer every question."""

    apis = ("chat",)

    def __init__(self, *, seed, model):
        self.model = model

    def answer(self, task, kind, argument, facts):
        said = [{"role": "user", "content": f"{kind} of {task.problem_statement}"}]
        asked = {"model": self.model.name, "messages": said}
        answer = self.model.post("/v1/chat/completions", asked)
        text = json.loads(answer.body)["choices"][0]["message"]["content"]
        return Fact(kind=kind, text=text, price=3)


@pytest.fixture
def provider():
    with ScriptedProvider(lambda number, body: Turn(text="it rains")) as made:
        yield made


@pytest.fixture
def given(provider, tmp_path, monkeypatch):
    """An agent without a model, and a user with one, who is found by the environment."""
    for name, value in provider.environ().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "prices.toml").write_text(PRICES)
    return (
        *("--agent", ":tells", "--memory", "none", "--prices", str(tmp_path / "prices.toml")),
        *("--user", "tests.harness.users.test_user_model:Modelled", "--user-model", "m"),
    )


def test_what_a_user_asks_is_metered_recorded_and_replayed(run, given, provider, tmp_path):
    kept = str(tmp_path / "kept")
    ended = run(*given, "--record", kept, limit=2)
    assert ended.code == 0, ended.err
    rollouts = ended.store.journal().rollouts
    for rollout in rollouts:
        assert rollout.asked == Asked(budget=10, spent=3, answered={"traceback": 1})
        assert rollout.usage.prompt_tokens is None, "the agent asked no model"
        assert rollout.user_usage.tokens == EACH
        assert rollout.user_usage.cost_usd > 0
    lines = (ended.store.root / "model_requests.jsonl").read_text().splitlines()
    assert [json.loads(line)["charged_tokens"] for line in lines] == [EACH, EACH]
    provider.stop()
    again = run(*given, "--replay", kept, limit=2, into="again")
    assert again.code == 0, again.err
    digests = [each.store.journal().results_digest() for each in (ended, again)]
    assert digests[0] == digests[1]


@pytest.fixture
def asks_twice(given, ledgerlite, tmp_path):
    """The same, with an agent that asks twice on the first task."""
    script = tmp_path / "script.json"
    script.write_text(json.dumps({ledgerlite.instances[0].instance_id: ["ask a", "ask b"]}))
    return (*given, "--agent", "scripted", "--agent-option", f"script={script}")


def test_a_rollouts_requests_used_up_are_questions_out_of_scope(run, asks_twice, provider):
    ended = run(*asks_twice, "--rollout-requests", "1", limit=1)
    assert ended.code == 0, ended.err
    (rollout,) = ended.store.journal().rollouts
    assert not rollout.failure
    assert rollout.asked == Asked(budget=10, spent=3, answered={"a": 1}, refused=1)
    assert provider.answered == 1


def test_the_budget_of_the_run_holds_for_it(run, asks_twice, provider):
    ended = run(*asks_twice, "--max-tokens", str(EACH), limit=1)
    assert ended.code == 4, ended.err
    assert ended.causes("sequential") == ["run_out_of_budget"]
    assert provider.answered == 1


def test_a_provider_that_fails_is_not_the_agents_failure(run, given, provider):
    provider.always = Fault(status=401)
    ended = run(*given, "--retries", "0", limit=1)
    assert ended.code == 5, ended.err
    assert ended.causes("sequential") == ["provider_failed"]
    assert not any(r.graded for r in ended.store.journal().rollouts)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--user-model", ""), "asks a model, and none is given"),
        (("--user", "facts"), "user 'facts' does not ask a model"),
        (("--ask-budget", "0"), "no user can be asked, so --user-model would change nothing"),
        (("--prices", ""), "there is no price for the model 'm'"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_run(given, tmp_path, capsys, words, said):
    with pytest.raises(SystemExit) as ended:
        main(["run", "--out", str(tmp_path / "run"), "--sandbox", "local", *given[4:], *words])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
