"""The sandbox protocol: where commands of agents and graders run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Protocol, cast, runtime_checkable

from seqswe import plugins
from seqswe.errors import UsageError
from seqswe.instance import digest_of
from seqswe.patterns import DAY, KEY, REQUIREMENT, VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A span of history that shares one image: what the project declared it needs."""

    key: Annotated[str, KEY]
    """Fingerprint of `python` and `requirements` (and nothing else that may change)."""
    python: Annotated[str, VERSION]
    requirements: tuple[Annotated[str, REQUIREMENT], ...]
    lock: tuple[Annotated[str, REQUIREMENT], ...] = ()
    """Exact versions resolved when the environment was first built, `name==version`."""
    cutoff: Annotated[str, DAY] = ""
    """ISO date after which no release was considered; empty for no such date."""
    source_path: str = "."
    """Folders of the checkout that belong on `sys.path`, joined by colons."""
    distribution: str = ""
    """The project's own name on an index: must never be installed."""
    plugins: tuple[str, ...] = ()
    """pytest plug-ins of its packages that tests are run with, as `-p` takes them."""
    changes: tuple[str, ...] = ()
    """What was loosened, left out or added so that requirements resolve and tests import."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Hard limits of one sandbox, enforced inside it with a backstop outside."""

    cpus: float = 1.0
    memory_mb: int = 2048
    pids: int = 256
    disk_mb: int = 1024
    """Size of the writable file systems (checkout, home and /tmp each). They count as memory, so
    none is larger than a quarter of `memory_mb`."""
    output_bytes: int = 4_000_000
    """Bytes of output kept of one command; the rest is dropped and `truncated` says so."""
    command_seconds: float = 300.0
    task_seconds: float = 1800.0
    """Wall clock of all commands of one rollout together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A commit and the folder of packs that hold exactly what it reaches."""

    commit: str
    objects: Path
    """Host folder with `pack/`: the only git objects the sandbox may ever see."""
    digest: str = ""
    """Digest and `count` of the sorted object ids that `commit` reaches: what an audit expects."""
    count: int = 0
    tree: str = ""
    """Name of a tar archive below `objects` with the commit's files and git's index of them, which
    is quicker to unpack than git writes them; empty if there is none."""


PROGRAMS = "/opt/agent"
"""Where a sandbox sees the program that an agent brings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command line agent to install: one package of an index, in one exact version."""

    name: str
    version: str
    """What `version_command` must print, among other things."""
    package: str
    """`NAME@VERSION` of npm, or `NAME==VERSION` of Python's index."""
    version_command: tuple[str, ...]
    """Run where the program will run: with no network, its folder read-only."""
    node: str = ""
    """Version of node that installs it; for a package of npm."""
    keep_node: bool = False
    """Whether node stays, as `bin/node` of the folder, because the program runs on it."""
    pythons: tuple[str, ...] = ()
    """For a package of Python's index: the versions it runs on, of which each is an installation
    of its own."""
    remove: tuple[str, ...] = ()
    """Patterns of files below the folder that are not needed."""
    executable: tuple[str, ...] = ()
    """Patterns of files that must be executable, and are not as they come."""

    @property
    def digest(self) -> str:
        """Digest of everything that is installed."""
        return digest_of(repr(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAccess:
    """The one way out of an agent's sandbox: to the gateway that asks a model for it."""

    socket: Path
    """A Unix socket of the host, alone in its folder, which whoever is inside may connect to."""
    waited: Callable[[], float]
    """Seconds so far in which the agent waited for the model's provider. No deadline counts them:
    a rate limit must not look like an agent that was too slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSpec:
    """Everything needed to open one sandbox."""

    environment: Environment
    checkout: Checkout
    limits: Limits = Limits()
    labels: Mapping[str, str] = field(default_factory=dict)
    """`run` and `task`, so that orphans can be found and swept."""
    project: Mapping[str, str] = field(default_factory=dict)
    """The project's own metadata, path → text, for a folder on `sys.path` beside the checkout."""
    program: Path | None = None
    """Folder of the host with an agent's program, which the sandbox sees at `PROGRAMS`, and cannot
    change. Only a provider with `install` is given one."""
    model: ModelAccess | None = None
    """For the sandbox of an agent that asks a model from within; no other has a way out."""
    idle_seconds: float = 0.0
    """What it must outlive beyond its limits while its agent waits for a model's provider."""
    generated: Mapping[str, str] = field(default_factory=dict)
    """Files that a build writes into the checkout, path → text, hidden from git: no part of any
    patch. None of them is in the commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A finished command: exit code (124 after its deadline), output, seconds."""

    exit_code: int
    stdout: bytes
    stderr: bytes = b""
    seconds: float = 0.0
    timed_out: bool = False
    truncated: bool = False

    @property
    def text(self) -> str:
        """Standard output as text; undecodable bytes are replaced."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def ok(self) -> bool:
        """Whether the command ended with exit code 0."""
        return self.exit_code == 0


@runtime_checkable
class Sandbox(Protocol):
    """One isolated checkout. Paths are relative to the checkout unless absolute.

    An attribute `processor_seconds: float` is optional: the processor time of all that has run in
    it, so far. Without it, reports have no processor time to compare. So is `model_url: str`: where
    its commands find the gateway of `SandboxSpec.model`, such as http://127.0.0.1:8199.
    """

    root: str
    """The checkout's absolute path inside the sandbox."""

    @property
    def objects(self) -> str:
        """The folder of the commit's objects inside the sandbox: an object directory of git."""
        ...

    def run(
        self,
        command: Sequence[str] | str,
        *,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> Completed:
        """Run a command (a string goes through `sh -c`) in the checkout.

        Its process group ends with it; what is to go on needs a session of its own (`setsid`).
        Raises RolloutError("sandbox_failed") when the sandbox itself breaks or is closed, and
        RolloutError("agent_out_of_budget") when the rollout's wall clock is used up.
        """
        ...

    def read(self, path: str) -> bytes:
        """A file's bytes; FileNotFoundError if there is none.

        Raises RolloutError("agent_crashed") for more than `Limits.output_bytes`.
        """
        ...

    def write(self, path: str, data: bytes) -> None:
        """Create or replace a file, making its folders."""
        ...

    def end_processes(self) -> None:
        """End every process in the sandbox, sessions of their own included; none is left.

        Raises RolloutError("sandbox_failed") if one cannot be ended.
        """
        ...

    def close(self) -> None:
        """Remove the sandbox and all that ran in it; safe to call twice."""
        ...


@runtime_checkable
class SandboxProvider(Protocol):
    """A kind of sandbox; the extension point. Built as `Factory(**options)`.

    A factory with a parameter `base_image` is given that setting. An attribute `reaches_models`
    says that its sandboxes honour `SandboxSpec.model`; `warning` is what a run says of one that
    does not isolate. Five further methods are optional: `install(program, python) -> Path`, which
    installs an agent's program for the environments of a Python and returns its folder, and
    `installed(program) -> bool` (agents that bring a program need the first);
    `machine(environment) -> Mapping[str, str]`, what an environment is on this machine (`python`,
    its whole version; the image's id), which run.toml tells and no digest holds; `status() -> str`,
    which `seqswe doctor` prints (it raises MissingError for what this machine lacks), and
    `purge() -> str`, which removes what is kept between runs, such as images, and reports it for
    `seqswe clean --images`.
    """

    isolates: bool
    """Whether hostile code may run in it."""

    def prepare(self, environment: Environment) -> str:
        """Make the environment ready (build its image); idempotent. Returns its digest.

        Every result depends on the digest: it names versions of Python and of packages, and
        nothing of the machine, so that another machine comes to the same.
        """
        ...

    def open(self, spec: SandboxSpec) -> Sandbox:
        """Open a sandbox with the commit checked out and nothing else to be seen."""
        ...

    def sweep(self) -> int:
        """Remove what earlier, dead processes left behind; returns how many."""
        ...

    def close(self) -> None:
        """Close every open sandbox, ending what runs in it, and open no more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxChoice:
    """Which kind of sandbox to use, as the settings of the same names say."""

    sandbox: str = "docker"
    sandbox_option: tuple[str, ...] = ()
    base_image: str = ""

    def check(self) -> None:
        """Raises UsageError, UnknownName or MissingError for what cannot be built."""
        point = plugins.installed("sandbox").get(self.sandbox)
        shipped = point is not None and point.dist is not None and point.dist.name == "seqswe"
        # Those that ship need no option: a plan then imports no client of an engine.
        if self.sandbox_option or self.base_image or not shipped:
            plugins.check("sandbox", self.sandbox, **self._options())

    def build(self) -> SandboxProvider:
        """Build the provider. Raises as `check`, and whatever the provider raises."""
        return cast(SandboxProvider, plugins.build("sandbox", self.sandbox, **self._options()))

    def _options(self) -> dict[str, Any]:
        options = plugins.options("sandbox", self.sandbox, self.sandbox_option)
        if not self.base_image:
            return options
        factory = plugins.resolve("sandbox", self.sandbox)
        if "base_image" not in {p.name for p in plugins.parameters(factory)}:
            raise UsageError(
                f"sandbox {self.sandbox!r} takes no base image", "Leave out --base-image."
            )
        if options.get("base_image", self.base_image) != self.base_image:
            raise UsageError(
                "--base-image and --sandbox-option base_image= name different images",
                "Give one of them.",
            )
        return {**options, "base_image": self.base_image}
