"""Waiting for a provider is nobody's time: not a command's, and not the rollout's."""

import time
from dataclasses import replace

import pytest

from seqswe.errors import RolloutError
from seqswe.sandbox import ModelAccess
from tests.harness.gateway.scripted_provider import Fault

SANDBOXES = ["local", pytest.param("docker", marks=pytest.mark.docker)]
ASK = (
    'import json, os, urllib.request as r; body = json.dumps({"model": "m", "messages": []});'
    'r.urlopen(r.Request("%s/v1/messages", body.encode(), {"x-api-key": "%s"})).read()'
)


@pytest.fixture(params=SANDBOXES)
def box(request, enter, lay):
    """A sandbox of the kind, with a client of its gateway: two seconds for everything."""
    sandboxes = request.getfixturevalue(request.param)
    with enter() as client:
        spec = replace(lay(0, command_seconds=2, task_seconds=4), model=client.door.access)
        sandbox = sandboxes.open(spec)
        url = getattr(sandbox, "model_url", "")
        sandbox.ask = ["python3", "-c", ASK % (url, client.session.token)]
        yield sandbox
        sandbox.close()


def test_a_rate_limit_does_not_end_a_command_or_use_up_a_rollout(box, provider):
    for _ in range(2):
        provider.faults = [Fault(status=429, headers={"retry-after": "6"})]
        started = time.monotonic()
        done = box.run(box.ask)
        assert done.ok, done.stderr
        assert time.monotonic() - started >= 6
        assert done.seconds < 2, "what it took without the wait"


def test_a_command_that_only_works_is_ended_as_ever(box):
    started = time.monotonic()
    done = box.run("sleep 30")
    assert done.timed_out
    assert time.monotonic() - started < 12
    with pytest.raises(RolloutError, match="used up"):
        list(map(box.run, ["sleep 30"] * 3))


def test_a_command_is_ended_after_a_wait_as_well(box, provider):
    provider.faults = [Fault(status=429, headers={"retry-after": "4"})]
    ask = " ".join(f"'{word}'" for word in box.ask)
    started = time.monotonic()
    done = box.run(f"{ask} && echo asked && sleep 60")
    assert done.timed_out
    assert done.stdout == b"asked\n"
    assert 5 < time.monotonic() - started < 20


@pytest.mark.docker
def test_the_host_waits_longer_as_well(docker, lay, tmp_path, monkeypatch):
    """Its own deadline, behind the supervisor's, moves with it."""
    monkeypatch.setattr("harness.sandboxes.container.BACKSTOP", 0)
    folder = tmp_path / "mounted"
    folder.mkdir()
    (folder / "s").touch()
    access = ModelAccess(socket=folder / "s", waited=lambda: time.monotonic() / 2)
    sandbox = docker.open(replace(lay(0, command_seconds=4), model=access))
    done = sandbox.run("sleep 5")
    assert done.ok, "half of all time is waited"
    sandbox.close()
