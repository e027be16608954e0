"""A sandbox on a machine without mounts: all that it shows is uploaded, and calls are short.

A machine has three verbs, which every provider of remote machines has. Nothing else is asked of it
but a shell, tar, git and the environment's Python.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import shlex
import tarfile
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from harness.environments import EnvironmentStore
from harness.environments.locks import locked
from harness.environments.store import Place
from harness.sandboxes.build_files import PACKAGES, write_packages
from harness.sandboxes.checkout import PINNED, checkout_script
from harness.sandboxes.commands import (
    Deadline,
    code_of,
    environment_digest,
    read_by_command,
    shell,
)
from harness.sandboxes.inside import commander
from harness.sandboxes.open_sandboxes import OpenSandboxes
from seqswe.errors import MissingError, RolloutError
from seqswe.runs.folders import cache_folder
from seqswe.sandbox import Completed, Environment, SandboxSpec

POLL_SECONDS = 2.0
"""Of one call to a machine: some answer nothing else in the meantime, not even that they stop."""
SETUP_SECONDS = 300.0
BACKSTOP = 60.0
"""Seconds after a command's deadline at which the machine is given up."""
SITE = "env/lib/python{python}/site-packages"
# Relative to the folder of packages, so that one archive fits every sandbox.
PLACE = Place(
    python="/usr/bin/env python", checkout="../../../../testbed", project="../../../../project"
)
PREPARE = """
set -e
for each in tar git; do command -v $each > /dev/null || {{ echo "it has no $each"; exit 1; }}; done
python=$(command -v python{python} || command -v python3 || echo false)
$python -I -c 'import platform; print(platform.python_version())' || echo "it has no Python"
{find}
"""
COPIES = "find / -xdev -iname {name}-[0-9]*-info -not -path {own} -print -quit 2> /dev/null || true"
"""Whether the machine has a copy of the project, whose code may be of a later version."""
LAY = """
exec 2>&1
set -e
cd {base}
mkdir -p testbed home tmp orders project
python=$(command -v python{python} || command -v python3)
$python -I -m venv --without-pip env
tar -xf {packages} -C {site}
tar -xf history.tar
rm history.tar {packages}
$python -I -S commander.py open {base} {alone}
"""


class Machine(Protocol):
    """A machine that a sandbox is laid out on. Safe between threads.

    Its methods raise RolloutError("sandbox_failed") when it fails.
    """

    base: str
    """An absolute path at which there is nothing, or an empty folder: the sandbox's own."""
    alone: bool
    """Whether the machine is this sandbox's alone, so that all that comes to run is part of it."""

    def execute(self, command: Sequence[str], seconds: float) -> tuple[int, str]:
        """Run a command that ends within so many seconds; its exit code and standard output."""
        ...

    def upload(self, source: Path, target: str) -> None:
        """Copy a file of this machine, making its folder."""
        ...

    def stop(self) -> None:
        """Give the machine up, with all that is on it."""
        ...


class UploadingProvider(ABC):
    """A provider of sandboxes on machines without mounts; a subclass knows how to start one.

    It promises nothing of a machine, so `isolates` is False.
    """

    isolates = False
    kind = ""
    """Part of the environments' digest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = OpenSandboxes()
        self._prepared: dict[str, tuple[Path, str, str]] = {}
        self._environments = EnvironmentStore(cache_folder() / "uploaded")

    @abstractmethod
    def start(self, environment: Environment, spec: SandboxSpec | None) -> Machine:
        """Start a machine that has the environment's Python, and the limits of `spec` if it can."""

    def prepare(self, environment: Environment) -> str:
        """Pack the packages, and ask a machine what it is; returns a digest of what is installed.

        Raises MissingError for a machine on which no sandbox of this environment can be.
        """
        return self._prepare(environment)[2]

    def machine(self, environment: Environment) -> dict[str, str]:
        """The whole version of its Python; see the protocol."""
        return {"python": self._prepare(environment)[1]}

    def open(self, spec: SandboxSpec) -> UploadedSandbox:
        """Start a machine and lay the sandbox out on it."""
        packages = self._prepare(spec.environment)[0]
        self._open.check()
        return self._open.add(UploadedSandbox(self.start(spec.environment, spec), spec, packages))

    def sweep(self) -> int:
        """Remove what earlier, dead processes left behind; returns how many."""
        return 0

    def close(self) -> None:
        """Stop every machine and start no more."""
        self._open.close()

    def _prepare(self, environment: Environment) -> tuple[Path, str, str]:
        """The archive of packages, the machines' Python, and the digest."""
        key = repr(environment)
        with self._lock:
            if key not in self._prepared:
                whole = locked(environment)
                # Bytecode is left out: no Python of theirs is at hand here.
                folder = self._environments.site_packages(whole, PLACE, lambda *_: None)
                archive = folder.parent / PACKAGES
                if not archive.exists():
                    with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
                        write_packages(folder, Path(partial))
                        (Path(partial) / PACKAGES).replace(archive)
                version = self._version(environment)
                digest = environment_digest(self.kind, version, whole, whole.lock)
                self._prepared[key] = archive, version, digest
            return self._prepared[key]

    def _version(self, environment: Environment) -> str:
        try:
            machine = self.start(environment, None)
        except RolloutError as error:
            raise MissingError(error.message, "See what machine or image was asked for.") from None
        try:
            find = ""
            if machine.alone and environment.distribution:
                name = shlex.quote(re.sub(r"[-_.]+", "[-_.]", environment.distribution))
                find = COPIES.format(name=name, own=shlex.quote(f"{machine.base}/*"))
            script = PREPARE.format(python=environment.python, find=find)
            code, said = machine.execute(["sh", "-c", script], SETUP_SECONDS)
        finally:
            machine.stop()
        version, *copies = said.split("\n")[:-1] or ["it says nothing"]
        if code or version.rpartition(".")[0] != environment.python or copies:
            told = f"it has {copies[0]}" if copies else version
            raise MissingError(
                f"no sandbox of Python {environment.python} without the project can be on this "
                f"machine: {told}"[:300],
                "Bring an image with that Python, git and tar, and without the project.",
            )
        return version


class UploadedSandbox:
    """One sandbox on a machine. See `seqswe.sandbox.Sandbox` for what its methods promise."""

    def __init__(self, machine: Machine, spec: SandboxSpec, packages: Path) -> None:
        self._machine, self.limits = machine, spec.limits
        self._deadline = Deadline(spec.limits.task_seconds)
        self._closed = threading.Event()
        self._numbers = itertools.count()
        self.processor_seconds = 0.0
        """Processor time of all commands and of the processes that they waited for."""
        base = machine.base
        self.root, self.objects = f"{base}/testbed", f"{base}/history"
        self._python = f"{base}/env/bin/python"
        site = f"{base}/{SITE.format(python=spec.environment.python)}"
        path = [f"{base}/env/bin", f"{site}/bin", f"{base}/project/bin"]
        self._env = {
            **PINNED,
            "PATH": ":".join([*path, "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": f"{base}/home",
            "TMPDIR": f"{base}/tmp",
            "GIT_CONFIG_GLOBAL": os.devnull,
            # Git must not find a repository that the machine's folder may lie in.
            "GIT_CEILING_DIRECTORIES": base,
        }
        try:
            self._lay(spec, packages, site)
        except BaseException:
            self.close()
            raise

    def _lay(self, spec: SandboxSpec, packages: Path, site: str) -> None:
        base = self._machine.base
        with tempfile.TemporaryDirectory(prefix="seqswe-upload-") as folder:
            history = Path(folder) / "history.tar"
            pack(spec, history)
            self._machine.upload(history, f"{base}/history.tar")
        self._machine.upload(packages, f"{base}/{PACKAGES}")
        self._machine.upload(Path(commander.__file__), f"{base}/commander.py")
        script = LAY.format(
            base=shlex.quote(base),
            site=shlex.quote(site),
            python=spec.environment.python,
            packages=PACKAGES,
            alone="alone" if self._machine.alone else "",
        )
        code, said = self._machine.execute(["sh", "-c", script], SETUP_SECONDS)
        if code:
            raise RolloutError("sandbox_failed", f"laying it out: {said[-300:]}")
        done = self._execute(["sh", "-c", checkout_script(spec, self.objects)], SETUP_SECONDS)
        if not done.ok:
            raise RolloutError("sandbox_failed", f"checkout: {done.stderr[-300:]!r}")

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
        done = self._execute(shell(command), self._deadline.allow(limit), env, stdin)
        self._deadline.spend(done.seconds)
        return done

    def read(self, path: str) -> bytes:
        """Read a file's bytes. Raises FileNotFoundError."""
        return read_by_command(self, path, self.limits)

    def write(self, path: str, data: bytes) -> None:
        """Create or replace a file, making its folders."""
        script = 'mkdir -p -- "$(dirname -- "$0")" && cat > "$0"'
        done = self.run(["sh", "-c", script, path], stdin=data)
        if not done.ok:
            raise RolloutError("sandbox_failed", f"cannot write {path}: {done.stderr[-200:]!r}")

    def end_processes(self) -> None:
        """End all that runs in it. Raises RolloutError if something is left."""
        if self._call(commander.GRACE, "end")[0]:
            raise RolloutError("sandbox_failed", "a process in the sandbox cannot be ended")

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed.is_set()

    def close(self) -> None:
        """End what runs and give the machine up; safe to call twice and from another thread."""
        if not self._closed.is_set():
            self._closed.set()
            with suppress(RolloutError):
                self._call(commander.GRACE, "end")
            with suppress(RolloutError):
                self._machine.stop()

    def _execute(
        self,
        arguments: Sequence[str],
        seconds: float,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> Completed:
        name = str(next(self._numbers))
        order: dict[str, Any] = {"argv": list(arguments), "cwd": self.root, "seconds": seconds}
        order |= {"env": {**self._env, **(env or {})}, "limit": self.limits.output_bytes}
        self._check()
        with tempfile.NamedTemporaryFile(prefix="seqswe-order-") as file:
            file.write(json.dumps(order).encode() + b"\n" + (stdin or b""))
            file.flush()
            self._machine.upload(Path(file.name), f"{self._machine.base}/orders/{name}")
        verb, until = "run", monotonic() + seconds + BACKSTOP
        while True:
            code, said = self._call(POLL_SECONDS, verb, name, str(POLL_SECONDS))
            self._check()
            if code or monotonic() > until:
                raise RolloutError("sandbox_failed", f"the machine does not answer: {said[-200:]}")
            if said != "null":
                break
            verb = "wait"
        try:
            return self._completed(json.loads(said))
        except (ValueError, TypeError, LookupError):  # whoever is root there may forge answers
            raise RolloutError("sandbox_failed", f"the machine answers {said[-200:]!r}") from None

    def _completed(self, end: Mapping[str, Any]) -> Completed:
        self.processor_seconds += end["processor"]
        if end["late"]:
            self.end_processes()
        return Completed(
            exit_code=code_of(end["code"], end["late"]),
            stdout=base64.b64decode(end["stdout"]),
            stderr=base64.b64decode(end["stderr"]),
            seconds=end["seconds"],
            timed_out=end["late"],
            truncated=end["truncated"],
        )

    def _call(self, seconds: float, verb: str, *arguments: str) -> tuple[int, str]:
        base = self._machine.base
        # By a shell, because the Python may be gone.
        command = ["sh", "-c", 'exec "$0" -I -S "$@"', self._python, f"{base}/commander.py"]
        return self._machine.execute([*command, verb, base, *arguments], seconds + BACKSTOP)

    def _check(self) -> None:
        if self._closed.is_set():
            raise RolloutError("sandbox_failed", "the sandbox is closed")


def pack(spec: SandboxSpec, archive: Path) -> None:
    """Write what a sandbox shows into a tar: the commit's objects, and the project's metadata.

    Below `history` are exactly the objects of the checkout, below `project` its metadata.
    """
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT, dereference=True) as tar:
        tar.add(spec.checkout.objects, "history")
        for path, text in spec.project.items():
            member = tarfile.TarInfo(f"project/{path}")
            data = text.encode()
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, BytesIO(data))
