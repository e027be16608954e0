"""Processor time of a run: this process, its children, and every container it opens."""

from __future__ import annotations

import resource
import subprocess
from contextlib import suppress
from tempfile import TemporaryDirectory

from docker.models.containers import Container

from harness.loop.loaded_experiment import LoadedExperiment
from harness.sandboxes.container import DockerSandbox
from harness.sandboxes.docker import DockerProvider
from harness.sandboxes.images import packages_folder
from seqswe.errors import RolloutError
from seqswe.sandbox import SandboxSpec

USED = """
cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null ||
  sed -n 's/^usage_usec \\(.*\\)/\\1000/p' /sys/fs/cgroup/cpu.stat
"""
"""Prints the nanoseconds of a container, in either version of control groups."""


def own_seconds() -> float:
    """Seconds of this process and of the children it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


class MeasuredSandbox(DockerSandbox):
    """A container whose processor time is read before it is closed."""

    seconds_of_all = 0.0

    def close(self) -> None:
        """Add what was used to the sum over all containers, then close."""
        if not self.closed:
            with suppress(RolloutError, ValueError, AssertionError):  # it never started
                MeasuredSandbox.seconds_of_all += int(self.run(USED).text) / 1e9
        super().close()


class MeasuredProvider(DockerProvider):
    """Opens measured containers."""

    def open(self, spec: SandboxSpec) -> MeasuredSandbox:
        """Start a container and check the commit out in it."""
        return self._open.add(MeasuredSandbox(self.client, self._prepare(spec.environment), spec))


def floor_seconds(provider: DockerProvider, loaded: LoadedExperiment) -> float:
    """Processor time per task of a bare loop: git on the host, one warm container, no tests."""
    environment = loaded.manifest.environment(loaded.instances[0].environment)
    folder = provider.packages(environment)
    inside = packages_folder(environment.python)
    image = provider.images.ensure(environment.python)
    with TemporaryDirectory() as place:
        clone = str(loaded.clone.path)
        _git(place, "clone", "-q", "--shared", "--no-checkout", "--", clone, ".")
        container = provider.client.containers.run(
            image,
            ["sleep", "3600"],
            detach=True,
            auto_remove=True,
            network_mode="none",
            volumes=[f"{place}:/testbed", f"{folder}:{inside}:ro"],
        )
        try:
            used, before = _used(container), own_seconds()
            for instance in loaded.instances:
                _git(place, "checkout", "-q", "-f", instance.base_commit)
                _git(place, "clean", "-q", "-fdx")
                for patch in filter(None, (instance.patch, instance.test_patch)):
                    _git(place, "apply", "--whitespace=nowarn", "-", stdin=patch)
                container.exec_run(["sh", "-c", "exit 0"])
            whole = own_seconds() - before + _used(container) - used
        finally:
            container.remove(force=True)
    return whole / len(loaded.instances)


def _used(container: Container) -> float:
    said = container.exec_run(["sh", "-c", USED]).output
    assert isinstance(said, bytes)
    return int(said) / 1e9


def _git(place: str, *arguments: str, stdin: str = "") -> None:
    command = ["git", "-c", "safe.directory=*", *arguments]
    data = stdin.encode("utf-8", "surrogateescape")
    subprocess.run(command, cwd=place, input=data, check=True, capture_output=True)
