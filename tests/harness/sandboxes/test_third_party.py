"""A sandbox from outside the package: found by entry point, given options and the base image."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.sandboxes.docker import DockerProvider
from seqswe.errors import UsageError
from seqswe.sandbox import SandboxChoice

ROOT = Path(__file__).parents[3]
POD = """
import os
from harness.sandboxes.local import LocalProvider


class Pod(LocalProvider):
    def __init__(self, colour, *, depth: int = 1, base_image=""):
        super().__init__()
        self.about = f"{colour} {depth} {base_image}"

    def open(self, spec):
        with open(os.environ["POD_LOG"], "a") as log:
            log.write(self.about + "\\n")
        return super().open(spec)

    def status(self):
        return f"a {self.about} pod"

    def purge(self):
        return "3 pods"
"""


class Subclass(DockerProvider):
    """Not named docker, and takes a base image all the same."""


@pytest.fixture
def pod(tmp_path):
    """Run a command of SeqSWE where a distribution with the sandbox `pod` is installed.

    Example: `pod("doctor", "--sandbox", "pod")`.
    """
    site, log = tmp_path / "site", tmp_path / "pods.txt"
    (site / "pod-1.0.dist-info").mkdir(parents=True)
    (site / "pod.py").write_text(POD)
    (site / "pod-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.4\nName: pod\n")
    (site / "pod-1.0.dist-info" / "entry_points.txt").write_text(
        "[seqswe.sandbox]\npod = pod:Pod\n"
    )
    path = os.pathsep.join(map(str, (site, ROOT)))
    env = {**os.environ, "PYTHONPATH": path, "POD_LOG": str(log)}

    def call(*arguments, **variables):
        command = [sys.executable, "-m", "seqswe", *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, env=env | variables, cwd=tmp_path
        )

    call.log = log
    return call


def test_a_run_gives_it_its_options_and_the_base_image(pod, tmp_path):
    given = ("--sandbox", "pod", "--sandbox-option", "colour=red", "--sandbox-option", "depth=2")
    small = ("--agent", "gold", "--arm", "iid", "--seeds", 1, "--limit", 1)
    done = pod("run", *small, *given, "--base-image", "box:1", "--out", "run")
    assert done.returncode == 0, done.stderr
    assert "1 resolved, 1 graded" in done.stderr
    assert set(pod.log.read_text().splitlines()) == {"red 2 box:1"}
    settings = (tmp_path / "run" / "run.toml").read_text()
    assert '"colour=red"' in settings
    assert 'base_image = "box:1"' in settings


def test_what_it_misses_is_said_before_anything_is_made(pod, tmp_path):
    done = pod("run", "--sandbox", "pod", "--out", "run")
    assert done.returncode == 2
    assert "missing a required argument: 'colour'" in done.stderr
    assert "hint:  Give --sandbox-option 'colour=...'." in done.stderr
    assert not (tmp_path / "run").exists()
    assert pod("plan", "--sandbox", "pod").returncode == 2


def test_doctor_asks_it_what_it_has_and_clean_removes_what_it_kept(pod):
    done = pod("doctor", "--sandbox", "pod", "--sandbox-option", "colour=red", "--base-image", "b")
    assert done.returncode == 0, done.stderr
    assert "a red 1 b pod" in done.stdout
    alone = pod("doctor")
    assert alone.returncode == 3
    assert "missing  pod" in alone.stdout
    assert "Give --sandbox-option 'colour=...'." in alone.stdout
    cleaned = pod("clean", "--images", DOCKER_HOST="unix:///nonexistent").stdout
    assert "pod: nothing removed: sandbox 'pod' refused its options" in cleaned
    assert "local: removed 0 sandboxes" in cleaned


def test_whoever_takes_a_base_image_is_given_it():
    place = f"{__name__}:Subclass"
    choice = SandboxChoice(sandbox=place, base_image="x")
    choice.check()
    assert choice._options() == {"base_image": "x"}
    twice = SandboxChoice(sandbox=place, sandbox_option=("base_image=y",), base_image="x")
    with pytest.raises(UsageError, match="name different images"):
        twice.check()


def test_whoever_takes_none_refuses_one():
    with pytest.raises(UsageError, match="sandbox 'local' takes no base image"):
        SandboxChoice(sandbox="local", base_image="x").check()
