"""The `local` sandbox: a process in a temporary checkout. It isolates nothing.

For the project's own model-free agents, and for machines without Docker. Commands run as the
user who started SeqSWE, with the network and all files within reach.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import IO

from packaging.requirements import Requirement

from harness.cleanup import owner, sweep
from harness.git import cache_folder, settle
from harness.sandboxes.common import PINNED, Deadline, checkout_script, now, shell
from seqswe.errors import MissingError, RolloutError
from seqswe.instance import digest_of
from seqswe.sandbox import Completed, Environment, SandboxSpec

PREFIX = "seqswe-local-"
WARNING = (
    "the local sandbox isolates NOTHING: commands run as you, with your files and network. "
    "Use it for model-free agents only."
)


class LocalProvider:
    """Opens temporary checkouts, with this interpreter or a virtual environment of their own."""

    isolates = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[LocalSandbox] = weakref.WeakSet()
        self._closed = False

    def prepare(self, environment: Environment) -> str:
        """Make the environment's interpreter ready; returns a digest of it."""
        return digest_of(f"local {self._python(environment)} {sys.version}")

    def open(self, spec: SandboxSpec) -> LocalSandbox:
        """Check the commit out in a temporary folder."""
        python = self._python(spec.environment)
        if self._closed:
            raise RolloutError("cancelled", "the run is being stopped")
        sandbox = LocalSandbox(python, spec)
        self._open.add(sandbox)
        if self._closed:  # while it was being opened
            sandbox.close()
            raise RolloutError("cancelled", "the run is being stopped")
        return sandbox

    def close(self) -> None:
        """Stop: kill what runs, remove the folders and open no more."""
        self._closed = True
        for sandbox in list(self._open):
            sandbox.close()

    def sweep(self) -> int:
        """Remove folders whose owning process is dead."""
        return sweep(Path(tempfile.gettempdir()), PREFIX)

    def _python(self, environment: Environment) -> Path:
        here = "{}.{}".format(*sys.version_info[:2])
        packages = environment.lock or environment.requirements
        with self._lock:
            if environment.python == here and all(map(_installed, environment.requirements)):
                return Path(sys.executable)
            folder = (
                cache_folder() / "venvs" / f"{environment.key}-{digest_of(repr(packages))[7:15]}"
            )
            if not folder.is_dir():
                _create(folder, environment, packages)
        return folder / "bin" / "python"


class LocalSandbox:
    """One temporary checkout. See `seqswe.sandbox.Sandbox` for what its methods promise."""

    def __init__(self, python: Path, spec: SandboxSpec) -> None:
        self.limits = spec.limits
        self._deadline = Deadline(spec.limits.task_seconds)
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{owner()}-"))
        self.root = str(self._folder / "testbed")
        source = os.path.normpath(f"{self.root}/{spec.environment.source_path}")
        self._env = {
            **PINNED,
            "PATH": f"{python.parent}:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "HOME": str(self._folder / "home"),
            "TMPDIR": str(self._folder / "tmp"),
            "PYTHONPATH": source,
            "GIT_CONFIG_GLOBAL": os.devnull,
            # Git must not find the repository that the temporary folder may lie in.
            "GIT_CEILING_DIRECTORIES": str(self._folder),
        }
        for name in ("testbed", "home", "tmp"):
            (self._folder / name).mkdir()
        script = checkout_script(spec.checkout.commit, str(spec.checkout.objects.resolve()))
        done = self._execute(["sh", "-c", script], 120, {}, None)
        if not done.ok:
            self.close()
            raise RolloutError("sandbox_failed", f"checkout: {done.stderr.decode()[-300:]}")

    def run(
        self,
        command: Sequence[str] | str,
        *,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> Completed:
        """Run a command in the checkout; see the protocol."""
        seconds = self._deadline.allow(timeout or self.limits.command_seconds)
        done = self._execute(shell(command), seconds, env or {}, stdin)
        self._deadline.spend(done.seconds)
        return done

    def read(self, path: str) -> bytes:
        """A file's bytes. Raises FileNotFoundError."""
        return Path(self.root, path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        """Create or replace a file, making its folders."""
        target = Path(self.root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def close(self) -> None:
        """Kill what still runs and remove the folder; safe to call twice."""
        running = self._process
        if running is not None:
            _kill_group(running)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _execute(
        self, arguments: Sequence[str], seconds: float, env: Mapping[str, str], stdin: bytes | None
    ) -> Completed:
        started = now()
        # Output goes to files: a child that outlives its parent cannot hold a pipe open.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                process = subprocess.Popen(
                    arguments,
                    cwd=self.root,
                    env={**self._env, **env},
                    stdout=out,
                    stderr=err,
                    stdin=subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError as error:
                return Completed(exit_code=127, stdout=b"", stderr=str(error).encode())
            late = False
            self._process = process
            try:
                process.communicate(stdin, timeout=seconds)
            except subprocess.TimeoutExpired:
                late = True
            finally:
                _kill_group(process)
                self._process = None  # its number may soon be another's
            limit = self.limits.output_bytes
            texts = [_head(handle, limit) for handle in (out, err)]
        return Completed(
            exit_code=124 if late else process.returncode,
            stdout=texts[0][0],
            stderr=texts[1][0],
            seconds=now() - started,
            timed_out=late,
            truncated=texts[0][1] or texts[1][1],
        )


def _head(handle: IO[bytes], limit: int) -> tuple[bytes, bool]:
    handle.seek(0)
    data = handle.read(limit + 1)
    return data[:limit], len(data) > limit


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _installed(requirement: str) -> bool:
    wanted = Requirement(requirement)
    try:
        return wanted.specifier.contains(metadata.version(wanted.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


def _create(folder: Path, environment: Environment, packages: Sequence[str]) -> None:
    base = shutil.which(f"python{environment.python}")
    if base is None:
        raise MissingError(
            f"environment {environment.key} needs Python {environment.python}",
            "Install it, or use --sandbox docker.",
        )
    partial = folder.with_name(f"{folder.name}.{os.getpid()}")
    pip = [str(partial / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages]
    for command in ([base, "-m", "venv", str(partial)], pip):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(partial, ignore_errors=True)
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise MissingError(
                f"environment {environment.key} could not be built: {last}",
                "Building needs a package index: see PIP_INDEX_URL.",
            )
    settle(partial, folder)
