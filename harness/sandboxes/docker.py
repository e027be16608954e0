"""The `docker` sandbox: a fresh container per rollout and per grading, with hard limits.

It has no network, no capabilities for what runs inside, a read-only image, writable folders of
bounded size in memory, and a user id of its own. Its main process is `supervisor`, which enforces
deadlines. The host enforces them too, a little later. A container ends by itself when this process
does.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from docker.types import DriverConfig, LogConfig, Mount, Ulimit

from harness.environments import EnvironmentStore, Resolution
from harness.environments.locks import locked, resolution_of
from harness.environments.store import Place
from harness.sandboxes import supervisor
from harness.sandboxes.channel import Channel
from harness.sandboxes.checkout import PINNED, checkout_script
from harness.sandboxes.cleanup import alive, owner, sweep
from harness.sandboxes.commands import (
    Deadline,
    code_of,
    environment_digest,
    shell,
    too_large,
)
from harness.sandboxes.images import (
    BUILDER_LABEL,
    CHECKOUT,
    ENVIRONMENT,
    IMPORTED_BASES,
    Images,
    packages_folder,
)
from harness.sandboxes.open_sandboxes import OpenSandboxes
from seqswe.errors import MissingError, RolloutError
from seqswe.instance import digest_of
from seqswe.sandbox import Completed, Environment, SandboxSpec

BACKSTOP = 20
"""Seconds after a command's last deadline at which the host kills the container."""
FLOOD = b"Cannot fork"
"""A shell's message at the limit of processes."""
SUPERVISOR = Path(supervisor.__file__).read_bytes()
HOSTNAME = "sandbox"
OBJECTS = "/history"
"""Where a container sees its commit's git objects."""
USUAL_PYTHON = "3.11"
HOSTS = b"127.0.0.1 localhost sandbox\n::1 localhost ip6-localhost ip6-loopback\n"
ENGINE_SLOTS = threading.BoundedSemaphore(4)
"""Containers created or removed at a time; more would only queue up inside the engine."""
OWNER_LABEL = "seqswe.owner"
INBOX = "seqswe-inbox-"
"""Beginning of the names of the host's folders through which containers get files."""
FIRST_UID = 200_000
# The kernel counts a user's processes over all containers of the machine, so two runs side by
# side must not use the same ids.
_uids = itertools.count(os.getpid() * 128)


def connect() -> docker.DockerClient:
    """Return a client of the engine. Raises MissingError, with a hint, if no engine answers."""
    try:
        client = docker.from_env(timeout=120, max_pool_size=32)
        client.ping()
    except (DockerException, requests.exceptions.RequestException) as error:
        raise MissingError(
            f"no Docker engine answers ({str(error).splitlines()[0][:160]})",
            "Start one, or run `.ci/docker-engine` as root; `--sandbox local` works without, "
            "and isolates nothing.",
        ) from None
    return client


class DockerProvider:
    """Opens Docker sandboxes; one per process is enough."""

    isolates = True

    def __init__(self, base_image: str = "") -> None:
        self.client = connect()
        self.images = Images(self.client, base_image)
        self.environments = EnvironmentStore()
        self._prepared: dict[str, Prepared] = {}
        self._lock = threading.Lock()
        self._open = OpenSandboxes()

    def prepare(self, environment: Environment) -> str:
        """Make image and packages ready; returns a digest of what is installed.

        The digest is the same on every machine: it names versions, not images.
        """
        return self._prepare(environment).digest

    def machine(self, environment: Environment) -> dict[str, str]:
        """The image on this machine and the version of its Python; see the protocol."""
        prepared = self._prepare(environment)
        return {"python": prepared.version, "image": prepared.image}

    def resolve(self, environment: Environment) -> Resolution:
        """Exact versions of an environment's packages. Raises MissingError."""
        return resolution_of(environment, self.images.build_wheel)

    def packages(self, environment: Environment) -> Path:
        """The folder of an environment's packages on the host."""
        return self._prepare(environment).packages

    def open(self, spec: SandboxSpec) -> DockerSandbox:
        """Start a container and check the commit out in it."""
        prepared = self._prepare(spec.environment)
        self._open.check()
        return self._open.add(DockerSandbox(self.client, prepared, spec))

    def _prepare(self, environment: Environment) -> Prepared:
        key = f"{environment.key} {digest_of(repr(environment))}"
        with self._lock:
            if key not in self._prepared:
                whole = locked(environment, self.images.build_wheel)
                python = whole.python
                place = Place(
                    python=f"{ENVIRONMENT}/bin/python",
                    checkout=CHECKOUT,
                    project=f"{Inbox.INSIDE}/project",
                )
                packages = self.environments.site_packages(
                    whole, place, partial(self.images.compile, python)
                )
                version = self.images.version(python)
                self._prepared[key] = Prepared(
                    image=str(self.images.ensure(python).id),
                    packages=packages,
                    python=python,
                    version=version,
                    digest=environment_digest("docker", version, whole, whole.lock),
                )
            return self._prepared[key]

    def close(self) -> None:
        """Stop: remove every container of this provider and open no more."""
        self._open.close()

    def status(self) -> str:
        """The engine's version and the base images. Raises MissingError if there is none."""
        bases = []
        for python in IMPORTED_BASES:
            with suppress(MissingError):
                image = self.images.base(python)
                bases.append(f"{python} ({(image.tags or [str(image.id)])[0]})")
        if not bases:
            self.images.base(USUAL_PYTHON)
        version = self.client.version()["Version"]
        return f"engine {version}, base images for Python {', '.join(bases)}"

    def purge(self) -> str:
        """Remove every environment, and every image that no container uses."""
        removed, in_use = self.images.remove_all()
        kept = f" ({in_use} are in use)" if in_use else ""
        return f"{self.environments.remove_all()} environments and {removed} images{kept}"

    def sweep(self) -> int:
        """Remove containers whose owning process is dead, and their files; returns the number."""
        sweep(Path(tempfile.gettempdir()), INBOX)
        removed = 0
        for label in (OWNER_LABEL, BUILDER_LABEL):
            containers = self.client.containers.list(
                all=True, filters={"label": label}, ignore_removed=True
            )
            for container in containers:
                name = container.labels[label]
                if name and not alive(name):
                    removed += _remove(container)
        return removed


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An environment that is ready: image, packages on the host, and what both are."""

    image: str
    packages: Path
    python: str
    version: str
    """The whole version of its Python."""
    digest: str


class Inbox:
    """A folder of the host that a container has as a read-only mount.

    Archives cannot be copied into a tmpfs, and no process inside can reach back to the host
    through such a mount.
    """

    INSIDE = "/inbox"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{INBOX}{owner()}-"))
        self.folder.chmod(0o755)
        self._numbers = itertools.count()

    def put(self, data: bytes, name: str = "") -> str:
        """Put a file into the folder; returns its path inside the container."""
        name = name or f"{next(self._numbers)}"
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if "/bin/" in name else 0o644)  # whatever the umask
        return f"{self.INSIDE}/{name}"

    def remove(self) -> None:
        """Remove the folder on the host."""
        shutil.rmtree(self.folder, ignore_errors=True)


class DockerSandbox:
    """One container. See `seqswe.sandbox.Sandbox` for what its methods promise."""

    def __init__(self, client: docker.DockerClient, prepared: Prepared, spec: SandboxSpec) -> None:
        self.root, self.objects = CHECKOUT, OBJECTS
        self.limits = spec.limits
        self._deadline = Deadline(spec.limits.task_seconds)
        self._uid = FIRST_UID + next(_uids) % 1_000_000
        self._inbox = Inbox()
        self._closed = threading.Event()
        self.processor_seconds = 0.0
        """Processor time of the container up to the end of its last command."""
        try:
            with _sandbox_errors():
                _open_to_all(spec.checkout.objects)
                with ENGINE_SLOTS:
                    self._container = self._create(client, prepared, spec)
                    streams = dict.fromkeys(("stdin", "stdout", "stderr", "stream"), 1)
                    self._channel = Channel(self._container.attach_socket(params=streams))
                    self._container.start()
                script = checkout_script(spec.checkout.commit, OBJECTS)
                done = self._exec(["sh", "-c", script], 120)
            if not done.ok:
                raise RolloutError("sandbox_failed", f"checkout: {done.stderr.decode()[-300:]}")
        except BaseException:
            self.close()
            raise

    def _create(
        self, client: docker.DockerClient, prepared: Prepared, spec: SandboxSpec
    ) -> Container:
        limits = spec.limits
        lifetime = int(limits.task_seconds + limits.command_seconds + 120)
        # Files in these folders count as memory. Even full folders must leave room for the next
        # command, or an agent could break its own sandbox by filling them.
        size = min(limits.disk_mb, limits.memory_mb // 4)
        disk = f"exec,nosuid,nodev,size={size}m,uid={self._uid},gid={self._uid},mode=0755"
        labels = {OWNER_LABEL: owner(), "seqswe.deadline": str(lifetime)}
        labels |= {f"seqswe.{k}": v for k, v in spec.labels.items()}
        supervisor_file = self._inbox.put(SUPERVISOR, "supervisor.py")
        self._inbox.put(HOSTS, "hosts")
        for path, text in spec.project.items():
            self._inbox.put(text.encode(), f"project/{path}")
        return client.containers.create(
            prepared.image,
            # -I -S: nothing of the checkout, such as a sitecustomize, may run as root.
            ["/usr/bin/env", "python3", "-I", "-S", supervisor_file, str(self._uid), str(lifetime)],
            stdin_open=True,
            init=True,
            auto_remove=True,
            labels=labels,
            network_mode="none",
            # Otherwise the engine starts itself once more for each container, to name its empty
            # network, which is two fifths of a container's cost. The namespace is the same.
            network_disabled=True,
            hostname=HOSTNAME,
            read_only=True,
            user="0",
            # For the supervisor, to stop every process of the sandbox's user, who gets none.
            cap_drop=["ALL"],
            cap_add=["KILL", "SETUID", "SETGID"],
            security_opt=["no-new-privileges"],
            mem_limit=f"{limits.memory_mb}m",
            memswap_limit=f"{limits.memory_mb}m",
            nano_cpus=int(limits.cpus * 1e9),
            pids_limit=limits.pids + 32,
            ulimits=[
                Ulimit(name="nproc", soft=limits.pids, hard=limits.pids),
                Ulimit(name="core", soft=0, hard=0),
            ],
            tmpfs={CHECKOUT: disk, "/home/agent": disk, "/tmp": disk.replace("0755", "1777")},
            volumes={
                str(spec.checkout.objects.resolve()): {"bind": OBJECTS, "mode": "ro"},
                str(self._inbox.folder): {"bind": Inbox.INSIDE, "mode": "ro"},
                str(self._inbox.folder / "hosts"): {"bind": "/etc/hosts", "mode": "ro"},
            },
            mounts=[_read_only(prepared.packages, packages_folder(prepared.python))],
            shm_size=f"{min(64, limits.memory_mb // 16)}m",
            working_dir=CHECKOUT,
            use_config_proxy=False,
            log_config=LogConfig(type="none"),
        )

    def run(
        self,
        command: Sequence[str] | str,
        *,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> Completed:
        """Run a command in the container; see the protocol."""
        limit = self.limits.command_seconds if timeout is None else timeout
        seconds = self._deadline.allow(limit)
        stdin_file = self._inbox.put(stdin) if stdin is not None else os.devnull
        done = self._exec(shell(command), seconds, env, stdin_file)
        self._deadline.spend(done.seconds)
        if FLOOD in done.stderr:
            self.end_processes()
        return done

    def read(self, path: str) -> bytes:
        """Read a file's bytes. Raises FileNotFoundError."""
        done = self.run(["cat", "--", path])
        if not done.ok:
            raise FileNotFoundError(path)
        if done.truncated:
            raise RolloutError("agent_crashed", too_large(path, self.limits))
        return done.stdout

    def write(self, path: str, data: bytes) -> None:
        """Create or replace a file, making its folders."""
        name = self._inbox.put(data)
        done = self.run(
            ["sh", "-c", 'mkdir -p -- "$(dirname -- "$1")" && cp -- "$0" "$1"', name, path]
        )
        if not done.ok:
            raise RolloutError("sandbox_failed", f"cannot write {path}: {done.stderr[-200:]!r}")

    def end_processes(self) -> None:
        """End every process of the container's user. Raises RolloutError if one is left."""
        if self._channel.ask(BACKSTOP, self._kill).end["code"]:
            raise RolloutError("sandbox_failed", "a process in the container cannot be ended")

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed.is_set()

    def close(self) -> None:
        """Kill and remove the container; safe to call twice and from another thread."""
        if self._closed.is_set():
            return
        self._closed.set()
        if hasattr(self, "_container"):
            with ENGINE_SLOTS:
                _remove(self._container)
        self._inbox.remove()

    def _exec(
        self,
        arguments: Sequence[str],
        seconds: float,
        env: Mapping[str, str] | None = None,
        stdin: str = os.devnull,
    ) -> Completed:
        started = monotonic()
        output = self._channel.ask(
            seconds + supervisor.GRACE + BACKSTOP,
            self._kill,
            argv=list(arguments),
            env={**PINNED, "HOME": "/home/agent", "TMPDIR": "/tmp", **(env or {})},
            cwd=CHECKOUT,
            stdin=stdin,
            seconds=seconds,
            limit=self.limits.output_bytes,
        )
        self.processor_seconds = output.end["processor"]
        return Completed(
            exit_code=code_of(output.end["code"], output.end["late"]),
            stdout=bytes(output.streams[supervisor.OUT]),
            stderr=bytes(output.streams[supervisor.ERR]),
            seconds=monotonic() - started,
            timed_out=output.end["late"],
            truncated=output.end["truncated"],
        )

    def _kill(self) -> None:
        with suppress(DockerException, requests.exceptions.RequestException):
            self._container.kill()


def _read_only(folder: Path, inside: str) -> Mount:
    """A folder of the host, through an overlay of its own.

    A plain mount would show the same inodes to every container, and record locks on a file would
    let two sandboxes talk; the inodes of an overlay are its own. An overlay of two lower folders
    and no upper one is read-only.
    """
    empty = folder.parent.parent / ".empty"
    empty.mkdir(exist_ok=True)
    options = {"type": "overlay", "device": "overlay", "o": f"lowerdir={folder}:{empty}"}
    return Mount(
        inside, None, type="volume", no_copy=True, driver_config=DriverConfig("local", options)
    )


def _open_to_all(objects: Path) -> None:
    """Make the packs readable for the sandbox's user, even under a strict umask.

    The folders above stay as they are, so no other user of the host gains access.
    """
    if objects.stat().st_mode & 0o055 != 0o055:
        for place, _, names in os.walk(objects):
            Path(place).chmod(0o755)
            for name in names:
                Path(place, name).chmod(0o444)


def _remove(container: Container) -> int:
    try:
        container.remove(force=True, v=True)
    except NotFound:
        return 0
    except APIError as error:
        if error.status_code != 409:  # 409: its own removal is already under way
            raise
    return 1


@contextmanager
def _sandbox_errors() -> Iterator[None]:
    """Raise an engine's errors as a typed failure, which is retried and never graded."""
    try:
        yield
    except (DockerException, requests.exceptions.RequestException, OSError) as error:
        raise RolloutError(
            "sandbox_failed", f"Docker could not start: {str(error)[:300]}"
        ) from error
