"""The memory and the agent of a run, each in processes of their own."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path

from harness.memory.metered import MeteredMemory
from harness.plugin_host import confinement
from harness.plugin_host.agent import HostedAgent, Post
from harness.plugin_host.host import Permissions, PluginHost
from harness.plugin_host.memory import HostedMemory
from harness.sandboxes.cleanup import owner, sweep
from seqswe.arms import Cell
from seqswe.experiment import Experiment
from seqswe.memory import Services
from seqswe.models.structured import KnownWays

PREFIX = "seqswe-plugins-"
NONE = "none"
"""The memory of an arm without one."""


class RunPlugins:
    """Builds the agents and memories of an experiment.

    hidden: folders that they may not read. Processes are started when they are first needed, and
    end with `close`, or with this object.
    """

    def __init__(self, experiment: Experiment, hidden: tuple[Path, ...] = ()) -> None:
        self._experiment = experiment
        # A killed run's processes end by themselves, but leave this folder.
        temporary = Path(tempfile.gettempdir())
        sweep(temporary, PREFIX)
        place = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{owner()}-"))
        self._remove = weakref.finalize(self, shutil.rmtree, place, ignore_errors=True)
        permissions = Permissions(
            place=place,
            network=experiment.plugin_network == "open",
            variables=experiment.plugin_env,
            hidden=hidden,
        )
        seconds = experiment.plugin_seconds
        self.agent = PluginHost(
            "agent", experiment.agent, experiment.agent_option, permissions, seconds
        )
        self.memory = PluginHost(
            "memory", experiment.memory, experiment.memory_option, permissions, seconds
        )
        self._none = PluginHost("memory", NONE, (), permissions, seconds)
        self._ways = KnownWays()

    def reach(self) -> tuple[str, ...]:
        """What plug-ins can reach on this machine beyond what they are given."""
        return confinement.reach(network=self._experiment.plugin_network == "open")

    def make_agent(self, services: Services, cell: Cell, post: Post | None = None) -> HostedAgent:
        """A fresh agent; `post` asks its model, if it asks one. Raises UsageError."""
        experiment = self._experiment
        gold = services.gold if self.agent.facts.reads_gold else None
        return HostedAgent(
            self.agent, cell.seed, gold, experiment.task_seconds, model=experiment.model, post=post
        )

    def make_memory(self, services: Services, cell: Cell) -> MeteredMemory:
        """The empty memory of a cell. Raises UsageError for wrong options."""
        host = self._host(cell)
        declared = {*host.facts.needs, *host.facts.uses}
        seconds = self._experiment.task_seconds
        return MeteredMemory(
            lambda metered: HostedMemory(host, metered, declared, seconds),
            services,
            self._experiment,
            cell.seed,
            self._ways,
        )

    def _host(self, cell: Cell) -> PluginHost:
        return self._none if cell.memory == "absent" else self.memory

    def close(self) -> None:
        """End all processes."""
        for host in (self.agent, self.memory, self._none):
            host.close()
        self._remove()
