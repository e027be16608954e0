"""In Docker, a candidate that loops for ever or forks without end costs one candidate."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.agents.repair import Repair
from harness.history import History
from harness.history.git import Clone
from seqswe.instance import Task
from seqswe.manifests.manifest_files import load
from seqswe.memory import Recall
from seqswe.sandbox import SandboxSpec

pytestmark = pytest.mark.docker

BOMBS = """import os


def total(items, tax):
    if len(items) > 99:
        open("/tmp/bomb", "w").close()
        while True:
            os.fork()
    left = 2
    while left:
        left = left - 1
        open("/tmp/loop", "a").write("x")
    return sum(items) - tax
"""
ISSUE = """Wrong

To reproduce, save this as `test_reproduction.py` and run it:

```python
from shop import total


def test_total():
    assert total([1, 2], 1) == "none"
```
"""


@pytest.fixture
def sandbox(tmp_path):
    from harness.sandboxes.docker import DockerProvider
    from seqswe.errors import MissingError

    try:
        provider = DockerProvider()
    except MissingError as error:
        if os.environ.get("SEQSWE_REQUIRE_DOCKER"):
            raise
        pytest.skip(error.message)
    work = tmp_path / "work"
    work.mkdir()
    Path(work, "shop.py").write_text(BOMBS)
    identity = ["-c", "user.name=a", "-c", "user.email=a@localhost"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(work), *command], check=True)
    clone = Clone(work)
    head = clone.run("rev-parse", "HEAD").strip()
    checkout = History(clone, [head], tmp_path / "history").checkout(head, tmp_path / "objects")
    environment = load("ledgerlite").environments[0]
    opened = provider.open(SandboxSpec(environment=environment, checkout=checkout))
    yield opened
    opened.close()


def test_loops_and_fork_bombs_cost_one_candidate_each(sandbox):
    task = Task(
        instance_id="shop-1",
        repo="a/shop",
        base_commit="0" * 40,
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        problem_statement=ISSUE,
    )
    # No edit meets this issue, so all are tried: bombs and loops go off among them.
    attempt = Repair(seed=1, budget=60, seconds=0.5).solve(task, Recall(), sandbox)
    assert attempt.usage.executions == 60
    assert sandbox.run("ls /tmp/bomb").ok
    assert len(sandbox.read("/tmp/loop")) > 60 * 3
    assert sandbox.run("git status --porcelain").text == ""
    left = sandbox.run("ls -d /proc/[0-9]* | wc -l").text
    assert int(left) < 15
