"""A sandbox in a container: a fresh one per rollout and per grading, with hard limits.

It has no network, no capabilities for what runs inside, a read-only image, writable folders of
bounded size in memory, and a user id of its own. Its main process is `supervisor`, which enforces
deadlines. The host enforces them too, a little later. A container ends by itself when this process
does.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from time import monotonic
from typing import Any

import docker
from docker.models.containers import Container

from harness.sandboxes import supervisor
from harness.sandboxes.channel import TICK, Channel, CommandOutput
from harness.sandboxes.checkout import PINNED, checkout_script
from harness.sandboxes.commands import Deadline, code_of, read_by_command, shell
from harness.sandboxes.container_options import OBJECTS, Prepared, create, open_to_all
from harness.sandboxes.engine import (
    ENGINE_ERRORS,
    ENGINE_SLOTS,
    ran_out_of_memory,
    remove,
    sandbox_errors,
)
from harness.sandboxes.images import CHECKOUT
from harness.sandboxes.inbox import Inbox
from harness.sandboxes.relay import PORT
from seqswe.errors import RolloutError
from seqswe.sandbox import Completed, SandboxSpec

BACKSTOP = 20
"""Seconds after a command's last deadline at which the host kills the container."""
FLOOD = b"Cannot fork"
"""A shell's message at the limit of processes."""
FIRST_UID = 200_000
# The kernel counts a user's processes over all containers of the machine, so two runs side by
# side must not use the same ids.
_uids = itertools.count(os.getpid() * 128)


class DockerSandbox:
    """One container. See `seqswe.sandbox.Sandbox` for what its methods promise."""

    def __init__(
        self, client: docker.DockerClient, prepared: Prepared, spec: SandboxSpec, runtime: str = ""
    ) -> None:
        self.root, self.objects = CHECKOUT, OBJECTS
        self._client = client
        self.model_url = f"http://127.0.0.1:{PORT}" if spec.model else ""
        self._waited = spec.model.waited if spec.model else None
        self.limits = spec.limits
        self._deadline = Deadline(spec.limits.task_seconds)
        self._inbox = Inbox()
        self._closed = threading.Event()
        self.processor_seconds = 0.0
        """Processor time of the container up to the end of its last command."""
        self._container: Container | None = None
        self._channel: Channel | None = None
        try:
            with sandbox_errors("Docker could not start"):
                open_to_all(spec.checkout.objects)
                uid = FIRST_UID + next(_uids) % 1_000_000
                with ENGINE_SLOTS:
                    self._container = create(
                        client, prepared, spec, self._inbox, uid=uid, runtime=runtime
                    )
                    streams = dict.fromkeys(("stdin", "stdout", "stderr", "stream"), 1)
                    self._channel = Channel(self._container.attach_socket(params=streams))
                    self._container.start()
            done = self._exec(["sh", "-c", checkout_script(spec, OBJECTS)], 120)
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
        return read_by_command(self, path, self.limits)

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
        if self._ask(BACKSTOP).end["code"]:
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
        if self._container:
            # If the engine is gone, the container ends with its connection, and is swept later.
            with ENGINE_SLOTS, suppress(*ENGINE_ERRORS):
                remove(self._container)
        if self._channel:
            self._channel.close()
        self._inbox.remove()

    def _exec(
        self,
        arguments: Sequence[str],
        seconds: float,
        env: Mapping[str, str] | None = None,
        stdin: str = os.devnull,
    ) -> Completed:
        started, waited = monotonic(), self._waited
        before = waited() if waited else 0.0
        # The supervisor hears of a wait a little late, and must not end a command before that.
        seconds += 2 * TICK if waited else 0.0
        output = self._ask(
            seconds + supervisor.GRACE + BACKSTOP,
            waited,
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
            seconds=max(0.0, monotonic() - started - (waited() - before if waited else 0.0)),
            timed_out=output.end["late"],
            truncated=output.end["truncated"],
        )

    def _ask(
        self, wait_seconds: float, waited: Callable[[], float] | None = None, **order: Any
    ) -> CommandOutput:
        assert self._channel
        try:
            return self._channel.ask(wait_seconds, self._kill, waited, **order)
        except RolloutError:
            if self._closed.is_set() or not self._ran_out_of_memory:
                raise
        # No failure of the sandbox, or whoever dislikes a task could have another try of it.
        raise RolloutError(
            "agent_crashed", "what ran in the sandbox used up its memory, and so ended it"
        )

    @cached_property
    def _ran_out_of_memory(self) -> bool:
        container = self._container
        return container is not None and ran_out_of_memory(self._client, container)

    def _kill(self) -> None:
        if self._container:
            with suppress(*ENGINE_ERRORS):
                self._container.kill()
