"""Hosts of our own for a Ray cluster: a network namespace each, joined by a bridge.

Each has its address, its interfaces and Ray's folder to itself, and shares files and processors
with this machine. Needs root, Linux and `ip` (iproute2).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from harness.engines.ray_engine import VARIABLES as RAY

BRIDGE = "seqswe0"
NETWORK = "10.213.0"
"""A private network of 254 addresses; the first is the head's."""
PORT = 6399
RAY_COMMAND = (sys.executable, "-m", "ray.scripts.scripts")
NODE = ("--num-cpus=1", "--object-store-memory=80000000")
"""What a node claims of the machine that all of them share."""
START_SECONDS = 90.0
"""Within which a host is to be part of the cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A network namespace in which a raylet runs."""

    number: int

    @property
    def namespace(self) -> str:
        """Its name for `ip netns`."""
        return f"seqswe-{self.number}"

    @property
    def address(self) -> str:
        """Where the others reach it."""
        return f"{NETWORK}.{10 + self.number}"

    @property
    def cable(self) -> str:
        """The bridge's end of its one connection."""
        return f"seqswe-v{self.number}"

    def unplug(self) -> None:
        """Take it off the network; all that runs there goes on, and hears from nobody."""
        _ip("link", "set", self.cable, "down")


@contextmanager
def hosts(count: int, slots: int, temporary: Path) -> Iterator[tuple[str, Sequence[Host]]]:
    """A cluster's address, and its hosts with `slots` slots each; the head has none.

    temporary: where all that the hosts start keeps its temporary files.
    """
    env = {**os.environ, **RAY, "TMPDIR": str(temporary)}
    with ExitStack() as stack:
        _ip("link", "add", BRIDGE, "type", "bridge")
        stack.callback(_ip, "link", "del", BRIDGE)
        _ip("addr", "add", f"{NETWORK}.1/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        stack.callback(_ray, env, "stop", "--force")
        address = f"{NETWORK}.1:{PORT}"
        _ray(
            env,
            *("start", "--head", f"--node-ip-address={NETWORK}.1", f"--port={PORT}"),
            *(*NODE, "--include-dashboard=false"),
        )
        made = [Host(number=number) for number in range(1, count + 1)]
        for host in made:
            stack.enter_context(_joined(host, slots, address, temporary, env))
        _wait_for(made, address, env)
        yield address, made


@contextmanager
def _joined(
    host: Host, slots: int, address: str, temporary: Path, env: Mapping[str, str]
) -> Iterator[None]:
    """A host with its cable plugged in, and a raylet that knows the head."""
    _ip("netns", "add", host.namespace)
    try:
        far = ("type", "veth", "peer", "name", "eth0", "netns", host.namespace)
        _ip("link", "add", host.cable, *far)
        _ip("link", "set", host.cable, "master", BRIDGE, "up")
        _ip("-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
        for interface in ("eth0", "lo"):
            _ip("-n", host.namespace, "link", "set", interface, "up")
        own = temporary / f"host-{host.number}"
        own.mkdir()
        # Ray keeps a node's address in its folder, so no two may see the same one.
        script = (
            f"mount --bind {own} {temporary}/ray && exec {' '.join(RAY_COMMAND)} "
            f"start --address={address} --node-ip-address={host.address} {' '.join(NODE)} "
            f"--block --resources='{{\"rollouts\": {slots}}}'"
        )
        inside = ["ip", "netns", "exec", host.namespace, "sh", "-c", script]
        with (
            (own / "said").open("w") as said,
            subprocess.Popen(inside, env=env, stdout=said, stderr=said) as raylet,
        ):
            try:
                yield
            finally:
                raylet.terminate()
    finally:
        _ip("netns", "del", host.namespace)


def _wait_for(made: Sequence[Host], address: str, env: Mapping[str, str]) -> None:
    """Until all hosts are part of the cluster. Raises TimeoutError."""
    until = monotonic() + START_SECONDS
    ask = (
        "import ray; ray.init(address='{}', log_to_driver=False); "
        "print(*(n['NodeManagerAddress'] for n in ray.nodes() if n['Alive']))"
    )
    command = [sys.executable, "-c", ask.format(address)]
    while True:
        known = subprocess.run(command, env=env, capture_output=True, text=True, check=False).stdout
        if {host.address for host in made} <= set(known.split()):
            return
        if monotonic() > until:
            raise TimeoutError(f"the cluster has {known.split()} only")
        sleep(1)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _ray(env: Mapping[str, str], *words: str) -> None:
    subprocess.run([*RAY_COMMAND, *words], env=env, check=True, capture_output=True)
