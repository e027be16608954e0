"""One plug-in's process, as the harness calls it: with a deadline and a bound on every answer.

The deadline stands still while the harness does for the plug-in what has a budget of its own.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import tempfile
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from harness.plugin_host.failures import PluginError, PluginFailure
from harness.plugin_host.files import opened, read_files
from harness.plugin_host.fork_server import ForkServer
from harness.plugin_host.wire import Closed, Connection, Oversized
from harness.plugin_host.worker import HOME, OUTPUT, STATE, TEMPORARY
from seqswe.errors import RolloutError

END_SECONDS = 1.0
"""Between a closed connection and the end of its process."""
STATE_BYTES = 1_000_000_000
"""Of a memory's saved files together."""
OUTPUT_BYTES = 4000
PATIENT = frozenset({"chat", "embed", "model", "run", "aside"})
"""What has a budget of its own, so that its time is not the plug-in's."""

Serve = Mapping[str, Callable[..., Any]]
"""What a plug-in may ask for while it is called, by name."""


class PluginProcess:
    """One memory's or agent's process, which ends with this object at the latest."""

    def __init__(self, server: ForkServer) -> None:
        folder = Path(tempfile.mkdtemp(dir=server.cells))
        for name in (HOME, TEMPORARY, STATE):
            (folder / name).mkdir()
        ours, theirs = socket.socketpair()
        with theirs:
            server.fork(theirs, folder)
        self.folder = folder
        self._connection, self._server = Connection(ours), server
        self.close = weakref.finalize(self, _close, self._connection, server, folder)

    def call(
        self, request: str, *arguments: Any, seconds: float, serve: Serve | None = None
    ) -> Any:
        """Return what the plug-in answers to a request, as plain data.

        Raises PluginError for what it raised, and PluginFailure if it does not answer; then the
        process is ended.
        """
        deadline = monotonic() + seconds
        told: set[str] = set()
        try:
            self._connection.tell((request, arguments), deadline)
            while True:
                message = self._connection.answered(deadline)
                if "ask" not in message:
                    break
                started, asked = monotonic(), str(message["ask"])
                failed, answer = _served(serve or {}, asked, message)
                if asked in PATIENT:
                    deadline += monotonic() - started
                if failed and isinstance(answer, RolloutError):
                    told.add(answer.cause)
                self._connection.tell((failed, answer), deadline)
        except TimeoutError:
            raise self._failed(f"{request} took longer than {seconds:g} s", hung=True) from None
        except (Closed, OSError):
            raise self._failed(f"its process {self._how_it_ended()}") from None
        except (Oversized, ValueError) as error:
            raise self._failed(f"its answer to {request} cannot be read: {error}"[:300]) from None
        if "error" in message:
            raise PluginError(message, told)
        return message.get("value")

    def output(self) -> str:
        """The end of what it printed; "" if there is nothing to be read."""
        with suppress(OSError, ValueError), opened(self.folder / OUTPUT) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - OUTPUT_BYTES))
            return file.read(OUTPUT_BYTES).decode("utf-8", "replace")
        return ""

    def state(self) -> dict[str, bytes]:
        """The files that it saved, by relative path.

        Raises PluginFailure for more than STATE_BYTES, and for anything but files and folders.
        """
        try:
            return read_files(self.folder / STATE, STATE_BYTES)
        except (OSError, ValueError) as error:
            raise self._failed(f"its saved state cannot be read: {error}"[:300]) from None

    def _failed(self, reason: str, *, hung: bool = False) -> PluginFailure:
        output = self.output().strip()
        last = output.rpartition("\n")[2][:200]
        failure = PluginFailure(f"{reason} ({last})" if last else reason, output, hung=hung)
        self.close()
        return failure

    def _how_it_ended(self) -> str:
        status = self._server.wait(self.folder, END_SECONDS)
        if status is None:
            return "was ended"
        if os.WIFSIGNALED(status):
            return f"died of {_signal_name(os.WTERMSIG(status))}"
        return f"ended by itself with exit code {os.waitstatus_to_exitcode(status)}"


def _signal_name(number: int) -> str:
    """Real-time signals have no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _served(serve: Serve, name: str, message: Mapping[str, Any]) -> tuple[bool, Any]:
    """Whether a service failed, and its answer or error, which can be pickled."""
    try:
        if name not in serve:
            raise RuntimeError(f"there is no service {name!r:.80} here")
        answer = serve[name](**message["with"])
        pickle.dumps(answer)
    except Exception as error:  # noqa: BLE001  (the plug-in is told, whatever it is)
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # noqa: BLE001
            return True, RuntimeError(f"{type(error).__name__}: {error}"[:500])
        return True, error
    return False, answer


def _close(connection: Connection, server: ForkServer, folder: Path) -> None:
    connection.close()
    server.end(folder)
