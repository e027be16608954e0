"""A run may be killed at any moment: resumed, it ends with the same results, bit for bit."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from harness.sandboxes.cleanup import OWNED
from seqswe.runs.store import RunDirectory
from tests.harness.conftest import PLUGINS

ROOT = Path(__file__).parents[3]
GIVEN = (
    *("--arm", "iid", "--arm", "sequential", "--seeds", "1", "--jobs", "2"),
    *("--agent", "gold", "--memory", "episodic"),
)
"""Two arms, one of them a chain, and a memory that grows."""


@pytest.fixture
def start(cache, tmp_path):
    """Starts the command line in a process of its own, with temporary folders of its own."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    started = []

    def make(*arguments):
        command = [sys.executable, "-m", "seqswe", *map(str, arguments)]
        process = subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield make
    for process in started:
        process.kill()
        process.communicate()


def finish(process):
    """The exit code and what was said."""
    _, said = process.communicate(timeout=300)
    assert "Traceback" not in said, said
    return process.returncode, said


def lines(run):
    """Finished rollouts in a journal, at any moment of its life."""
    with suppress(FileNotFoundError):
        return (run / "rollouts.jsonl").read_bytes().count(b"\n")
    return 0


def wait_for(condition, process):
    """Poll until a condition holds or the process has ended."""
    while not condition() and process.poll() is None:
        time.sleep(0.01)


def killed_until_done(start, run, draw, begin):
    """Kill -9 at random moments, resume, and again, until the run is complete."""
    kills = 0
    process = start(*begin)
    wait_for((run / "run.toml").exists, process)
    while True:
        goal = lines(run) + draw.choice([0, 1, 1, 2])
        wait_for(lambda goal=goal: lines(run) >= goal, process)
        time.sleep(draw.uniform(0.0, 0.5))
        if process.poll() is not None:
            break
        process.kill()
        process.communicate()
        kills += 1
        process = start("resume", run)
    code, said = finish(process)
    assert code == 0, said
    return kills


def digest(run):
    return RunDirectory.open(run).journal().results_digest()


def snapshots(run):
    return sorted(p.relative_to(run) for p in (run / "memory").rglob("*.json"))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, cache):
    """The run that nobody disturbed, and its results."""
    run = tmp_path_factory.mktemp("uninterrupted") / "run"
    command = [sys.executable, "-m", "seqswe", "run", *GIVEN, "--limit", "4", "--out", str(run)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([*command, "--sandbox", "local"], env=env, check=True, capture_output=True)
    return run


@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_killed_at_any_moment_ends_with_the_same_results(
    start, tmp_path, uninterrupted, seed
):
    run = tmp_path / "run"
    begin = ("run", *GIVEN, "--limit", "4", "--sandbox", "local", "--out", run)
    kills = killed_until_done(start, run, random.Random(seed), begin)
    assert kills
    assert digest(run) == digest(uninterrupted)
    assert snapshots(run) == snapshots(uninterrupted)
    assert lines(run) == 8  # no rollout that was committed was done again


def test_what_the_killed_left_is_swept_by_the_next(start, tmp_path, cache):
    run = tmp_path / "run"
    process = start("run", *GIVEN, "--limit", "3", "--sandbox", "local", "--out", run)
    wait_for(lambda: lines(run) >= 1, process)
    process.kill()
    process.communicate()
    assert leftovers(tmp_path / "tmp", cache, process.pid)
    assert finish(start("resume", run))[0] == 0
    assert leftovers(tmp_path / "tmp", cache, process.pid) == []
    assert list((tmp_path / "tmp").glob("seqswe-*")) == []


def leftovers(temporary, cache, pid):
    """Folders of a process, in its temporary folder and in the cache."""
    folders = [*temporary.iterdir(), *cache.glob("history/*/scratch-*")]
    return [
        f for f in folders if (found := OWNED.search(f.name)) and found[1].startswith(f"{pid}-")
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("agent", ["sleeps", "thinks"])
def test_a_stop_is_quick_and_leaves_nothing(start, tmp_path, cache, number, agent):
    run = tmp_path / "run"
    process = start(
        *("run", "--agent", PLUGINS + agent, "--memory", "none", "--limit", "2", "--seeds", "1"),
        *("--sandbox", "local", "--out", run),
    )
    boxes = (tmp_path / "tmp").glob
    wait_for(lambda: len(list(boxes("seqswe-local-*/testbed/.git"))) >= 2, process)
    time.sleep(0.3)
    process.send_signal(number)
    time.sleep(0.2)
    process.send_signal(number)  # an impatient second one must not disturb the clean-up
    began = time.monotonic()
    code, said = finish(process)
    assert time.monotonic() - began < 30
    assert code == 130
    assert said.splitlines()[-2:] == [
        "error: interrupted",
        f"hint:  {run} keeps what is finished; `seqswe resume {run}` goes on.",
    ]
    assert list((tmp_path / "tmp").glob("seqswe-*")) == []
    assert leftovers(tmp_path / "tmp", cache, process.pid) == []
    assert lines(run) == 0


def test_a_stop_before_anything_began_is_a_stop_too(start, tmp_path):
    process = start("run", *GIVEN, "--sandbox", "local", "--out", tmp_path / "run")
    wait_for(lambda: catches(process, signal.SIGTERM), process)
    process.send_signal(signal.SIGTERM)
    code, said = finish(process)
    assert code == 130, said


LOST = """
import signal, sys, time
from seqswe import cli

class Dying:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)
        time.sleep(0)

def command(words):
    try:
        Dying()
        time.sleep(10)
    except KeyboardInterrupt:
        return 130
    return 0

cli._call = command
cli.main(["run"])
"""


def test_a_stop_that_arrives_where_python_lets_nothing_out_is_said_again():
    done = subprocess.run([sys.executable, "-c", LOST], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "")


def catches(process, number):
    """Whether a process has a handler for a signal: from then on a stop is a stop."""
    with suppress(FileNotFoundError):
        status = Path(f"/proc/{process.pid}/status").read_text()
        caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
        return bool(int(caught.split()[1], 16) >> (number - 1) & 1)
    return False


@pytest.mark.docker
def test_in_docker_too_and_no_container_is_left(docker, start, tmp_path, cache):
    run = tmp_path / "run"
    listed = docker.client.containers.list

    def containers():
        return listed(all=True, filters={"label": [f"seqswe.run={run}"]}, ignore_removed=True)

    begin = ("run", *GIVEN, "--limit", "2", "--sandbox", "docker", "--out", run)
    assert killed_until_done(start, run, random.Random(3), begin)
    assert containers() == []
    shutil.move(run, tmp_path / "killed")
    code, said = finish(start(*begin))
    assert code == 0, said
    assert digest(run) == digest(tmp_path / "killed")
    shutil.rmtree(run)
    process = start(*begin)
    wait_for(containers, process)
    process.send_signal(signal.SIGINT)
    assert finish(process)[0] == 130
    assert containers() == []
    assert list((tmp_path / "tmp").glob("seqswe-*")) == []
