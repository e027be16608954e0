"""Runs commands on a machine that is reached by single calls. Needs Python 3.7 and nothing else.

    commander.py open BASE [alone]  notes what runs already on a machine that is all the sandbox's
    commander.py run BASE NAME S    begins the command of BASE/orders/NAME; then as `wait`
    commander.py wait BASE NAME S   prints how it ended, or `null` if it goes on after S seconds
    commander.py end BASE           ends whatever runs in the sandbox

An order is a line of JSON (`argv`, `env`, `cwd`, `seconds`, `limit`), then the command's standard
input. Each command has a watcher in a session of its own, so that no call lasts as long as the
command. The watcher holds a lock for as long as it lives.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

GRACE = 5.0
"""Seconds in which everything that is killed must be gone."""
POLL = 0.01
STREAMS = ("stdout", "stderr")


def begin(folder: str) -> None:
    """Unpack an order and leave a watcher with it."""
    os.rename(folder, f"{folder}.order")
    os.mkdir(folder)
    lock = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    if os.fork():
        return os.close(lock)  # the watcher has it
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nothing, number)
        watch(folder)
    finally:
        os._exit(0)


def watch(folder: str) -> None:
    """Run the command to its end or its deadline, and write down how it ended."""
    with open(f"{folder}.order", "rb") as stdin:
        order = json.loads(stdin.readline())
        # The child shares the file, and must find it after the line, not after what was buffered.
        os.lseek(stdin.fileno(), stdin.tell(), os.SEEK_SET)
        started = time.monotonic()
        end: dict[str, Any] = {"code": 127, "late": False}
        with open(f"{folder}/stdout", "wb") as out, open(f"{folder}/stderr", "wb") as err:
            process = start(order, stdin, out, err)
        if process:
            until = started + order["seconds"]
            options = os.WEXITED | os.WNOWAIT | os.WNOHANG  # not reaped: its number stays its own
            while not os.waitid(os.P_PID, process.pid, options) and time.monotonic() < until:
                time.sleep(POLL)
            end["late"] = not os.waitid(os.P_PID, process.pid, options)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            end["code"] = process.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    end.update(processor=used.ru_utime + used.ru_stime, seconds=time.monotonic() - started)
    with open(f"{folder}/end", "w") as file:
        json.dump(end, file)


def start(order: dict[str, Any], stdin: Any, out: Any, err: Any) -> subprocess.Popen[bytes] | None:
    """Start an order's command; None, and why on its standard error, if it cannot be."""
    try:
        return subprocess.Popen(
            order["argv"],
            stdin=stdin,
            stdout=out,
            stderr=err,
            env=order["env"],
            cwd=order["cwd"],
            start_new_session=True,
        )
    except OSError as error:
        err.write(str(error).encode())
        return None


def result(folder: str, seconds: float) -> dict[str, Any] | None:
    """How a command ended, with its output; None if it goes on."""
    until = time.monotonic() + seconds
    with open(f"{folder}/lock") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    return None
                time.sleep(POLL)
    # What ends a watcher ends the command, or would have.
    end: dict[str, Any] = {"code": -signal.SIGKILL, "late": False}
    end.update(processor=0.0, seconds=0.0, truncated=False)
    with suppress(FileNotFoundError), open(f"{folder}/end") as file:
        end.update(json.load(file))
    with open(f"{folder}.order", "rb") as file:
        limit = json.loads(file.readline())["limit"]
    for name in STREAMS:
        data = b""
        with suppress(FileNotFoundError), open(f"{folder}/{name}", "rb") as stream:
            data = stream.read(limit + 1)
        end["truncated"] |= len(data) > limit
        end[name] = base64.b64encode(data[:limit]).decode()
    shutil.rmtree(folder)
    os.unlink(f"{folder}.order")
    return end


def end_everything(base: str) -> bool:
    """End every process of the sandbox; whether none is left.

    On a machine of its own that is all that was not there before. Elsewhere it is what has the
    sandbox's environment, as far as this user may look.
    """
    with open(f"{base}/before") as file:
        before = set(map(int, file.read().split()))
    mark = os.fsencode(f"TMPDIR={base}/tmp")
    until = time.monotonic() + GRACE
    while True:
        left = False
        for pid in processes() - before - ancestors():
            with suppress(OSError):
                if before or mark in read(pid, "environ").split(b"\0"):
                    os.kill(pid, signal.SIGKILL)
                    left = left or b"\nState:\tZ" not in read(pid, "status")
        if not left or time.monotonic() > until:
            return not left
        time.sleep(POLL)


def processes() -> set[int]:
    """The numbers of all processes."""
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def ancestors() -> set[int]:
    """The numbers of this process and of those that began it."""
    found: list[int] = [os.getpid()]
    while found[-1] > 1:
        with open(f"/proc/{found[-1]}/stat") as file:
            found.append(int(file.read().rpartition(")")[2].split()[1]))
    return set(found)


def read(pid: int, name: str) -> bytes:
    """What the kernel tells of a process."""
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()


def main(verb: str, base: str, name: str = "", seconds: str = "0") -> int:
    """Do what the arguments say; returns an exit code."""
    if verb == "open":
        with open(f"{base}/before", "w") as file:
            file.write(" ".join(map(str, sorted(processes()))) if name else "")
        return 0
    if verb == "end":
        return 0 if end_everything(base) else 1
    folder = f"{base}/orders/{name}"
    if verb == "run":
        begin(folder)
    sys.stdout.write(json.dumps(result(folder, float(seconds))))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
