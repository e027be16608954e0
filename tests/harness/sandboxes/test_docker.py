"""What hostile code finds in a container, and what is left when it is gone."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from docker.errors import NotFound

from harness.sandboxes.cleanup import owner
from harness.sandboxes.docker import OWNER_LABEL, DockerProvider
from seqswe.errors import RolloutError

pytestmark = pytest.mark.docker
SECRETS = ("PROXY", "PIP_", "CERT", "CA_BUNDLE", "INDEX")


def containers(provider, **labels):
    wanted = [f"seqswe.{name}={value}" for name, value in labels.items()]
    return provider.client.containers.list(all=True, filters={"label": wanted})


def gone(container):
    for _ in range(50):
        try:
            container.reload()
        except NotFound:
            return True
        time.sleep(0.1)
    return False


def test_nothing_may_be_written_but_three_folders(box):
    done = box.run(
        "for place in / /opt/env /usr/bin /history /inbox /etc /var/tmp /root /run; do"
        " touch $place/x 2>/dev/null && echo $place; done;"
        " for place in /tmp . ~; do touch $place/x || echo no $place; done"
    )
    assert done.text == ""


def test_the_user_has_no_rights(box):
    status = box.run("cat /proc/self/status").text
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert "0" not in lines["Uid"].split()
    assert "0" not in lines["Groups"].split()
    for kind in ("Inh", "Prm", "Eff", "Amb"):
        assert int(lines[f"Cap{kind}"], 16) == 0
    assert lines["NoNewPrivs"] == "1"


def test_the_packs_cannot_be_changed(box):
    change = "chmod -R u+w /history; rm -f /history/pack/*; echo x > /history/pack/x; git gc -q"
    box.run(change)
    assert box.run("git fsck && git log -1 --format=%H && [ ! -e /history/pack/x ]").ok


def test_files_of_the_host_are_not_there(box, tmp_path):
    places = [str(tmp_path), str(Path.home() / ".ssh"), "/var/run/docker.sock", os.getcwd()]
    assert box.run(["ls", "-d", *places]).stdout == b""
    mounts = [line.split()[4] for line in box.run("cat /proc/self/mountinfo").text.splitlines()]
    ours = {m for m in mounts if not m.startswith(("/proc", "/sys", "/dev"))}
    docker_own = {"/", "/etc/resolv.conf", "/etc/hostname", "/etc/hosts"}
    packages = "/opt/env/lib/python3.11/site-packages"
    assert ours - docker_own == {
        "/testbed", "/home/agent", "/tmp", "/history", "/inbox", packages,
    }  # fmt: skip


def test_there_is_no_network_but_a_loopback_of_its_own(docker, lay, box):
    assert box.run("tail -n +3 /proc/net/dev | cut -d: -f1").text.split() == ["lo"]
    spaces = {b.run("readlink /proc/self/ns/net").text.strip() for b in (box, docker.open(lay()))}
    assert len(spaces | {os.readlink("/proc/self/ns/net")}) == 3
    out = box.run(["python", "-c", "import socket; socket.create_connection(('192.0.2.1', 80))"])
    assert b"unreachable" in out.stderr
    serve = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); port = s.getsockname()[1];"
        "[socket.create_connection((n, port)) for n in ('localhost', socket.gethostname())]"
    )
    assert box.run(["python", "-c", serve]).ok


def test_memory_ends_the_hog_and_not_the_sandbox(box):
    assert box.run(["python", "-c", "x = bytearray(700_000_000)"]).exit_code == 137
    assert box.run("echo still here").text == "still here\n"


def test_full_folders_do_not_break_the_sandbox(docker, lay):
    box = docker.open(lay(memory_mb=128, disk_mb=1024))
    for folder in (".", "~", "/tmp", "/dev/shm"):
        done = box.run(f"head -c 200000000 /dev/zero > {folder}/full")
        assert b"No space left" in done.stderr
    assert box.run("rm full && git status --porcelain").ok


def test_the_disk_limit_holds(docker, lay):
    box = docker.open(lay(disk_mb=20))
    assert b"No space left" in box.run("head -c 30000000 /dev/zero > big").stderr
    assert int(box.run("stat -c %s big").text) <= 20 << 20


@pytest.mark.parametrize("last", ["sleep 60", "sleep 1; exit 0"])
def test_a_fork_bomb_is_stopped_and_the_next_command_works(box, last):
    bomb = box.run(f"bomb() {{ bomb | bomb & }}; bomb; {last}", timeout=3)
    assert b"fork" in bomb.stderr
    assert box.run("echo still here").text == "still here\n"
    assert settled(box)


def test_a_fork_bomb_ends_with_the_shell_that_left_it(box):
    # One fork of its own: at a second one the bomb might be quicker.
    assert box.run("bomb() { bomb | bomb & }; bomb & exit 0", timeout=1).exit_code == 0
    assert box.run("echo still here").text == "still here\n"
    assert settled(box)


def test_a_fork_bomb_in_a_session_of_its_own_does_not_stop_the_next_command(box):
    bomb = box.run("setsid sh -c 'bomb() { bomb | bomb & }; bomb; sleep 60' & sleep 1; sh -c :")
    assert b"fork" in bomb.stderr
    assert box.run(["echo", "still here"]).text == "still here\n"


def test_what_a_command_leaves_behind_ends_with_it(box):
    up = "setsid sh -c 'touch ~/up; exec sleep 61' & while [ ! -e ~/up ]; do sleep .01; done"
    box.run(f"sleep 60 & {up}; exit 0")
    left = box.run("sleep .2; cat /proc/[0-9]*/cmdline").stdout
    assert b"sleep\x0061" in left
    assert b"sleep\x0060" not in left


def settled(box):
    """Whether soon only the container's own processes are left: dying takes a moment."""
    count = "ls -d /proc/[0-9]* | wc -l"
    return any(box.run(count).text.strip() in ("4", "5", "6") for _ in range(50))


def test_a_process_that_ignores_its_end_is_ended(box):
    started = time.monotonic()
    assert box.run("trap '' TERM; while :; do sleep 1; done", timeout=0.5).exit_code == 124
    assert time.monotonic() - started < 12


def test_the_proxies_of_the_docker_client_stay_out(docker, lay, tmp_path, monkeypatch):
    proxies = {"default": {"httpProxy": "http://user:secret@proxy.example:3128"}}
    (tmp_path / "config.json").write_text(json.dumps({"proxies": proxies}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    provider = DockerProvider()
    try:
        assert "proxy" not in provider.open(lay()).run("env").text.lower()
    finally:
        provider.close()


def test_closing_leaves_nothing(docker, lay):
    box = docker.open(lay())
    inbox = box._inbox.folder
    box.write("x", b"1")
    container = containers(docker, owner=owner())[0]
    assert container.attrs["HostConfig"]["AutoRemove"]
    assert not container.attrs["HostConfig"]["Privileged"]
    docker.close()
    assert gone(container)
    assert not inbox.exists()


def test_a_start_that_fails_leaves_nothing(docker, lay):
    spec = lay()
    wrong = replace(spec, checkout=replace(spec.checkout, commit="0" * 40))
    with pytest.raises(RolloutError, match="checkout"):
        docker.open(wrong)
    assert containers(docker, owner=owner()) == []


def test_a_container_ends_by_itself(docker, lay):
    box = docker.open(lay(task_seconds=-119.0, command_seconds=1.0))
    assert gone(box._container)


def test_orphans_of_the_dead_are_swept_and_the_living_keep_theirs(docker, lay, box):
    code = "import os; from harness.sandboxes.cleanup import owner; print(owner())"
    dead = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    image = docker.images.ensure("3.11")
    label = {OWNER_LABEL: dead.strip()}
    orphan = docker.client.containers.run(
        image, ["sleep", "60"], detach=True, auto_remove=True, labels=label, network_mode="none"
    )
    stranger = docker.client.containers.run(
        image, ["sleep", "60"], detach=True, auto_remove=True, network_mode="none"
    )
    try:
        docker.sweep()  # or another process that sweeps at the same time
        assert gone(orphan)
        assert box.run("true").ok, "a live process's sandbox was swept"
        stranger.reload()
        assert stranger.status == "running", "somebody else's container was swept"
    finally:
        stranger.remove(force=True)


def test_packages_are_installed_once_and_shared(docker, lay):
    environment = lay().environment
    assert docker.packages(environment) == docker.packages(environment)
    again = DockerProvider()
    assert again.prepare(environment) == docker.prepare(environment)
    assert again.packages(environment) == docker.packages(environment)


def test_codebases_that_need_the_same_do_not_share_what_must_be_absent(docker, lay):
    environment = lay().environment
    of_another = replace(environment, distribution="iniconfig")
    assert docker.packages(environment) != docker.packages(of_another)


def test_packages_cannot_be_written_and_show_no_inode_of_the_host(docker, lay, box):
    place = "/opt/env/lib/python3.11/site-packages/pytest"
    assert not box.run(f"touch {place}/x").ok
    shown = box.run(f"stat -c %d {place}/__init__.py").text.strip()
    there = docker.packages(lay().environment) / "pytest" / "__init__.py"
    assert int(shown) != there.stat().st_dev, "a lock on it would be seen by other sandboxes"


def test_the_image_holds_no_setting_of_the_build(docker, lay):
    image = docker.images.ensure("3.11")
    config = image.attrs["Config"]
    assert not [line for line in config["Env"] or [] if any(s in line.upper() for s in SECRETS)]
    assert not config.get("Volumes")
    box = docker.open(lay())
    names = "pip.conf|pip.ini|.netrc|*.whl|ca-certificates.crt|.pip|pip-*"
    tests = " -o ".join(f"-name '{name}'" for name in names.split("|"))
    found = box.run(
        f"find / -xdev \\( {tests} \\) -not -path '/etc/ssl/*' -not -path '*/ensurepip/*'"
        " -not -path '*/site-packages/*' -not -path '*/dist-packages/*'"
        " -not -path '/usr/share/*' 2>/dev/null"
    )
    assert found.text == ""
    secrets = [
        v for n, v in os.environ.items() if any(s in n.upper() for s in SECRETS) and "://" in v
    ]
    for value in secrets:
        search = f"grep -rlF -e {value!r} /opt /etc /root /home /usr/local /var/lib 2>/dev/null"
        assert box.run(search).text == ""


def test_the_project_itself_is_not_installed(docker, lay):
    listing = docker.open(lay()).run("ls /opt/env/lib/python3*/site-packages").text
    assert "ledgerlite" not in listing.lower()
    assert "pytest" in listing


BUILDS = """
from harness.sandboxes.docker import connect
from harness.sandboxes.images import Images
from harness.sandboxes import images
images.SKELETON += "# {0}"
print(Images(connect(), "").ensure("3.11").id)
"""


def test_processes_that_need_an_image_first_get_the_same_though_an_earlier_builder_died(docker):
    mark = f"{time.time_ns():x}"  # of an image that nobody has built yet
    code = BUILDS.format(mark)
    names = f"from harness.sandboxes import images\nimages.SKELETON += '# {mark}'\n"
    names += "from harness.sandboxes.docker import connect\n"
    names += "print(images.Images(connect(), '').name('3.11'))"
    name = subprocess.run([sys.executable, "-c", names], capture_output=True, text=True).stdout
    builder = f"seqswe-build-{name.strip().replace(':', '-')}"
    dead = docker.client.containers.create(
        docker.images.base("3.11"), ["true"], name=builder, labels={"seqswe.builder": "999999999-1"}
    )
    command = [sys.executable, "-c", code]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    ids = {process.communicate(timeout=300)[0].strip() for process in both}
    assert gone(dead)
    assert len(ids) == 1, "two images of one Python"
    docker.client.images.remove(ids.pop(), force=True)


def test_a_user_whose_number_looks_like_a_mode_owns_its_temporary_folder(lay):
    from harness.sandboxes.container_options import _limits

    options = _limits(lay(), 1_107_551)["tmpfs"]
    assert all("uid=1107551,gid=1107551" in each for each in options.values())
    assert options["/tmp"].endswith("mode=1777")


EATS_MEMORY = """
echo 0 > /proc/self/oom_score_adj
for place in /tmp ~ .; do head -c 1G /dev/zero > $place/fill; done 2>/dev/null
for each in $(seq 150); do
  setsid sh -c 'echo 0 > /proc/self/oom_score_adj
    x=aaaaaaaaaaaaaaaa; for i in $(seq 17); do x=$x$x; done; sleep 600' 2>/dev/null &
done
sleep 600
"""
"""Many small processes, none of which the kernel would rather end than the main one."""


def test_who_uses_up_the_memory_has_crashed_and_no_other_try(docker, lay):
    box = docker.open(lay(memory_mb=128, pids=200, task_seconds=600))
    causes = set()
    for command in (EATS_MEMORY, "true"):
        with pytest.raises(RolloutError, match="used up its memory") as caught:
            box.run(command, timeout=500)
        causes.add(caught.value.cause)
    with pytest.raises(RolloutError) as caught:
        box.end_processes()
    assert causes | {caught.value.cause} == {"agent_crashed"}


def test_a_container_that_somebody_removed_is_no_doing_of_the_agent(docker, lay):
    box = docker.open(lay())
    box._container.remove(force=True)
    with pytest.raises(RolloutError, match="went away") as caught:
        box.run("true")
    assert caught.value.cause == "sandbox_failed"
