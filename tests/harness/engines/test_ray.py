"""A run on a real cluster of two raylets, one of which is killed: same results, nothing left."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seqswe.runs.store import RunDirectory
from tests.harness.conftest import PLUGINS

pytest.importorskip("ray", reason="needs the extra: pip install 'seqswe[ray]'")
ROOT = Path(__file__).parents[3]
SECONDS = 600.0
GIVEN = (
    *("--arm", "iid", "--arm", "sequential", "--seeds", "1", "--limit", "3", "--sandbox", "local"),
    *("--agent", PLUGINS + "naps", "--memory", "episodic", "--jobs", "1"),
)


@pytest.fixture
def cluster(cache, monkeypatch):
    """A head without slots, and two machines of one slot each; real raylets on this machine."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_worker_niceness", "0")
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "300")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    given = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
    try:
        made = Cluster(initialize_head=True, head_node_args=given)
    except Exception as error:  # noqa: BLE001  (of a machine so busy that Ray's own deadlines pass)
        pytest.skip(f"Ray does not start here: {error}")
    yield made
    made.shutdown()


def start(temporary, *arguments):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "seqswe", *map(str, arguments)]
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)


def wait_for(condition, process):
    until = time.monotonic() + SECONDS
    while not condition() and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.1)


def rollouts(run):
    journal = run / "rollouts.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def test_a_machine_that_is_killed_costs_only_the_rollouts_in_its_hand(
    cluster, tmp_path, monkeypatch
):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))  # of the machines, which are started from here
    slots = {"num_cpus": 1, "object_store_memory": 80_000_000, "resources": {"rollouts": 1}}
    machines = [cluster.add_node(**slots) for _ in range(2)]
    run, plain = tmp_path / "run", tmp_path / "plain"
    address = ("--engine", "ray", "--engine-address", cluster.address)
    process = start(temporary, "run", *GIVEN, *address, "--out", run)
    wait_for(lambda: rollouts(run) >= 2, process)
    cluster.remove_node(machines[0], allow_graceful=False)
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    assert "is lost" in said
    assert "Traceback" not in said
    beside = start(temporary, "run", *GIVEN, "--out", plain)
    _, said = beside.communicate(timeout=SECONDS)
    assert beside.returncode == 0, said
    journals = [RunDirectory.open(each).journal() for each in (run, plain)]
    assert journals[0].results_digest() == journals[1].results_digest()
    assert rollouts(run) == 6  # each was written once
    until = time.monotonic() + SECONDS
    while list(temporary.glob("seqswe-*")) and time.monotonic() < until:
        time.sleep(0.2)
    assert not list(temporary.glob("seqswe-*"))
