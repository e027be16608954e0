"""An engine that several machines share: each removes what its own dead processes left, no more."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import pytest
from docker.errors import NotFound

from harness.sandboxes import cleanup
from seqswe import plugins

pytestmark = pytest.mark.docker
BOOT = "00000000-0000-0000-0000-0000000{:05x}"
HOURS = str(10 * 3600)
HERE = {"image", "seqswe.owner", "seqswe.machine", "seqswe.deadline"}


@pytest.fixture
def labels(docker, lay):
    """The labels of a sandbox that is open now; its image, to make another container of."""
    box = docker.open(lay())
    mine = [
        {**each.labels, "image": each.image.id}
        for each in docker.client.containers.list(filters={"label": "seqswe.run=tests"})
        if each.labels["seqswe.owner"].startswith(f"{os.getpid()}-")
    ]
    box.close()
    return {name: mine[0][name] for name in mine[0] if name in HERE}


def elsewhere(labels, boot):
    """Labels as a process of the same number on another machine would have given them."""
    number, started, _ = labels["seqswe.owner"].split("-", 2)
    named = {name: "0123456789ab" for name in labels if name == "seqswe.machine"}
    return {**labels, "seqswe.owner": f"{number}-{started}-{boot}", **named}


@contextmanager
def container(docker, labels):
    made = docker.client.containers.run(
        labels.pop("image"),
        ["sleep", "120"],
        detach=True,
        auto_remove=True,
        labels=labels,
        network_mode="none",
    )
    try:
        yield made
    finally:
        with suppress(NotFound):
            made.remove(force=True)


def survives(docker, labels, wait=0.0):
    """Whether a container with these labels is still there after another provider's sweep."""
    with container(docker, labels) as made:
        time.sleep(wait)
        plugins.build("sandbox", "docker").sweep()
        try:
            made.reload()
        except NotFound:
            return False
        return made.status == "running"


def test_a_container_of_another_machine_is_left_alone(docker, labels):
    forged = elsewhere(labels, BOOT.format(1))
    assert survives(docker, {**forged, "seqswe.deadline": HOURS})


def test_so_is_one_of_a_container_on_another_machine(docker, labels):
    forged = elsewhere(labels, BOOT.format(2) + ".4026532777")
    assert survives(docker, {**forged, "seqswe.deadline": HOURS})


def test_so_is_one_that_does_not_say_which_machine(docker, labels):
    forged = elsewhere(labels, BOOT.format(3))
    forged.pop("seqswe.machine", None)
    assert survives(docker, {**forged, "seqswe.deadline": HOURS})


def test_so_is_a_builder_of_another_machine(docker, labels):
    forged = elsewhere(labels, BOOT.format(4))
    forged["seqswe.builder"] = forged.pop("seqswe.owner")
    assert survives(docker, {**forged, "seqswe.deadline": HOURS})


def test_after_its_deadline_it_is_removed(docker, labels):
    forged = elsewhere(labels, BOOT.format(5))
    assert not survives(docker, {**forged, "seqswe.deadline": "1"}, wait=3)


@pytest.mark.parametrize("deadline", ["", "-1", "nan", "1e-9", "²", "9" * 5000, "0x1"])
def test_a_deadline_that_cannot_be_read_never_passes(docker, labels, deadline):
    forged = elsewhere(labels, BOOT.format(6))
    assert survives(docker, {**forged, "seqswe.deadline": deadline})


def test_what_an_earlier_boot_of_this_machine_left_is_removed(docker, labels):
    number, started, _ = labels["seqswe.owner"].split("-", 2)
    earlier = f"{number}-{started}-{BOOT.format(7)}"
    assert not survives(docker, {**labels, "seqswe.owner": earlier})


def test_what_a_dead_process_of_this_boot_left_is_removed(docker, labels):
    number, started, boot = labels["seqswe.owner"].split("-", 2)
    dead = f"{number}-{int(started) - 1}-{boot}"
    assert not survives(docker, {**labels, "seqswe.owner": dead})


def test_what_a_live_process_has_is_kept(docker, labels):
    assert survives(docker, {**labels})


def test_folders_in_a_shared_cache_are_of_a_machine_too(tmp_path):
    code = (
        "import sys; from pathlib import Path; from harness.sandboxes import cleanup;"
        "cleanup.machine = lambda: sys.argv[2];"
        "print(cleanup.make_folder(Path(sys.argv[1]), cleanup.SCRATCH).name)"
    )

    def left_by(machine):
        command = [sys.executable, "-c", code, str(tmp_path), machine]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    here, there = left_by(cleanup.machine()), left_by("0123456789ab")
    boot = here.split("-", 3)[3].partition("-" + cleanup.machine())[0]
    for name in (here, there):  # as after a start of both machines
        (tmp_path / name).rename(tmp_path / name.replace(boot, BOOT.format(8)))
    assert cleanup.sweep(tmp_path, cleanup.SCRATCH) == 1
    assert [folder.name.replace(BOOT.format(8), boot) for folder in tmp_path.iterdir()] == [there]
