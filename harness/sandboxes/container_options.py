"""How a container is made: its limits, its mounts, and what it may ask of the kernel."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container
from docker.types import DriverConfig, LogConfig, Mount, Ulimit

from harness.sandboxes import namespaces, relay, supervisor
from harness.sandboxes.engine import labels_of_owner
from harness.sandboxes.images import CHECKOUT, packages_folder
from harness.sandboxes.inbox import Inbox
from harness.sandboxes.syscalls import profile
from seqswe.sandbox import PROGRAMS, ModelAccess, SandboxSpec

OBJECTS = "/history"
"""Where a container sees its commit's git objects."""
HOSTNAME = "sandbox"
HOSTS = b"127.0.0.1 localhost sandbox\n::1 localhost ip6-localhost ip6-loopback\n"
OWNER_LABEL = "seqswe.owner"
INIT = {
    "init/__main__.py": b"import sys\nfrom main.supervisor import main\nmain(sys.argv[1:])\n",
    "init/main/__init__.py": b"",
    "init/main/supervisor.py": Path(supervisor.__file__).read_bytes(),
    "init/main/namespaces.py": Path(namespaces.__file__).read_bytes(),
}
"""The container's main process: a folder that Python runs."""
RELAY = {"init/main/relay.py": Path(relay.__file__).read_bytes()}
"""What it needs as well where an agent may ask a model."""
GATEWAY = "/gateway"
"""Where a container sees the folder with the gateway's socket."""
CAPABILITIES = ["KILL", "SETUID", "SETGID", "SETFCAP"]
"""For the main process, which keeps the first three, to stop every process of the sandbox's user.
That user gets none."""
SECCOMP = f"seccomp={profile()}"
MASKED = (
    # What the engine masks by itself.
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    # What tells of locks, keys and counters of other containers, and no test needs.
    "/proc/buddyinfo",
    "/proc/diskstats",
    "/proc/key-users",
    "/proc/locks",
    "/proc/pagetypeinfo",
    "/proc/pressure",
    "/proc/schedstat",
    "/proc/slabinfo",
    "/proc/softirqs",
    "/proc/sys/fs/dentry-state",
    "/proc/sys/fs/file-nr",
    "/proc/sys/fs/inode-nr",
    "/proc/sys/fs/inode-state",
    "/proc/zoneinfo",
    "/sys/fs/ext4",
    "/sys/kernel/slab",
)
EXTRA_PROCESSES = 32
"""Of the container beyond those that the user may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An environment that is ready: image, packages on the host, and what both are."""

    image: str
    packages: Path
    python: str
    version: str
    """The whole version of its Python."""
    digest: str


def create(
    client: docker.DockerClient,
    prepared: Prepared,
    spec: SandboxSpec,
    inbox: Inbox,
    *,
    uid: int,
    runtime: str,
) -> Container:
    """Make a container for a sandbox, without starting it. Raises what the engine raises."""
    seconds = spec.limits.task_seconds + spec.limits.command_seconds + 120
    lifetime = int(seconds + spec.idle_seconds)
    labels = {f"seqswe.{k}": v for k, v in spec.labels.items()}
    labels |= labels_of_owner(OWNER_LABEL, lifetime)
    for path, data in {**INIT, **(RELAY if spec.model else {}), "hosts": HOSTS}.items():
        inbox.put(data, path)
    for path, text in spec.project.items():
        inbox.put(text.encode(), f"project/{path}")
    empty = inbox.make_folder("empty")
    host_config = client.api.create_host_config(
        auto_remove=True,
        network_mode="none",
        read_only=True,
        cap_drop=["ALL"],
        cap_add=CAPABILITIES,
        security_opt=["no-new-privileges", SECCOMP],
        binds={
            str(inbox.folder): {"bind": Inbox.INSIDE, "mode": "ro"},
            str(inbox.folder / "hosts"): {"bind": "/etc/hosts", "mode": "ro"},
            **_gateway(spec.model),
        },
        mounts=[
            _read_only(spec.checkout.objects.resolve(), OBJECTS, empty),
            _read_only(prepared.packages, packages_folder(prepared.python), empty),
            *([_read_only(spec.program, PROGRAMS, empty)] if spec.program else []),
        ],
        log_config=LogConfig(type="none"),
        runtime=runtime or None,
        **_limits(spec, uid),
    )
    host_config["MaskedPaths"] = list(MASKED)
    created = client.api.create_container(
        prepared.image,
        # -I -S: nothing of the checkout, such as a sitecustomize, may run as root.
        [
            *("/usr/bin/env", "python3", "-I", "-S", f"{Inbox.INSIDE}/init"),
            *(str(uid), str(lifetime)),
            *([f"{GATEWAY}/{spec.model.socket.name}"] if spec.model else []),
        ],
        stdin_open=True,
        labels=labels,
        # Otherwise the engine starts itself once more for each container, to name its empty
        # network, which is two fifths of a container's cost. The namespace is the same.
        network_disabled=True,
        hostname=HOSTNAME,
        user="0",
        working_dir=CHECKOUT,
        use_config_proxy=False,
        host_config=host_config,
    )
    return Container(attrs=created, client=client, collection=client.containers)


def _gateway(model: ModelAccess | None) -> Mapping[str, Mapping[str, str]]:
    # No overlay: a socket is found by its inode. The folder is this sandbox's own.
    return {str(model.socket.parent): {"bind": GATEWAY, "mode": "ro"}} if model else {}


def _limits(spec: SandboxSpec, uid: int) -> Mapping[str, Any]:
    limits = spec.limits
    # Files in these folders count as memory. Even full folders must leave room for the next
    # command, or an agent could break its own sandbox by filling them.
    size = min(limits.disk_mb, limits.memory_mb // 4)
    disk = f"exec,nosuid,nodev,size={size}m,uid={uid},gid={uid},mode="
    return {
        "mem_limit": f"{limits.memory_mb}m",
        "memswap_limit": f"{limits.memory_mb}m",
        "nano_cpus": int(limits.cpus * 1e9),
        "pids_limit": limits.pids + EXTRA_PROCESSES,
        "ulimits": [
            Ulimit(name="nproc", soft=limits.pids, hard=limits.pids),
            Ulimit(name="core", soft=0, hard=0),
        ],
        "tmpfs": {
            CHECKOUT: f"{disk}0755",
            "/home/agent": f"{disk}0755",
            "/tmp": f"{disk}1777",
        },
        "shm_size": f"{min(64, limits.memory_mb // 16)}m",
    }


def _read_only(folder: Path, inside: str, empty: Path) -> Mount:
    """A folder of the host, through an overlay of the container's own.

    A plain mount would show the same inodes to every container, and record locks on a file would
    let two sandboxes talk; the inodes of an overlay are its own. An overlay of two lower folders
    and no upper one is read-only.
    """
    lower = ":".join(re.sub(r"([\\:,])", r"\\\1", str(each)) for each in (folder, empty))
    options = {"type": "overlay", "device": "overlay", "o": f"lowerdir={lower}"}
    return Mount(
        inside, None, type="volume", no_copy=True, driver_config=DriverConfig("local", options)
    )


def open_to_all(objects: Path) -> None:
    """Make the packs readable for the sandbox's user, even under a strict umask.

    The folders above stay as they are, so no other user of the host gains access.
    """
    if objects.stat().st_mode & 0o055 != 0o055:
        for place, _, names in os.walk(objects):
            Path(place).chmod(0o755)
            for name in names:
                Path(place, name).chmod(0o444)
