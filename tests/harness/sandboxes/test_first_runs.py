"""First runs side by side, and images that differ: the same results digest, and both go on.

Real processes on the real engine: 20 seconds, most of it building the two images.
"""

import os
import re
import subprocess
import sys
import sysconfig
from uuid import uuid4

import pytest

RUN = ("--agent", "noop", "--memory", "none", "--limit", "1", "--seeds", "1", "--arm", "iid")


@pytest.fixture
def bases(docker):
    """Two base images that nobody has built anything on, alike but for their ids."""
    import docker as engine

    client, names = engine.from_env(), []
    for _ in range(2):
        names.append(f"seqswe-test-base:{uuid4().hex[:12]}")
        container = client.containers.create("seqswe-base:bookworm", ["true"])
        container.commit(*names[-1].split(":"), changes=[f'LABEL test="{names[-1]}"'])
        container.remove()
    yield names
    ours = [client.images.get(name).id for name in names]
    built = [image for image in client.images.list(all=True) if image.attrs["Parent"] in ours]
    for each in (*(image.id for image in built), *names):
        client.images.remove(each, force=True)


def begun(*words):
    command = [sys.executable, "-m", "seqswe", *map(str, words)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ))


@pytest.mark.docker
def test_first_runs_side_by_side_and_on_another_image_have_one_digest(bases, tmp_path):
    first, second = bases
    on = [(tmp_path / "a", first), (tmp_path / "b", first), (tmp_path / "c", second)]
    running = [begun("run", *RUN, "--base-image", base, "--out", out) for out, base in on]
    said = [process.communicate(timeout=300)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    digests = {re.search(r"results (sha256:\w+)", text).group(1) for text in said}
    assert len(digests) == 1, "an image's id is no result"
    for out, base in on:
        again = begun("resume", out, "--base-image", base)
        assert again.communicate(timeout=100)[1].count("error:") == 0
        assert again.returncode == 0


@pytest.mark.docker
def test_two_processes_build_an_image_once(docker, bases):
    import docker as engine

    client = engine.from_env()
    script = (
        "import docker, sys; from harness.sandboxes.images import Images;"
        "print(Images(docker.from_env(), sys.argv[1]).ensure('3.11').id)"
    )
    commands = [sys.executable, "-c", script, bases[0]]
    running = [subprocess.Popen(commands, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    ids = {process.communicate(timeout=300)[0] for process in running}
    assert len(ids) == 1
    base = client.images.get(bases[0]).id
    assert sum(image.attrs["Parent"] == base for image in client.images.list(all=True)) == 1


def test_the_place_of_the_interpreter_is_no_result(tmp_path):
    """Two virtual environments with the same Python and packages."""
    venv = tmp_path / "elsewhere"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    [site] = venv.glob("lib/python3.*/site-packages")
    (site / "same.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    digests = set()
    for number, python in enumerate((sys.executable, str(venv / "bin" / "python"))):
        command = [python, "-m", "seqswe", "run", *RUN, "--sandbox", "local"]
        done = subprocess.run(
            [*command, "--out", str(tmp_path / str(number))], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        digests.add(re.search(r"results (sha256:\w+)", done.stderr).group(1))
    assert len(digests) == 1
