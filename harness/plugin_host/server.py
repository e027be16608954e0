"""The fork server: imports a plug-in, builds nothing, and forks a process for each use of it.

It runs confined, in a session of its own, and ends with the harness: when the connection closes, it
ends all that it forked and removes their folders.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import shutil
import signal
import socket
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from harness.plugin_host import confinement, worker
from harness.plugin_host.imports import remember_listings, shared_by_import
from harness.plugin_host.landlock import LIBC
from seqswe import plugins

MESSAGE = 1 << 16
SUBREAPER = 36
TABLE = 1 << 20
"""Bytes of the first message, which holds the paths that may be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a fork server is for."""

    kind: plugins.Kind
    name: str
    preload: bool
    """Whether to import the plug-in here; else each of its processes imports it anew."""
    reads: Sequence[Path]
    cells: Path
    network: bool


def main(handle: int) -> None:
    """Serve the connection with this file descriptor until it is closed."""
    control = socket.socket(fileno=handle)
    config: Config = pickle.loads(control.recv(TABLE))
    with suppress(OSError):  # when memory runs out, a plug-in goes before the harness does
        Path("/proc/self/oom_score_adj").write_text("500")
    LIBC.prctl(SUBREAPER, 1, 0, 0, 0)
    plugins.installed(config.kind)
    remember_listings(config.reads)
    reads = confinement.reads_of_worker(config.reads, config.cells)
    confinement.confine_server(config.reads, config.cells, network=config.network)
    shared = _preload(config) if config.preload else ""
    control.send(json.dumps({"shared": shared}).encode())
    gc.freeze()
    server = Server(control, config, reads)
    try:
        server.serve()
    finally:
        server.close()
        shutil.rmtree(config.cells, ignore_errors=True)


def _preload(config: Config) -> str:
    """Import the plug-in; what of this import all its processes would share, or ""."""
    # Its error comes up again where the plug-in is built, and is reported there.
    with shared_by_import(config.cells) as shared, suppress(Exception, SystemExit):
        plugins.resolve(config.kind, config.name)
    if _children():
        shared.append("a child process")
    return ", ".join(shared)


class Server:
    """Forks workers, each named by its folder, and ends them."""

    def __init__(self, control: socket.socket, config: Config, reads: Sequence[Path]) -> None:
        self._control, self._plugin = control, (config.kind, config.name)
        self._reads = reads
        self._workers: dict[str, int] = {}

    def serve(self) -> None:
        """Carry out requests until the connection is closed."""
        while True:
            message, handles, _, _ = socket.recv_fds(self._control, MESSAGE, 1)
            if not message:
                return
            request = json.loads(message)
            folder = request["folder"]
            if request["do"] == "fork":
                self._fork(handles[0], folder)
                os.close(handles[0])
            elif request["do"] == "wait":
                status = self._wait(folder, request["seconds"])
                self._control.send(json.dumps({"status": status}).encode())
            else:
                self._wait(folder, 0.0)
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """End every worker."""
        for folder in list(self._workers):
            self._wait(folder, 0.0)

    def _fork(self, handle: int, folder: str) -> None:
        pid = os.fork()
        if pid == 0:
            try:
                self._control.close()
                worker.main(handle, Path(folder), self._reads, self._plugin)
            except BaseException:  # noqa: BLE001  (nothing of it may run on as a server)
                traceback.print_exc()
            finally:
                os._exit(1)
        self._workers[folder] = pid

    def _wait(self, folder: str, seconds: float) -> int | None:
        """End a worker in `seconds` at the latest; its wait status, None if it is gone already."""
        pid = self._workers.pop(folder, None)
        if pid is None:
            return None
        end = monotonic() + seconds
        ended, status = os.waitpid(pid, os.WNOHANG)
        while not ended and monotonic() < end:
            sleep(0.002)
            ended, status = os.waitpid(pid, os.WNOHANG)
        if not ended:
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
        # What a worker started comes to this process when the worker is gone, wherever it hid.
        while orphans := _children() - set(self._workers.values()):
            for orphan in orphans:
                with suppress(ProcessLookupError, ChildProcessError):
                    os.kill(orphan, signal.SIGKILL)
                    os.waitpid(orphan, 0)
        return status


def _children() -> set[int]:
    """Process ids of the children of this process, which has one thread that forks."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {int(pid) for task in tasks for pid in task.read_text().split()}
