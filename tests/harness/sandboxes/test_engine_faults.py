"""Whatever an engine does in mid-run, the rollout failed for its sandbox, and is tried again."""

import json
import os
import threading
import time

import pytest

from seqswe import plugins
from seqswe.cli import main
from seqswe.errors import RolloutError
from tests.harness.sandboxes.faulty_engine import FAULTS, FaultyEngine

pytestmark = pytest.mark.docker
RUN = (
    *("run", "--codebase", "ledgerlite", "--agent", "gold", "--memory", "episodic"),
    *("--arm", "iid", "--arm", "sequential", "--seeds", "1", "--limit", "3", "--jobs", "2"),
)
# An engine that says "started" and starts nothing is found out as well, by the first deadline.
SAYS_YES = {"garbage", "no fields", "half an answer"}
CALLS = {
    "create": "POST /containers/create",
    "attach": "POST /containers/[^/]+/attach",
    "start": "POST /containers/[^/]+/start",
    "remove": "DELETE /containers/",
}


@pytest.fixture
def engine(docker, tmp_path, monkeypatch):
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not address.startswith("unix://"):
        pytest.skip("the engine is not on a Unix socket")
    faulty = FaultyEngine(str(tmp_path / "engine"), address.removeprefix("unix://"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{faulty.path}")
    yield faulty
    faulty.go_away()


@pytest.fixture
def provider(engine):
    made = plugins.build("sandbox", "docker")
    yield made
    engine.break_("")
    made.close()


@pytest.mark.parametrize("call", ["create", "attach", "start"])
def test_a_fault_while_a_sandbox_opens_is_the_sandboxs(engine, provider, lay, call):
    spec = lay()
    provider.prepare(spec.environment)
    for fault in sorted(set(FAULTS) - (SAYS_YES if call == "start" else set())):
        engine.break_(fault, CALLS[call])
        with pytest.raises(RolloutError) as caught:
            provider.open(spec)
        assert caught.value.cause == "sandbox_failed", fault
        assert len(str(caught.value)) < 400, fault


def test_a_fault_while_a_sandbox_closes_hides_nothing(engine, provider, lay):
    for fault in FAULTS:
        engine.break_("")
        box = provider.open(lay())
        engine.break_(fault, CALLS["remove"])
        box.close()
        with pytest.raises(RolloutError) as caught:
            box.run("true")
        assert caught.value.cause == "sandbox_failed", fault
    engine.break_("")
    assert settled(provider.client) == [], "one did not end with its connection"


def settled(client):
    """This process's containers, once there is none or after a while."""
    for _ in range(100):
        left = client.containers.list(filters={"label": "seqswe.run=tests"}, ignore_removed=True)
        mine = [c for c in left if c.labels["seqswe.owner"].startswith(f"{os.getpid()}-")]
        if not mine:
            break
        time.sleep(0.1)
    return mine


def rollouts(out):
    path = out / "rollouts.jsonl"
    return list(map(json.loads, path.read_text().splitlines())) if path.exists() else []


def run_while(engine, out, trouble):
    """Run a few tasks; once one has its verdict, there is trouble while a sandbox opens."""

    def started():
        return sum(name.endswith("/start") for name in engine.seen)

    def wait():
        while not rollouts(out):
            time.sleep(0.01)
        before = started()
        while started() == before:
            time.sleep(0.001)
        trouble()

    threading.Thread(target=wait, daemon=True).start()
    with pytest.raises(SystemExit):
        main([*RUN, "--sandbox", "docker", "--out", str(out)])
    last = {(r["arm"], r["seed"], r["position"]): r for r in rollouts(out)}  # of several tries
    return [(r["failure"] or {}).get("cause", "") for r in last.values()]


@pytest.mark.parametrize("fault", ["gone", "500", "garbage"])
def test_an_engine_that_breaks_in_mid_run_is_no_bug_of_the_harness(engine, tmp_path, fault):
    def trouble():
        engine.break_(fault)
        engine.go_away() if fault == "gone" else engine.cut()

    causes = run_while(engine, tmp_path / "run", trouble)
    assert set(causes) == {"", "sandbox_failed"}


def test_rollouts_are_tried_again_once_it_is_back(engine, tmp_path):
    causes = run_while(engine, tmp_path / "run", engine.cut)
    assert causes == [""] * 6
