"""A memory and an agent that leave a mark wherever a program can, and tell which marks they find.

In an arm without a memory, or with one that is reset, none may ever be found: each task's memory
and agent is to be the first in its world. What is refused is passed over, as careless code does.
"""

import ctypes
import json
import os
import pwd
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from seqswe.agent import Attempt
from seqswe.memory import Recall, Recalled

MARK = "seqswe-mark-of-the-tests"
MODULE_MARKS: list[str] = []
LIBC = ctypes.CDLL(None, use_errno=True)
SHARED_KEY = 0x5E95E
CREATE = 0o1666
SHARED_MEMORY = {"x86_64": (29, 30), "aarch64": (194, 196)}


class Singleton:
    marks: ClassVar[list[str]] = []


@lru_cache
def client():
    return []


def _listed(marks):
    seen = bool(marks)
    marks.append(MARK)
    return seen


def _environment():
    seen = MARK in os.environ
    os.environ[MARK] = "1"
    return seen


def _file(name, folder):
    def place():
        path = Path(folder()) / f"{MARK}-{''.join(filter(str.isalpha, name))}"
        seen = path.exists()
        path.write_text("x")
        return seen

    return place


def _socket():
    """A server in a process that nobody waits for, found by a name that is no file."""
    address = f"\0{MARK}-{pwd.getpwuid(os.getuid()).pw_name}"
    with socket.socket(socket.AF_UNIX) as client, suppress(ConnectionRefusedError):
        client.connect(address)
        return True
    code = (
        "import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]);"
        " s.listen(9); print(flush=True); time.sleep(20)"
    )
    child = [sys.executable, "-c", code.replace("sys.argv[1]", repr(address))]
    with subprocess.Popen(child, stdout=subprocess.PIPE, start_new_session=True) as server:
        server.stdout.read(1)
        server.returncode = 0  # it stays
    return False


def _local_network():
    with socket.socket() as server:
        try:
            server.connect(("127.0.0.1", 47823))
        except ConnectionRefusedError:
            code = (
                "import socket, time; s = socket.create_server(('127.0.0.1', 47823));"
                " print(flush=True); time.sleep(20)"
            )
            child = [sys.executable, "-c", code]
            with subprocess.Popen(child, stdout=subprocess.PIPE, start_new_session=True) as there:
                there.stdout.read(1)
                there.returncode = 0
            return False
    return True


def _shared_memory():
    get, attach = SHARED_MEMORY[os.uname().machine]
    number = LIBC.syscall(get, SHARED_KEY, 4096, CREATE)
    if number < 0:
        return False
    LIBC.syscall.restype = ctypes.c_void_p
    address = LIBC.syscall(attach, number, None, 0)
    LIBC.syscall.restype = ctypes.c_long
    found = ctypes.string_at(address, 1)
    ctypes.memset(address, 7, 1)
    return found == b"\7"


def _times(file):
    seen = file.stat().st_mtime == 1_234_567.0
    os.utime(file, (1_234_567.0, 1_234_567.0))
    return seen


def _attribute(file):
    name = "user.seqswe_mark"
    with suppress(OSError):
        os.getxattr(file, name)
        return True
    os.setxattr(file, name, b"x")
    return False


def _mode(file):
    seen = bool(file.stat().st_mode & 0o002)
    file.chmod(0o646)
    return seen


FOLDERS = {
    "literal /tmp": lambda: "/tmp",
    "literal /var/tmp": lambda: "/var/tmp",
    "/dev/shm": lambda: "/dev/shm",
    "home of pwd": lambda: pwd.getpwuid(os.getuid()).pw_dir,
    "beside the module": lambda: Path(__file__).parent,
    "beside Python": lambda: sys.prefix,
    "working folder": lambda: ".",
    "HOME": Path.home,
    "TMPDIR": tempfile.gettempdir,
}
OF_THE_FILE = {
    "times of a file": _times,
    "attribute of a file": _attribute,
    "mode of a file": _mode,
}
PLACES = {
    "module global": lambda: _listed(MODULE_MARKS),
    "class attribute": lambda: _listed(Singleton.marks),
    "singleton client": lambda: _listed(client()),
    "builtins": lambda: _listed(sys.modules["builtins"].__dict__.setdefault(MARK, [])),
    "another module": lambda: _listed(json.__dict__.setdefault(MARK, [])),
    "environment variable": _environment,
    "abstract socket": _socket,
    "local network": _local_network,
    "System V shared memory": _shared_memory,
    **{name: _file(name, folder) for name, folder in FOLDERS.items()},
}


def marks(file):
    """Names of the places where there was a mark; there is one now, where it could be set."""
    found = []
    asked = {name: (lambda place=place: place(Path(file))) for name, place in OF_THE_FILE.items()}
    for name, place in {**PLACES, **asked}.items():
        with suppress(OSError):
            if place():
                found.append(name)
    return found


def remove_marks():
    """Remove the marks from folders that outlive the tests."""
    for folder in FOLDERS.values():
        for path in Path(folder()).glob(f"{MARK}-*"):
            path.unlink()


class KeepingMemory:
    """Recalls an item for each mark it finds; `file` is one that it may read."""

    def __init__(self, home, *, file: str):
        self.file = file

    def recall(self, task):
        return Recall(items=tuple(Recalled(text=name) for name in marks(self.file)))

    def record(self, experience):
        pass

    def save(self, directory):
        pass

    def load(self, directory):
        pass


class KeepingAgent:
    """Ranks, instead of files, the places where it finds a mark."""

    def __init__(self, *, seed, file: str):
        self.file = file

    def solve(self, task, recall, sandbox):
        return Attempt(ranking=tuple(marks(self.file)))
