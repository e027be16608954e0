"""The harness's handle of a fork server: it starts, forks, and ends processes."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
import weakref
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn

from harness.plugin_host.server import Config
from seqswe.errors import MissingError

BOOT = """import sys; sys.path[:] = {path!r}
from harness.plugin_host.server import main; main(int(sys.argv[1]))"""
KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH")
"""Variables of the caller's that a plug-in gets. None may hold a key."""
START_SECONDS = 120.0
"""For the start of a fork server, which imports the plug-in."""
STOP_SECONDS = 5.0
OUTPUT = "server.txt"


class ForkServer:
    """The process that has imported one plug-in and forks a process for each use of it.

    variables: names of the caller's environment variables that the plug-in is given. Safe between
    threads. Raises MissingError where a process cannot be started.
    """

    def __init__(self, config: Config, variables: Iterable[str] = ()) -> None:
        self._lock = Lock()
        self.cells = config.cells
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        home = config.cells / "server"
        home.mkdir(parents=True)
        path = [str(Path(entry or ".").resolve()) for entry in sys.path]
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-c", BOOT.format(path=path), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=_environment(home, variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=(config.cells / OUTPUT).open("wb"),
                start_new_session=True,
            )
        self._control = ours
        self.close = weakref.finalize(self, _stop, ours, process, config.cells)
        ours.settimeout(START_SECONDS)
        try:
            ours.send(pickle.dumps(config))
            self.shared: str = self._reply()["shared"]
        except OSError:
            self._broken()

    def fork(self, end: socket.socket, folder: Path) -> None:
        """Fork a process that serves this end of a connection and lives in this folder."""
        request = json.dumps({"do": "fork", "folder": str(folder)}).encode()
        try:
            socket.send_fds(self._control, [request], [end.fileno()])
        except OSError:
            self._broken()

    def wait(self, folder: Path, seconds: float) -> int | None:
        """The wait status of the process of this folder, which is ended after `seconds`.

        None if it is not known.
        """
        request = {"do": "wait", "folder": str(folder), "seconds": seconds}
        with self._lock, suppress(OSError):
            self._control.send(json.dumps(request).encode())
            status: int | None = self._reply()["status"]
            return status
        return None

    def end(self, folder: Path) -> None:
        """End the process of this folder, and remove the folder, without waiting for either.

        Takes no lock, since it may be called by the garbage collector.
        """
        with suppress(OSError):
            self._control.send(json.dumps({"do": "end", "folder": str(folder)}).encode())

    def _reply(self) -> dict[str, Any]:
        data = self._control.recv(1 << 16)
        if not data:
            raise ConnectionResetError
        reply: dict[str, Any] = json.loads(data)
        return reply

    def _broken(self) -> NoReturn:
        last = ""
        with suppress(OSError):
            text = (self.cells / OUTPUT).read_text(errors="replace").strip()
            last = text.rpartition("\n")[2][:200]
        raise MissingError(
            f"the process that plug-ins are forked from has ended: {last or 'it said nothing'}",
            "Is there enough memory? Go on with `seqswe resume`.",
        ) from None


def _environment(home: Path, variables: Iterable[str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in (*KEPT, *variables) if name in os.environ}
    places = {"HOME": str(home), "TMPDIR": str(home)}
    return {**kept, **places, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}


def _stop(control: socket.socket, process: subprocess.Popen[bytes], cells: Path) -> None:
    control.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(cells, ignore_errors=True)
