"""The real Codex in a container without a network, asking a scripted model: the whole way.

It is installed once for all tests here, which needs the package indexes.
"""

import json
import os

import pytest

from seqswe.runs.atif import check
from tests.harness.agents.recipes.scripted_model import flat, scripted_model

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("docker", "with_a_key")]
PRICES = '["scripted"]\ninput = 2.0\noutput = 10.0\n'
SEEN = {
    "prompt": "What was learned from earlier tasks in this codebase; it may help or not:",
    "file": "# What was learned from earlier tasks in this codebase",
    "mcp": "memory_search",
}
"""By way of delivery, what the model is told of the memory."""


@pytest.fixture
def with_a_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-of-the-key")


@pytest.fixture
def codex(run, call, tmp_path, monkeypatch):
    """`codex(url, ...)`: two tasks of a chain, asking the model at this address."""
    prices = tmp_path / "prices.toml"
    prices.write_text(PRICES)

    def make(url, *given, out="run"):
        monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
        agent = ("--agent", "codex", "--model", "scripted", "--sandbox", "docker")
        cost = ("--prices", str(prices), "--max-cost", "5")
        few = ("--arm", "sequential", "--seeds", "1", "--limit", "2")
        return call("run", tmp_path / out, *agent, *cost, *few, *given)

    return make


@pytest.mark.parametrize("way", SEEN)
def test_it_works_and_pays_with_the_memory_delivered_each_way(codex, tmp_path, way):
    given = ("--delivery", way)
    with scripted_model() as (url, ledger):
        made = codex(url, *given, "--record", str(tmp_path / "recorded"))
    assert made.code == 0, made.err
    rollouts = made.store.journal().rollouts
    assert [rollout.failure for rollout in rollouts] == [None, None]
    assert all(rollout.edited_files == ("README.md",) for rollout in rollouts)
    # What the report says is what the provider counted.
    assert sum(rollout.usage.prompt_tokens for rollout in rollouts) == ledger.input
    assert sum(rollout.usage.completion_tokens for rollout in rollouts) == ledger.output
    cost = sum(rollout.usage.cost_usd for rollout in rollouts)
    assert cost == pytest.approx((2 * ledger.input + 10 * ledger.output) / 1e6)
    # What was learned from the first task is in what the model is told for the second.
    bodies = [body for body in ledger.bodies if "scripted" in body["model"]]
    assert SEEN[way] in flat(bodies[-1])
    if way == "mcp":
        assert any("001 " in flat(body.get("input")) for body in bodies)
        assert rollouts[1].delivered.used["search"] == 1
    assert "sk-canary" not in json.dumps(ledger.bodies)
    _check_trajectory(made.store.root)
    if way != "mcp":  # one way is enough to replay
        return
    # With the provider gone, the same results.
    os.environ.pop("OPENAI_API_KEY")
    again = codex("http://127.0.0.1:9", *given, "--replay", str(tmp_path / "recorded"), out="again")
    assert again.code == 0, again.err
    assert again.store.journal().results_digest() == made.store.journal().results_digest()


def _check_trajectory(root):
    (path,) = root.glob("rollouts/sequential-0/0001-*/trajectory.json")
    text = path.read_text()
    document = json.loads(text)
    check(document)
    assert document["agent"]["version"] == "0.171.0"
    assert document["extra"]["seqswe"]["task"]["position"] == 1
    assert document["final_metrics"]["extra"]["own_usage"]["output_tokens"] > 0
    assert "sk-canary" not in text
