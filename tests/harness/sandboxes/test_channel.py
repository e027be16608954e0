"""What goes over the one connection to a container's main process."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from seqswe.errors import RolloutError

pytestmark = pytest.mark.docker


def test_quick_commands_lose_nothing(box):
    said = [box.run(f"echo {n}; echo {-n} >&2; exit {n % 7}") for n in range(300)]
    assert [done.stdout for done in said] == [f"{n}\n".encode() for n in range(300)]
    assert [done.stderr for done in said] == [f"{-n}\n".encode() for n in range(300)]
    assert [done.exit_code for done in said] == [n % 7 for n in range(300)]


def test_both_outputs_arrive_whole_at_once(box):
    size = 1_500_000
    done = box.run(f"head -c {size} /dev/zero & head -c {size} /dev/zero >&2; wait")
    assert (len(done.stdout), len(done.stderr), done.truncated) == (size, size, False)


def test_commands_may_run_side_by_side(box):
    with ThreadPoolExecutor(8) as pool:
        started = time.monotonic()
        said = list(pool.map(lambda n: box.run(f"sleep 1; echo {n}").text, range(8)))
    assert said == [f"{n}\n" for n in range(8)]
    assert time.monotonic() - started < 6


def test_who_goes_on_writing_holds_nobody_up(box):
    started = time.monotonic()
    done = box.run("yes & echo begun >&2", timeout=30)
    assert (done.exit_code, done.stderr, done.timed_out) == (0, b"begun\n", False)
    assert time.monotonic() - started < 10


def test_a_late_command_ends_alone_and_says_what_it_could(box):
    done = box.run("echo begun; sleep 60", timeout=0.5)
    assert (done.exit_code, done.timed_out, done.text) == (124, True, "begun\n")


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["no-such-program"], 127, b"no-such-program"),
        (["/testbed"], 126, b"denied"),
        (["sh", "-c", "kill -9 $$"], 137, b""),
        (["echo", "a\0b"], 127, b"null"),
    ],
)
def test_what_cannot_start_or_is_killed_has_the_code_of_a_shell(box, command, code, said):
    done = box.run(command)
    assert done.exit_code == code
    assert said in done.stderr


def test_bytes_go_in_and_come_out_as_they_are(box):
    data = bytes(range(256)) * 4000
    assert box.run(["cat"], stdin=data).stdout == data
    assert box.run(["cat"]).stdout == b""
    assert box.run(["printenv", "ODD"], env={"ODD": "\udcff é\n"}).stdout == b"\xff \xc3\xa9\n\n"


def test_the_main_process_is_out_of_reach(box):
    script = """
    for each in /proc/[0-9]*; do
      grep -q 'inbox/[i]nit' $each/cmdline || continue
      echo found
      kill -9 ${each#/proc/} && echo killed
      cat $each/environ && echo read
      echo noise > $each/fd/1 && echo wrote
    done; true
    """
    assert box.run(script).text == "found\n"
    assert box.run("echo still here").text == "still here\n"


def test_locking_itself_out_breaks_nothing_else(docker, lay):
    box = docker.open(lay())
    assert box.run("chmod 000 /testbed").ok
    assert box.run("echo here").text == "here\n"
    box.close()


def test_what_is_delivered_can_be_read_whatever_the_umask(docker, lay):
    before = os.umask(0o077)
    try:
        box = docker.open(lay())
        assert box.run(["cat"], stdin=b"given").text == "given"
    finally:
        os.umask(before)
    box.close()


def test_a_container_that_goes_away_is_a_failure_with_a_cause(docker, lay):
    box = docker.open(lay())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(box.run, "sleep 60")
        time.sleep(0.3)
        box._container.kill()
        with pytest.raises(RolloutError, match="went away") as caught:
            waiting.result(timeout=30)
    assert caught.value.cause == "sandbox_failed"
    with pytest.raises(RolloutError, match="went away"):
        box.run("true")
    box.close()


def test_closed_sandboxes_keep_no_connection_open(docker, lay):
    def after_another():
        box = docker.open(lay())
        assert box.run("true").ok
        box.close()
        time.sleep(0.2)
        return len(os.listdir("/proc/self/fd"))

    many = [after_another() for _ in range(12)]
    assert many[-1] <= many[5], many  # the client's pool is full by then


def test_the_main_process_reaps_what_others_leave(box):
    box.run("for n in $(seq 40); do setsid sh -c 'sleep 0.01 & exit' & done; wait")
    zombies = "grep -l '^State:.Z' /proc/[0-9]*/status | wc -l"
    assert any(box.run(f"sleep 0.1; {zombies}").text == "0\n" for _ in range(50))


def test_a_signal_to_the_main_process_ends_the_container(docker, lay):
    box = docker.open(lay())
    box.run("setsid sleep 60 &")
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(docker.client.api.wait, box._container.id)
        time.sleep(0.3)
        docker.client.api.kill(box._container.id, "SIGTERM")
        assert ending.result(timeout=60)["StatusCode"] == 0
    box.close()
