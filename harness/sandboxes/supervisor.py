"""The main process of a container: starts commands as the sandbox's user and sends their output.

It is sent into a container with `namespaces`, and needs nothing but Python 3.7. It runs as root of
a user namespace of the container's own, with the right to change its user and to send signals, and
no other; the commands it starts have neither. As the container's init it reaps what they leave.

Orders come on standard input, one JSON object a line; `Order` has the fields. Answers go to
standard output as frames: `FRAME` (the order's number, the kind, the number of bytes), then the
bytes. After a command's output comes `END` with `{"code", "late", "truncated", "processor"}`.
When standard input ends, or SIGTERM comes, so does the container, so none outlives the process that
opened it. Where an agent may ask a model, a child of it is the `relay`, which no command can end.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import selectors
import signal
import struct
import subprocess
import time
from contextlib import suppress

from .namespaces import enter_own_namespaces

FRAME = struct.Struct(">IBI")
OUT, ERR, END = 1, 2, 3
PIECE = 1 << 16
LAST_PIECES = 16
"""Pieces read from a pipe after its command has ended; other processes may go on writing to it."""
GRACE = 5.0
"""Seconds between the polite signal and the last one."""
TICK = 60.0
MORE_LIKELY = b"500"
"""Makes the kernel kill a command before this process if memory runs out."""


class Order:
    """An order to run `argv` with `env` in `cwd`.

    Without `argv`: to give the command of this number `extend` seconds more or, without these
    either, to end every command.
    """

    def __init__(self, line: bytes) -> None:
        fields = json.loads(line)
        self.number: int = fields["number"]
        self.argv: list[str] = fields.get("argv", [])
        self.env: dict[str, str] = {**os.environ, **fields.get("env", {})}
        self.cwd: str = fields.get("cwd", "/")
        self.stdin: str = fields.get("stdin", os.devnull)
        self.seconds: float = fields.get("seconds", 0.0)
        self.limit: int = fields.get("limit", 0)
        self.extend: float = fields.get("extend", 0.0)


class RunningCommand:
    """A command that runs, with its pipes and its deadline."""

    def __init__(self, order: Order, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout
        assert process.stderr
        self.order, self.process = order, process
        self.deadline = time.monotonic() + order.seconds
        self.late = False
        self.pipes = {OUT: process.stdout.fileno(), ERR: process.stderr.fileno()}
        self.room = {OUT: order.limit, ERR: order.limit}
        self.truncated = False

    def signal(self, now: float) -> None:
        """Once the deadline is over, ask the command to end, and kill it after the grace."""
        if now >= self.deadline:
            _to_group(self.process.pid, signal.SIGKILL if self.late else signal.SIGTERM)
            self.late, self.deadline = True, now + GRACE


class Supervisor:
    """Serves orders until standard input ends or the container's time is up."""

    def __init__(self, uid: int, seconds: float, relay: int = 0) -> None:
        self._uid, self._until = uid, time.monotonic() + seconds
        self._relay = relay
        self._selector = selectors.DefaultSelector()
        self._running: dict[int, RunningCommand] = {}
        """By the process that leads each."""
        self._unread = b""
        self._woken, wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._end_soon)
        signal.set_wakeup_fd(wake)
        self._selector.register(0, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)

    def serve(self) -> None:
        """Read orders, pass output on, end late commands."""
        open_ = True
        while open_ and time.monotonic() < self._until:
            for key, _ in self._selector.select(self._seconds_to_next_deadline()):
                if key.fd == 0:
                    open_ = self._take_orders()
                elif key.fd == self._woken:
                    with suppress(BlockingIOError):
                        os.read(self._woken, PIECE)
                elif not self._pass_on(*key.data):
                    self._selector.unregister(key.fd)
            now = time.monotonic()
            for command in self._running.values():
                command.signal(now)
            self._reap()

    def _end_soon(self, *_: object) -> None:
        self._until = 0.0

    def _reap(self) -> None:
        """Take note of every child that has ended: commands, and orphans that fall to an init."""
        while True:
            pid = _ended_child()
            if not pid:
                return
            command = self._running.pop(pid, None)
            if command:
                # Before the leader is reaped: its number may then belong to another process.
                _to_group(pid, signal.SIGKILL)
                command.process.wait()
                self._finish(command)
            else:
                os.waitpid(pid, 0)
                if pid == self._relay:  # whatever the agent did without it would not count
                    self._end_soon()

    def _seconds_to_next_deadline(self) -> float:
        until = min([self._until, *(c.deadline for c in self._running.values())])
        return min(TICK, max(0.0, until - time.monotonic()))

    def _take_orders(self) -> bool:
        data = os.read(0, PIECE)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            order = Order(line)
            if order.argv:
                self._start(order)
            elif order.extend:
                self._extend(order)
            else:
                self._end(order.number, 0 if self._stop_everything() else 1, False, False)
        return bool(data)

    def _start(self, order: Order) -> None:
        try:
            try:
                process = self._popen(order)
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
                # Earlier commands left as many processes as the limit allows.
                self._stop_everything()
                process = self._popen(order)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self._say(order.number, ERR, f"{order.argv[0]}: {error}\n".encode())
            code = 126 if isinstance(error, PermissionError) else 127
            self._end(order.number, code, False, False)
            return
        command = RunningCommand(order, process)
        self._running[process.pid] = command
        for stream, pipe in command.pipes.items():
            os.set_blocking(pipe, False)
            self._selector.register(pipe, selectors.EVENT_READ, (command, stream))

    def _extend(self, order: Order) -> None:
        for command in self._running.values():
            if command.order.number == order.number and not command.late:
                command.deadline += order.extend

    def _popen(self, order: Order) -> subprocess.Popen[bytes]:
        with open(order.stdin, "rb") as stdin:
            return subprocess.Popen(
                order.argv,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=order.env,
                start_new_session=True,
                preexec_fn=lambda: self._become_user(order.cwd),
            )

    def _become_user(self, cwd: str) -> None:
        with suppress(OSError), open("/proc/self/oom_score_adj", "wb", buffering=0) as score:
            score.write(MORE_LIKELY)
        os.setgroups([])
        os.setgid(self._uid)
        os.setuid(self._uid)
        with suppress(OSError):  # the user may have locked itself out of it
            os.chdir(cwd)

    def _pass_on(self, command: RunningCommand, stream: int) -> bool:
        """Pass on one piece of a command's output, if there is any; False at the pipe's end."""
        try:
            data = os.read(command.pipes[stream], PIECE)
        except BlockingIOError:
            return True
        kept = data[: command.room[stream]]
        command.room[stream] -= len(kept)
        command.truncated = command.truncated or len(kept) < len(data)
        if kept:
            self._say(command.order.number, stream, kept)
        return bool(data)

    def _finish(self, command: RunningCommand) -> None:
        for stream, pipe in command.pipes.items():
            for _ in range(LAST_PIECES):
                if not self._pass_on(command, stream):
                    break
            with suppress(KeyError):
                self._selector.unregister(pipe)
        for handle in (command.process.stdout, command.process.stderr):
            if handle:
                handle.close()
        if command.late:
            self._stop_everything()
        self._end(command.order.number, command.process.returncode, command.late, command.truncated)

    def _stop_everything(self) -> bool:
        """End every process of the sandbox's user; whether none is left."""
        # kill(-1) as the sandbox's user reaches all of its processes at once, even a fork bomb.
        child = os.fork()
        if child == 0:
            try:
                os.setgid(self._uid)
                os.setuid(self._uid)
                os.kill(-1, signal.SIGKILL)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        until = time.monotonic() + GRACE
        while any(_belongs_to(self._uid, name) for name in os.listdir("/proc") if name.isdigit()):
            if time.monotonic() > until:
                return False
            time.sleep(0.001)  # what was killed goes on until the kernel comes to it
        return True

    def _end(self, number: int, code: int, late: bool, truncated: bool) -> None:
        result = {
            "code": code,
            "late": late,
            "truncated": truncated,
            "processor": processor_seconds(),
        }
        self._say(number, END, json.dumps(result).encode())

    def _say(self, number: int, what: int, data: bytes) -> None:
        left = memoryview(FRAME.pack(number, what, len(data)) + data)
        while left:
            left = left[os.write(1, left) :]


def _belongs_to(uid: int, process: str) -> bool:
    """Whether a process is a user's and has not ended."""
    try:
        with open(f"/proc/{process}/status", "rb") as file:
            status = file.read()
    except OSError:
        return False
    return b"\nUid:\t%d\t" % uid in status and b"\nState:\tZ" not in status


def processor_seconds() -> float:
    """Processor time of all that ran in this container, by the kernel's account of its group."""
    with suppress(OSError), open("/sys/fs/cgroup/cpu.stat") as account:  # cgroup 2
        return int(account.readline().split()[1]) / 1e6
    with suppress(OSError), open("/sys/fs/cgroup/cpuacct/cpuacct.usage") as account:  # cgroup 1
        return int(account.readline()) / 1e9
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _to_group(leader: int, signum: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, signum)


def _ended_child() -> int:
    """The number of a child that has ended and is not reaped yet; 0 if there is none."""
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    return ended.si_pid if ended else 0


def main(arguments: list[str]) -> None:
    """Serve as the sandbox's user UID for SECONDS at most, with a relay to SOCKET if there is one.

    These are the arguments.
    """
    enter_own_namespaces()
    relay = 0
    if arguments[2:]:
        from .relay import start_child  # of no use, and not there, without a socket

        relay = start_child(arguments[2])
    Supervisor(int(arguments[0]), float(arguments[1]), relay).serve()
