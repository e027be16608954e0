"""mini by the command line: through the gateway to a scripted model, in a container, replayed."""

import json
import subprocess
import sys

import pytest

from seqswe.runs.atif import check
from tests.harness.agents.recipes.scripted_model import flat, scripted_model

pytest.importorskip("minisweagent", reason="the extra `mini` is not installed")
SEEN = {
    "prompt": "What was learned from earlier tasks in this codebase; it may help or not:",
    "folder": "`memory search WORDS`",
}
"""By way of delivery, what the model is told of the memory."""


@pytest.mark.docker
@pytest.mark.usefixtures("docker")
@pytest.mark.parametrize("way", SEEN)
def test_it_works_pays_and_replays(run, call, tmp_path, monkeypatch, way):
    prices = tmp_path / "prices.toml"
    prices.write_text('["scripted"]\ninput = 2.0\noutput = 10.0\n')
    given = ["--agent", "mini", "--model", "scripted", "--sandbox", "docker", "--delivery", way]
    given += ["--prices", str(prices), "--arm", "sequential", "--seeds", "1", "--limit", "2"]
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-of-the-key")
    with scripted_model() as (url, ledger):
        monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
        made = call("run", tmp_path / "run", *given, "--record", str(tmp_path / "recorded"))
    assert made.code == 0, made.err
    rollouts = made.store.journal().rollouts
    assert [(r.failure, r.edited_files) for r in rollouts] == [(None, ("README.md",))] * 2
    assert sum(r.usage.prompt_tokens for r in rollouts) == ledger.input
    assert sum(r.usage.completion_tokens for r in rollouts) == ledger.output
    assert SEEN[way] in flat(ledger.bodies[-1])
    assert "sk-canary" not in json.dumps(ledger.bodies)
    (path,) = made.store.root.glob("rollouts/sequential-0/0001-*/trajectory.json")
    check(json.loads(path.read_text()))
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    again = call("run", tmp_path / "again", *given, "--replay", str(tmp_path / "recorded"))
    assert again.code == 0, again.err
    assert again.store.journal().results_digest() == made.store.journal().results_digest()


def test_without_the_extra_it_says_what_to_install():
    script = (
        "import sys; sys.modules['minisweagent'] = None;"
        "from seqswe import plugins; plugins.resolve('agent', 'mini')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "MissingError: agent 'mini' needs the package" in done.stderr
