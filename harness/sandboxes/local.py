"""The `local` sandbox: a process in a temporary checkout. It isolates nothing.

It is meant for the project's own model-free agents, and for machines without Docker. Commands run
as the user who started SeqSWE, with access to the network and to all files.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import IO

from harness.sandboxes.checkout import PINNED, checkout_script
from harness.sandboxes.cleanup import make_folder, sweep
from harness.sandboxes.commands import (
    Deadline,
    code_of,
    environment_digest,
    shell,
    too_large,
)
from harness.sandboxes.interpreters import create, inspect_python, installed
from harness.sandboxes.open_sandboxes import OpenSandboxes
from harness.sandboxes.relay import RelayThread
from seqswe.errors import RolloutError
from seqswe.instance import digest_of
from seqswe.runs.folders import cache_folder
from seqswe.sandbox import Completed, Environment, SandboxSpec

PREFIX = "seqswe-local-"
STRAY_SECONDS = 5.0
"""How long processes that left their group are looked for and killed."""
WARNING = (
    "the local sandbox isolates NOTHING: commands run as you, with your files and network. "
    "Use it for model-free agents only."
)


class LocalProvider:
    """Opens temporary checkouts, with this interpreter or a virtual environment of their own."""

    isolates = False
    reaches_models = True

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = OpenSandboxes()

    def prepare(self, environment: Environment) -> str:
        """Make the environment's interpreter ready; returns a digest of what is installed.

        The digest is the same on every machine: it names versions, not the interpreter's place.
        """
        found = inspect_python(self._python(environment), environment)
        return environment_digest("local", found["python"], environment, found["packages"])

    def machine(self, environment: Environment) -> dict[str, str]:
        """The interpreter and its version, here; see the protocol."""
        python = self._python(environment)
        version = str(inspect_python(python, environment)["python"])
        return {"python": version, "interpreter": str(python)}

    def open(self, spec: SandboxSpec) -> LocalSandbox:
        """Check the commit out in a temporary folder."""
        python = self._python(spec.environment)
        self._open.check()
        return self._open.add(LocalSandbox(python, spec))

    def close(self) -> None:
        """Stop: kill running processes, remove the folders and open no more."""
        self._open.close()

    def status(self) -> str:
        """What there is to know before using it."""
        return "commands run as you; isolates nothing"

    def sweep(self) -> int:
        """Remove folders whose owning process is dead."""
        return sweep(Path(tempfile.gettempdir()), PREFIX)

    def _python(self, environment: Environment) -> Path:
        own_version = "{}.{}".format(*sys.version_info[:2])
        packages = environment.lock or environment.requirements
        with self._lock:
            if environment.python == own_version and all(map(installed, environment.requirements)):
                return Path(sys.executable)
            folder = (
                cache_folder() / "venvs" / f"{environment.key}-{digest_of(repr(packages))[7:15]}"
            )
            create(folder, environment, packages)
        return folder / "bin" / "python"


class LocalSandbox:
    """One temporary checkout. See `seqswe.sandbox.Sandbox` for what its methods promise."""

    def __init__(self, python: Path, spec: SandboxSpec) -> None:
        self.limits = spec.limits
        self._deadline = Deadline(spec.limits.task_seconds)
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = threading.Event()
        self.processor_seconds = 0.0
        """Processor time of all commands and of the processes that they waited for."""
        self._folder = make_folder(Path(tempfile.gettempdir()), PREFIX)
        self.root = str(self._folder / "testbed")
        self.objects = str(spec.checkout.objects.resolve())
        self._relay = RelayThread(str(spec.model.socket)) if spec.model else None
        self.model_url = self._relay.url if self._relay else ""
        self._waited = spec.model.waited if spec.model else _never
        sources = spec.environment.source_path.split(":")
        project = self._folder / "project"
        paths = [os.path.normpath(f"{self.root}/{source}") for source in sources]
        paths += [str(project)] if spec.project else []
        self._env = {
            **PINNED,
            "PATH": f"{python.parent}:{project}/bin:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "HOME": str(self._folder / "home"),
            "TMPDIR": str(self._folder / "tmp"),
            "PYTHONPATH": ":".join(paths),
            "GIT_CONFIG_GLOBAL": os.devnull,
            # Git must not find the repository that the temporary folder may lie in.
            "GIT_CEILING_DIRECTORIES": str(self._folder),
        }
        for name in ("testbed", "home", "tmp"):
            (self._folder / name).mkdir()
        for name, text in spec.project.items():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text(text)
            (project / name).chmod(0o755)
        script = checkout_script(spec, self.objects)
        try:
            done = self._execute(["sh", "-c", script], 120, {}, None)
            if not done.ok:
                raise RolloutError("sandbox_failed", f"checkout: {done.stderr.decode()[-300:]}")
        except BaseException:
            self.close()
            raise

    def run(
        self,
        command: Sequence[str] | str,
        *,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> Completed:
        """Run a command in the checkout; see the protocol."""
        limit = self.limits.command_seconds if timeout is None else timeout
        seconds = self._deadline.allow(limit)
        done = self._execute(shell(command), seconds, env or {}, stdin)
        self._deadline.spend(done.seconds)
        if done.timed_out:
            self._kill_strays()
        if self._closed.is_set():
            raise RolloutError("sandbox_failed", "the sandbox is closed")
        return done

    def read(self, path: str) -> bytes:
        """Read a file's bytes. Raises FileNotFoundError."""
        target = Path(self.root, path)
        if not target.is_file():
            raise FileNotFoundError(path)
        if target.stat().st_size > self.limits.output_bytes:
            raise RolloutError("agent_crashed", too_large(path, self.limits))
        return target.read_bytes()

    def write(self, path: str, data: bytes) -> None:
        """Create or replace a file, making its folders."""
        target = Path(self.root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def end_processes(self) -> None:
        """End what still has the sandbox's environment, as far as this user may look."""
        self._kill_strays()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed.is_set()

    def close(self) -> None:
        """Kill running processes and remove the folder; safe to call twice."""
        self._closed.set()
        process = self._process
        # The number of a finished process may already belong to another one.
        if process is not None and process.returncode is None:
            _kill_group(process)
        self._kill_strays()
        if self._relay:
            self._relay.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kill_strays(self) -> None:
        # Processes that left their group are recognised by their environment.
        mark = f"TMPDIR={self._env['TMPDIR']}".encode()
        left, until = True, monotonic() + STRAY_SECONDS
        while left and monotonic() < until:  # one that was killed may have started another
            left = False
            for entry in Path("/proc").glob("[0-9]*/environ"):
                with suppress(OSError):
                    if mark in entry.read_bytes().split(b"\0"):
                        os.kill(int(entry.parent.name), signal.SIGKILL)
                        left = True

    def _execute(
        self, arguments: Sequence[str], seconds: float, env: Mapping[str, str], stdin: bytes | None
    ) -> Completed:
        started, before = monotonic(), self._waited()
        # Output goes to files: a child that outlives its parent cannot hold a pipe open.
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            tempfile.TemporaryFile() as input_,
        ):
            input_.write(stdin or b"")
            input_.seek(0)
            try:
                process = subprocess.Popen(
                    arguments,
                    cwd=self.root,
                    env={**self._env, **env},
                    stdout=out,
                    stderr=err,
                    stdin=input_,
                    start_new_session=True,
                )
            except OSError as error:
                return Completed(exit_code=127, stdout=b"", stderr=str(error).encode())
            self._process = process
            if self._closed.is_set():  # while it was being started
                _kill_group(process)
            try:
                late = not self._ended(process, seconds)
            finally:
                _kill_group(process)
                self.processor_seconds += _reap(process)
                self._process = None  # its number may soon be another's
            limit = self.limits.output_bytes
            texts = [_head(handle, limit) for handle in (out, err)]
        return Completed(
            exit_code=code_of(process.returncode, late),
            stdout=texts[0][0],
            stderr=texts[1][0],
            seconds=max(0.0, monotonic() - started - (self._waited() - before)),
            timed_out=late,
            truncated=texts[0][1] or texts[1][1],
        )

    def _ended(self, process: subprocess.Popen[bytes], seconds: float) -> bool:
        """Whether a process ends in so many seconds, those apart in which a model is waited for."""
        before, left = self._waited(), seconds
        while not _ended(process, left):
            now = self._waited()
            if now <= before:
                return False
            left, before = now - before, now
        return True


def _never() -> float:
    return 0.0


def _head(handle: IO[bytes], limit: int) -> tuple[bytes, bool]:
    handle.seek(0)
    data = handle.read(limit + 1)
    return data[:limit], len(data) > limit


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether a process ends in so many seconds. It is not reaped: its number stays its own."""
    handle = os.pidfd_open(process.pid)
    end = select.poll()
    end.register(handle, select.POLLIN)
    try:
        return bool(end.poll(1000 * seconds))
    finally:
        os.close(handle)


def _reap(process: subprocess.Popen[bytes]) -> float:
    """Wait for a process; returns the processor time of it and of those that it waited for."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime
