"""The `docker` sandbox's provider: prepares environments, opens containers, removes what is left.

`container.py` is one sandbox, `container_options.py` says what it may do, `engine.py` what the
engine's errors mean.
"""

from __future__ import annotations

import tempfile
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

from harness.environments import EnvironmentStore, Resolution
from harness.environments.locks import locked, resolution_of
from harness.environments.store import Place
from harness.sandboxes.builders import BUILDER_LABEL
from harness.sandboxes.cleanup import sweep
from harness.sandboxes.commands import environment_digest
from harness.sandboxes.container import DockerSandbox
from harness.sandboxes.container_options import OWNER_LABEL, Prepared
from harness.sandboxes.engine import connect, missing_engine, sandbox_errors, sweep_containers
from harness.sandboxes.images import CHECKOUT, ENVIRONMENT, IMPORTED_BASES, Images
from harness.sandboxes.inbox import PREFIX, Inbox
from harness.sandboxes.open_sandboxes import OpenSandboxes
from harness.sandboxes.programs import ProgramStore
from seqswe.errors import MissingError
from seqswe.instance import digest_of
from seqswe.sandbox import Environment, Program, SandboxSpec

USUAL_PYTHON = "3.11"
PLACE = Place(
    python=f"{ENVIRONMENT}/bin/python",
    checkout=CHECKOUT,
    project=f"{Inbox.INSIDE}/project",
)
"""The same in every container, so that packages can be made on another machine."""


class DockerProvider:
    """Opens Docker sandboxes; one per process is enough."""

    isolates = True
    reaches_models = True

    def __init__(self, base_image: str = "", runtime: str = "") -> None:
        """`runtime`: the engine's name of another than its own, such as `runsc`."""
        self.client = connect()
        self.runtime = runtime
        self.images = Images(self.client, base_image)
        self.environments = EnvironmentStore()
        self.programs = ProgramStore(self.client)
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

    def install(self, program: Program, python: str) -> Path:
        """The folder of an agent's program, installed if needed; see the protocol.

        Raises MissingError if it cannot be had, or does not run beside this Python.
        """
        if program.pythons and python not in program.pythons:
            raise MissingError(
                f"{program.name} runs on Python {', '.join(program.pythons)}, and an environment "
                f"of this codebase has {python}",
                "Choose another agent, or with --limit the tasks before that environment.",
            )
        with missing_engine():
            image = self.images.ensure(python if program.pythons else USUAL_PYTHON)
            return self.programs.folder(program, python, image)

    def installed(self, program: Program) -> bool:
        """Whether a program need not be installed any more."""
        return self.programs.is_there(program)

    def open(self, spec: SandboxSpec) -> DockerSandbox:
        """Start a container and check the commit out in it."""
        with sandbox_errors("Docker could not start"):
            prepared = self._prepare(spec.environment)
        self._open.check()
        return self._open.add(DockerSandbox(self.client, prepared, spec, self.runtime))

    def _prepare(self, environment: Environment) -> Prepared:
        key = f"{environment.key} {digest_of(repr(environment))}"
        with self._lock:
            if key not in self._prepared:
                build = self.images.build_wheel
                whole = locked(environment, build)
                python = whole.python
                packages = self.environments.site_packages(
                    whole, PLACE, partial(self.images.compile, python), build
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
        """Remove every environment and program, and every image that no container uses."""
        removed, in_use = self.images.remove_all()
        kept = f" ({in_use} are in use)" if in_use else ""
        environments, programs = self.environments.remove_all(), self.programs.remove_all()
        return f"{environments} environments, {programs} programs and {removed} images{kept}"

    def sweep(self) -> int:
        """Remove containers whose owning process is dead, and their files; returns the number.

        Containers of another machine are left alone until their deadline.
        """
        sweep(Path(tempfile.gettempdir()), PREFIX)
        with missing_engine():
            return sum(sweep_containers(self.client, each) for each in (OWNER_LABEL, BUILDER_LABEL))
