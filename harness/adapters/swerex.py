"""Sandboxes on machines of SWE-ReX; the extra `swerex` brings it. Tried with swe-rex 1.4.0.

    seqswe run --sandbox harness.adapters.swerex:SweRex --base-image IMAGE \\
        --sandbox-option accept=network,rights,disk

Builds on `harness.sandboxes`. What such a machine does not hold is in docs/sandboxes.md.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.sandboxes.cleanup import make_folder, sweep
from harness.sandboxes.container_options import OWNER_LABEL
from harness.sandboxes.engine import connect, labels_of_owner, remove, sweep_containers
from harness.sandboxes.images import bases_of
from harness.sandboxes.uploaded import UploadingProvider
from seqswe import plugins
from seqswe.errors import MissingError, RolloutError, UsageError
from seqswe.sandbox import Environment, Limits, SandboxSpec

PREFIX = "seqswe-swerex-"
NOT_HELD = {
    "local": ("isolation",),
    "docker": ("network", "rights", "disk"),
    **dict.fromkeys(("daytona", "fargate", "modal"), ("network", "rights", "disk", "limits")),
}
"""What nothing holds on the machines of each deployment."""
RIGHTS = ("CHOWN", "DAC_OVERRIDE", "FOWNER")
"""What root is left with in a container: enough to unpack an archive."""


class SweRex(UploadingProvider):
    """Opens sandboxes on machines of one deployment: `docker`, `local`, or another of SWE-ReX's."""

    kind = "swerex"

    def __init__(self, deployment: str = "docker", accept: str = "", base_image: str = "") -> None:
        """`accept`: what need not hold, joined by commas; `base_image`: one with SWE-ReX in it."""
        super().__init__()
        if deployment not in NOT_HELD:
            raise UsageError(
                f"no deployment {deployment[:80]!r} of SWE-ReX can be used",
                f"Choose one of: {', '.join(NOT_HELD)}.",
            )
        lacking = NOT_HELD[deployment]
        if not set(lacking) <= set(accept.split(",")):
            raise UsageError(
                f"nothing holds what runs on SWE-ReX's {deployment} as to {', '.join(lacking)}",
                f"See docs/sandboxes.md; to go on, --sandbox-option accept={','.join(lacking)}.",
            )
        os.environ.setdefault("SWE_REX_LOG_STREAM_LEVEL", "60")  # errors tell what it would
        plugins.require("swerex", "swerex", "a sandbox of SWE-ReX")
        configs: Any = import_module("swerex.deployment.config")
        self._config = getattr(configs, f"{deployment.capitalize()}DeploymentConfig")
        self.warning = f"nothing holds what runs in this sandbox as to {', '.join(lacking)}"
        self._deployment, self._images = deployment, bases_of(base_image)

    def start(self, environment: Environment, spec: SandboxSpec | None) -> SweRexMachine:
        """Start a machine. Raises UsageError if no image is given for the environment's Python."""
        if self._deployment == "local":
            return SweRexMachine(self._config())
        image = self._images.get(environment.python) or self._images.get("")
        if not image:
            raise UsageError(
                f"no image with SWE-ReX and Python {environment.python} is given",
                f"Give --base-image {environment.python}=IMAGE; docs/sandboxes.md makes one.",
            )
        options: dict[str, Any] = {"image": image}
        if self._deployment == "docker":
            limits = spec.limits if spec else Limits()
            options |= {"docker_args": _docker_options(limits), "pull": "never"}
        return SweRexMachine(self._config(**options), "/seqswe")

    def sweep(self) -> int:
        """Remove containers and folders of dead processes; returns the number of containers."""
        sweep(Path(tempfile.gettempdir()), PREFIX)
        return sweep_containers(connect(), OWNER_LABEL) if self._deployment == "docker" else 0


class SweRexMachine:
    """A machine that SWE-ReX started. See `harness.sandboxes.uploaded.Machine`."""

    def __init__(self, config: Any, base: str = "") -> None:
        """`base`: of a machine of its own; without it the machine is this one.

        Raises MissingError if the deployment's own client is not installed.
        """
        self.alone = bool(base)
        self._requests: Any = import_module("swerex.runtime.abstract")
        try:
            self._deployment = config.get_deployment()
        except ImportError as error:
            raise MissingError(
                f"SWE-ReX cannot load its deployment: {error}",
                "Install it: pip install 'swe-rex[NAME]', NAME as in deployment=NAME.",
            ) from None
        self._run(self._deployment.start())
        self.base = base or str(make_folder(Path(tempfile.gettempdir()), PREFIX))

    def execute(self, command: Sequence[str], seconds: float) -> tuple[int, str]:
        """Run a short command: its exit code and standard output."""
        order = self._requests.Command(command=list(command), timeout=seconds)
        done = self._run(self._deployment.runtime.execute(order))
        return done.exit_code, done.stdout

    def upload(self, source: Path, target: str) -> None:
        """Copy a file onto the machine."""
        order = self._requests.UploadRequest(source_path=str(source), target_path=target)
        self._run(self._deployment.runtime.upload(order))

    def stop(self) -> None:
        """End the machine; the container of one that does not answer as well."""
        name = getattr(self._deployment, "container_name", "") or ""
        try:
            self._run(self._deployment.stop())
        except RolloutError:
            with suppress(Exception):
                remove(connect().containers.get(name))
            raise
        finally:
            if not self.alone:
                shutil.rmtree(self.base, ignore_errors=True)

    def _run(self, call: Coroutine[Any, Any, Any]) -> Any:
        try:
            return asyncio.run(call)
        except Exception as error:  # of the library, its server or its engine
            said = str(error).strip().split("\n")[-1][-300:] or type(error).__name__
            raise RolloutError("sandbox_failed", f"SWE-ReX: {said}") from error


def _docker_options(limits: Limits) -> list[str]:
    """Options of `docker run` that hold what can be held, and let a sweep find the container."""
    lifetime = int(limits.task_seconds + limits.command_seconds + 600)
    labels = labels_of_owner(OWNER_LABEL, lifetime)
    return [
        "--init",
        f"--memory={limits.memory_mb}m",
        f"--memory-swap={limits.memory_mb}m",
        f"--cpus={limits.cpus}",
        f"--pids-limit={limits.pids + 32}",
        "--security-opt=no-new-privileges",
        "--cap-drop=ALL",
        *(f"--cap-add={right}" for right in RIGHTS),
        *(f"--label={label}={value}" for label, value in labels.items()),
    ]
