"""Whole runs of agents that ask a model through the gateway."""

import os
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

from seqswe.cli import main
from tests.harness.gateway.conftest import PRICES
from tests.harness.gateway.scripted_provider import CACHED, INPUT, OUTPUT, Fault, Turn

ROOT = Path(__file__).parents[3]
AGENT = dedent(
    """
    import json, os, subprocess, sys, urllib.error, urllib.request
    url, model = os.environ["SEQSWE_GATEWAY_URL"], os.environ["SEQSWE_GATEWAY_MODEL"]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    said = [{"role": "user", "content": open(os.environ["SEQSWE_TASK_FILE"]).read()}]
    while True:
        body = json.dumps({"model": model, "messages": said, "stream": True}).encode()
        key = {"authorization": "Bearer " + os.environ["SEQSWE_GATEWAY_TOKEN"]}
        request = urllib.request.Request(url + "/v1/chat/completions", body, key)
        try:
            lines = opener.open(request).read().splitlines()
        except urllib.error.HTTPError as error:
            sys.exit(error.read().decode())
        events = [json.loads(l[6:]) for l in lines if l[:6] == b"data: " and l[6:] != b"[DONE]"]
        message = events[0]["choices"][0]["delta"]
        said.append(message)
        for call in message.get("tool_calls", []):
            command = json.loads(call["function"]["arguments"])["command"]
            done = subprocess.run(command, shell=True, capture_output=True, text=True)
            said.append({"role": "tool", "content": done.stdout + done.stderr})
        if not message.get("tool_calls"):
            break
    """
)


def edits_then_ends(number, body):
    """A file is made by the first request of a rollout, and the second one ends it."""
    said = len(body["messages"])
    return Turn(command="echo 1 > new.txt && cat new.txt") if said == 1 else Turn(text="done")


@pytest.fixture
def given(provider, tmp_path, monkeypatch):
    """What an agent with a model is run with; the provider is found by the environment."""
    for name, value in provider.environ().items():
        monkeypatch.setenv(name, value)
    prices = tmp_path / "prices.toml"
    prices.write_text(PRICES)
    provider.says = edits_then_ends
    return (
        *("--agent", "command", "--agent-option", f"run=python3 - <<'END'\n{AGENT}\nEND"),
        *("--model", "m", "--prices", str(prices)),
    )


def rollouts(ended):
    return ended.store.journal().rollouts


def test_tokens_and_cost_of_every_rollout_are_what_the_provider_counted(run, given, provider):
    ended = run(*given, limit=2, arms=("iid", "sequential"))
    assert ended.code == 0, ended.err
    assert len(rollouts(ended)) == 4
    for rollout in rollouts(ended):
        assert rollout.failure is None
        assert rollout.edited_files == ("new.txt",)
        assert rollout.usage.prompt_tokens == 2 * (INPUT + CACHED)
        assert rollout.usage.completion_tokens == 2 * OUTPUT
        assert rollout.usage.cost_usd == pytest.approx(
            2 * (INPUT * 10 + CACHED + OUTPUT * 100) / 1e6
        )
    assert provider.answered == 8
    lines = (ended.store.root / "model_requests.jsonl").read_text().splitlines()
    assert len(lines) == 8


def test_the_results_do_not_depend_on_who_answered(run, call, given, provider, tmp_path):
    """Recorded, and replayed with no provider and no key."""
    first = run(*given, "--record", str(tmp_path / "kept"), limit=2, arms=("iid", "sequential"))
    assert first.code == 0, first.err
    provider.stop()
    for name in provider.environ():
        os.environ.pop(name)
    again = call(
        "run",
        tmp_path / "again",
        *given[:-2],
        *("--arm", "iid", "--arm", "sequential", "--seeds", "1", "--limit", "2"),
        *("--replay", str(tmp_path / "kept")),
    )
    assert again.code == 0, again.err
    assert again.store.journal().results_digest() == first.store.journal().results_digest()


def test_a_replayed_request_that_differs_is_shown(run, call, given, provider, tmp_path):
    run(*given, "--record", str(tmp_path / "kept"), limit=1)
    provider.stop()
    other = [word.replace('"role": "user"', '"role": "system"') for word in given]
    again = call(
        "run",
        tmp_path / "again",
        *other,
        *("--arm", "sequential", "--seeds", "1", "--limit", "1"),
        *("--replay", str(tmp_path / "kept")),
    )
    assert again.code == 5
    assert again.causes("sequential") == ["recording_differs"]
    assert (
        'differs at /messages/0/role: recorded "user", now "system"'
        in again.store.journal().rollouts[0].failure.detail
    )


def test_a_dead_provider_is_tried_again_and_never_graded(run, given, provider):
    provider.always = Fault(status=401)
    ended = run(*given, "--retries", "1", limit=1)
    assert ended.code == 5
    assert ended.causes("sequential") == ["provider_failed"]
    assert ended.verdicts("sequential") == [None]
    assert len(provider.asked) == 2, "once for each try of the rollout"


def test_a_rollout_that_used_up_its_own_budget_is_graded(run, given, provider):
    provider.says = lambda number, body: Turn(command="echo 1 >> new.txt")
    ended = run(*given, "--rollout-requests", "3", limit=1)
    assert ended.code == 0, ended.err
    assert ended.causes("sequential") == ["agent_out_of_budget"]
    assert ended.verdicts("sequential") == [False]
    assert ended.store.journal().rollouts[0].edited_files == ("new.txt",)
    assert len(provider.asked) == 3


def test_the_runs_budget_holds_with_four_at_a_time_and_the_run_goes_on(run, call, given, provider):
    provider.delay = 0.05
    each = INPUT + CACHED + OUTPUT
    jobs = 4
    ended = run(*given, "--max-tokens", str(5 * each), "--jobs", str(jobs), limit=5, arms=("iid",))
    assert ended.code == 4, ended.err
    assert "tokens" in ended.err
    assert 5 <= provider.answered <= 5 + jobs, "one request of each rollout under way at most"
    done = [r for r in ended.store.journal().rollouts if r.graded]
    assert all(r.failure is None for r in done)
    assert {c for c in ended.causes("iid") if c} <= {"run_out_of_budget"}
    before = provider.answered
    still = call("resume", ended.store.root)
    assert still.code == 4
    assert provider.answered == before, "nothing is asked while nothing is left"
    more = call("resume", ended.store.root, "--max-tokens", str(100 * each))
    assert more.code == 0, more.err
    assert all(r.graded for r in more.store.journal().rollouts)
    assert len(more.store.journal().rollouts) == 5


def test_no_key_is_written_anywhere(run, given, provider, tmp_path, monkeypatch):
    provider.faults = [Fault(), Fault(status=400, body=b'{"error": "wrong key $KEY"}')]
    ended = run(
        *given, "--record", str(tmp_path / "kept"), "--retries", "0", limit=2, arms=("iid",)
    )
    provider.always = Fault(status=401, body=b'{"error": "wrong key $KEY"}')
    key = provider.environ()["OPENAI_API_KEY"]
    assert any(key in asked.headers.get("Authorization", "") for asked in provider.asked)
    for path in [*tmp_path.rglob("*")]:
        if path.is_file():
            assert key.encode() not in path.read_bytes(), path
    assert key not in ended.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--agent", "noop", "--model", "m"), 2, "does not ask a model"),
        (("--prices", ""), 2, "there is no price for the model 'm'"),
        (("--replay", "/nowhere"), 2, "/nowhere is no folder"),
        (("--allow-unpriced", "--prices", "", "--max-cost", "1"), 2, "cannot hold"),
        (("--sandbox", "tests.harness.gateway.agents:Elsewhere"), 2, "cannot reach a model"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_run(
    given, provider, tmp_path, capsys, words, code, said
):
    with pytest.raises(SystemExit) as ended:
        main(["run", "--out", str(tmp_path / "run"), "--sandbox", "local", *given, *words])
    assert ended.value.code == code
    assert said in capsys.readouterr().err
    assert provider.asked == []


def test_what_a_killed_run_spent_counts_when_it_goes_on(call, given, provider, tmp_path):
    each, out = INPUT + CACHED + OUTPUT, tmp_path / "run"
    command = [
        *(sys.executable, "-m", "seqswe", "run", "--out", str(out), "--sandbox", "local"),
        *("--arm", "iid", "--seeds", "1", "--limit", "3", "--jobs", "1", *given),
    ]
    provider.delay = 0.3
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    while provider.answered < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    lines = (out / "model_requests.jsonl").read_text().splitlines()
    assert len(lines) >= 2
    provider.delay, before = 0.0, provider.answered
    ended = call("resume", out, "--max-tokens", str((len(lines) + 1) * each))
    assert ended.code == 4, ended.err
    assert provider.answered - before <= 2
    ended = call("resume", out, "--max-tokens", "0")
    assert ended.code == 0, ended.err
    assert ended.store.journal().rollouts[0].usage.completion_tokens == 2 * OUTPUT


def test_a_run_without_prices_does_not_say_what_it_cost(run, given):
    ended = run(*given, "--prices", "", "--allow-unpriced", limit=1)
    assert "2 requests to the model, 320 tokens\n" in ended.err
    assert ended.store.journal().rollouts[0].usage.cost_usd is None


def test_a_missing_key_is_said_before_anything_is_run(given, tmp_path, capsys, monkeypatch):
    for name in ("OPENAI", "ANTHROPIC"):
        monkeypatch.delenv(f"{name}_API_KEY")
        monkeypatch.delenv(f"{name}_BASE_URL")
    monkeypatch.delenv("GEMINI_API_KEY")
    monkeypatch.delenv("GOOGLE_GEMINI_BASE_URL")
    with pytest.raises(SystemExit) as ended:
        main(["run", "--out", str(tmp_path / "run"), "--sandbox", "local", *given])
    assert ended.value.code == 3
    assert "OPENAI_API_KEY" in capsys.readouterr().err
