"""Two live sandboxes cannot talk through a file: none that both can open is the same inode."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker
SCRIPT = (Path(__file__).parent / "lock_everything.py").read_bytes()
PLACES = {
    "an image's layer": "/usr/bin/env",
    "what the engine mounts": "/etc/hosts",
    "the packages": "/opt/env/lib/python3.11/site-packages/pytest/__init__.py",
    "the packs": "/history/pack",
    "an agent's program": "/opt/agent/bin/mine",
    "the kernel's settings": "/proc/sys/kernel/ostype",
    "the kernel's objects": "/sys/kernel/mm",
    "users": "/proc/self/ns/user",
    "clocks": "/proc/self/ns/time",
    "control groups": "/proc/self/ns/cgroup",
    "the locks of the machine": "/proc/locks",
}


def lock_everything(box, what):
    box.write("/tmp/lock_everything.py", SCRIPT)
    done = box.run(["python3", "-I", "/tmp/lock_everything.py", what])
    assert done.ok, done.stderr
    return json.loads(done.stdout)


def test_two_live_sandboxes_share_no_lock_and_no_inode(docker, lay, tmp_path):
    program = tmp_path / "bin" / "mine"
    program.parent.mkdir()
    program.write_text("x")
    for folder in (tmp_path, program.parent):
        folder.chmod(0o755)
    specs = [replace(lay(position), program=tmp_path) for position in (0, 0, 5)]
    holder, same, later = map(docker.open, specs)
    lock_everything(holder, "hold")
    held, *others = [lock_everything(box, "probe") for box in (holder, same, later)]
    assert len(held["locked"]) > 10_000, "the probe finds locks where there are some"
    for seen in (held, *others):
        for name, place in PLACES.items():
            assert any(path.startswith(place) for path in seen["opened"]), f"{name}: not tried"
    assert [other["locked"] for other in others] == [[], []]
    inodes = {tuple(inode): path for path, inode in held["opened"].items()}
    for other in others:
        shared = {p for p, inode in other["opened"].items() if tuple(inode) in inodes}
        assert sorted(shared) == []


def test_the_locks_of_one_sandbox_are_not_listed_in_another(docker, lay):
    holder, other = docker.open(lay()), docker.open(lay())
    hold = "import fcntl, time; f = open('/tmp/x', 'w'); fcntl.fcntl(f, 37, bytes([1] + [0] * 31));"
    holder.run(f'setsid python3 -c "{hold} open(\'/tmp/y\', \'w\'); time.sleep(60)" & '
               "until [ -e /tmp/y ]; do sleep 0.1; done")  # fmt: skip
    assert other.run("cat /proc/locks").text == ""
