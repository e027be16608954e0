"""The plug-ins of a run: what they may reach, what they say of themselves, their processes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock

from harness.plugin_host import confinement
from harness.plugin_host.failures import PluginError, PluginFailure, for_people, rollout_error
from harness.plugin_host.fork_server import ForkServer
from harness.plugin_host.process import PluginProcess
from harness.plugin_host.server import Config
from seqswe import plugins
from seqswe.agent import API
from seqswe.errors import RolloutError, UnknownName
from seqswe.manifests.convert import parse
from seqswe.memory import Declared

FAILED: Mapping[str, str] = {"agent": "agent_crashed", "memory": "memory_failed"}
"""Cause of a failure that a plug-in does not name itself, by kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What the plug-ins of a run may reach beyond their own folders."""

    network: bool = False
    variables: tuple[str, ...] = ()
    """Names of environment variables that they are given."""
    hidden: tuple[Path, ...] = ()
    """Folders that they may not read: the run, the clones, the manifests."""
    place: Path | None = None
    """Where the folders of their processes are made; by default among the temporary files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a plug-in's class says of itself; see `seqswe.memory` and `seqswe.agent`."""

    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    uses_if: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    deliveries: tuple[str, ...] = ()
    reads_gold: bool = False
    coupled: bool = False
    own_memory: bool = False
    inside: bool = False
    ignores_scores: bool = False
    takes_model: bool = False
    """Whether it is built with `model`, as an agent that asks one is."""
    version: str = ""
    """Of a program or library that it brings."""
    digest: str = ""
    """Of what its results depend on beyond its name and options, such as the text of a recipe."""
    apis: tuple[API, ...] = ()
    model_optional: bool = False
    side_models: tuple[str, ...] = ()
    replay_drop: tuple[str, ...] = ()
    replay_blank: tuple[str, ...] = ()

    @property
    def declared(self) -> Declared:
        """What a memory's class says of what it reads."""
        return Declared(
            needs=self.needs, uses=self.uses, uses_if=self.uses_if, sources=self.sources
        )


class PluginHost:
    """One plug-in of a run, by name and options. Safe between threads.

    seconds: deadline of finding out about it, and of building it.
    """

    def __init__(
        self,
        kind: plugins.Kind,
        name: str,
        options: Sequence[str] = (),
        permissions: Permissions = Permissions(),
        seconds: float = 120.0,
    ) -> None:
        plugins.make_importable(name)  # its processes find what this one finds
        self.kind, self.name, self.options = kind, name, tuple(options)
        self.seconds, self._permissions = seconds, permissions
        self._lock = Lock()
        self._server: ForkServer | None = None
        self._closed, self._shared = False, ""

    @cached_property
    def facts(self) -> Facts:
        """What its class says of itself.

        Raises UnknownName, MissingError or UsageError for a plug-in that cannot be imported.
        """
        if not plugins.is_known(self.kind, self.name):
            raise UnknownName(self.kind, self.name, plugins.installed(self.kind))
        process = self.process()
        try:
            return parse(Facts, process.call("facts", seconds=self.seconds), self.name)
        except (PluginError, PluginFailure) as error:
            reason = rollout_error(error, FAILED[self.kind])
            reason.__cause__ = error
            raise for_people(reason) from None
        finally:
            process.close()

    @property
    def shared(self) -> str:
        """What of the plug-in's import its processes would share, so that each imports it anew.

        "" if they come from one import.
        """
        self._running()
        return self._shared

    def process(self) -> PluginProcess:
        """A new process, in which nothing is built yet.

        Raises MissingError, or RolloutError("cancelled") if this is closed.
        """
        return PluginProcess(self._running())

    def close(self) -> None:
        """End the fork server and all its processes, for good; safe to call twice."""
        with self._lock:
            self._closed = True
            server, self._server = self._server, None
        if server is not None:
            server.close()

    def _running(self) -> ForkServer:
        with self._lock:
            if self._closed:
                raise RolloutError("cancelled", "the run is being ended")
            if self._server is None:
                server = self._start(preload=True)
                self._shared = server.shared
                if server.shared:
                    # What this import left behind, all processes would have in common.
                    server.close()
                    server = self._start(preload=False)
                self._server = server
            return self._server

    def _start(self, *, preload: bool) -> ForkServer:
        place = self._permissions.place
        cells = Path(tempfile.mkdtemp(prefix="seqswe-plugin-", dir=place)).resolve()
        hidden = (*self._permissions.hidden, place or cells)
        config = Config(
            kind=self.kind,
            name=self.name,
            preload=preload,
            reads=(
                *confinement.readable(self.options, hidden),
                *(path.resolve() for path in plugins.files_of(self.name) if path.exists()),
            ),
            cells=cells,
            network=self._permissions.network,
        )
        return ForkServer(config, self._permissions.variables)
