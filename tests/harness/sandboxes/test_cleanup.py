"""Whose a container or folder is, and whether that process still lives."""

import shutil
import subprocess
import sys

import pytest

from harness.sandboxes.cleanup import alive, owner, scratch_folder

CODE = """import sys
from harness.sandboxes.cleanup import owner
print(owner(), flush=True)
sys.stdin.read()"""


@pytest.fixture
def other():
    process = subprocess.Popen(
        [sys.executable, "-c", CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process, process.stdout.readline().strip()
    process.kill()
    process.communicate()


def test_a_process_lives_until_it_ends(other):
    process, name = other
    assert alive(owner())
    assert alive(name)
    process.kill()
    process.wait()
    assert not alive(name)


def test_a_later_process_with_the_same_number_is_another(other):
    number, started, rest = other[1].split("-", 2)
    assert not alive(f"{number}-{int(started) - 1}-{rest}")
    assert not alive(f"{number}-{started}-00000000-0000-0000-0000-000000000000")


@pytest.mark.parametrize("name", ["", "x", "-", "12"])
def test_a_name_that_nobody_gave_is_nobody(name):
    assert not alive(name)


def test_owners_can_be_parts_of_file_names():
    assert "/" not in owner()


def test_a_process_in_another_container_is_not_taken_for_dead():
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare is not installed")
    command = [unshare, "--pid", "--fork", "--mount-proc", sys.executable, "-c", CODE]
    process = subprocess.run(command, input="", capture_output=True, text=True)
    if process.returncode:
        pytest.skip(f"unshare may not be used here: {process.stderr.strip()}")
    assert alive(process.stdout.strip()), "it cannot be seen from here"


def test_only_the_scratch_of_the_dead_is_swept(tmp_path):
    (tmp_path / "scratch-1-1-00000000-0000-0000-0000-000000000000-abc").mkdir()
    (tmp_path / "scratch-of-somebody").mkdir()
    with scratch_folder(tmp_path) as live, scratch_folder(tmp_path) as other:
        assert set(tmp_path.iterdir()) == {live, other, tmp_path / "scratch-of-somebody"}
    assert not live.exists()
