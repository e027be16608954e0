"""The run context: everything that the rollouts of one run share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.grading import Grader
from harness.loop.agent_model import NO_MODEL, AgentModel
from harness.loop.carried_code import CarriedCode
from harness.loop.experiences import Windows
from harness.loop.run_plugins import RunPlugins
from harness.loop.sandbox_pool import SandboxPool, SandboxRequest
from harness.loop.speculation import Speculation
from harness.memory.contamination import Contamination
from harness.memory.memories import Memories
from harness.memory.metered import MeteredMemory
from harness.memory.recall_check import RecallCheck
from harness.plugin_host.agent import Post
from harness.users.desk import UserDesk
from seqswe import __version__
from seqswe.agent import Agent
from seqswe.arms import SEQUENTIAL, Cell
from seqswe.errors import RunDirError
from seqswe.experiment import NATIVE, Experiment
from seqswe.instance import Instance, digest_of
from seqswe.memory import Services
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory
from seqswe.sandbox import SandboxProvider

LIKELY = 1
"""Prefetch the grader's sandbox once patches outnumber empty attempts by this many: a sandbox
that nobody takes costs more than one that is waited for."""


@dataclass(kw_only=True)
class RunContext:
    """The instances of a run and the means to work on them."""

    experiment: Experiment
    instances: tuple[Instance, ...]
    environments: Mapping[str, str]
    """Digest by environment key: versions of Python and of packages."""
    provider: SandboxProvider
    sandboxes: SandboxPool
    grader: Grader
    store: RunDirectory
    scratch: Path
    services: Services
    plugins: RunPlugins
    code: CarriedCode
    contamination: Contamination
    recall_check: RecallCheck
    user: UserDesk | None = None
    """Whom agents may ask; None without a user."""
    model: AgentModel = NO_MODEL
    """The agents' model, if they ask one."""
    own_agent: Agent | None = None
    """An agent that is there already, for one rollout alone."""
    speculation: Speculation[Any] = field(init=False)
    """The attempts at tasks, some ahead of their chain; set once the rest is there."""
    windows: Windows = field(default_factory=Windows)
    """Memories made of a part of the lessons."""
    patches: int = 0
    """Attempts that left a patch, less those that left none."""

    def __post_init__(self) -> None:
        self._settings = self.experiment.digest  # once: a key is asked for every line of a journal
        self._digests: dict[str, str] = {}
        self._chains: dict[int, Mapping[int, Rollout]] = {}
        self.memories = Memories(
            self._memory, self.store.snapshots, self.scratch, self.contamination.check
        )

    def agent(self, cell: Cell, post: Post | None = None) -> Agent:
        """A fresh agent: nothing but the memory survives a rollout. `post` asks its model."""
        return self.own_agent or self.plugins.make_agent(self.services, cell, post)

    def for_agent(self, agent: Agent, store: RunDirectory) -> RunContext:
        """The same means for a rollout of this very agent, whose files go into `store`."""
        other = copy(self)
        other.own_agent, other.store = agent, store
        return other

    def delivery(self, cell: Cell) -> str:
        """The way a memory is delivered; an arm without one has neither tool nor text of it."""
        if cell.memory == "absent":
            return "prompt"
        return NATIVE if self.experiment.memory == NATIVE else self.experiment.delivery

    def hidden(self, position: int) -> tuple[str, ...]:
        """Files that are kept out of the agent's sight."""
        hide = self.experiment.instructions == "hide"
        return self.instances[position].instructions if hide else ()

    def key(self, instance: Instance, before: str, code: str = "") -> str:
        """What a result depends on: instance, packages, settings, memory, version, code, recipe.

        code: the commit that the rollout started from, if it is not the base commit.
        """
        packages = self.environments[instance.environment]
        if (digest := self._digests.get(instance.instance_id)) is None:
            digest = self._digests[instance.instance_id] = instance.digest
        parts = [digest, packages, self._settings, before, __version__]
        parts += [code] if code else []
        # Nothing is added for an agent that states nothing, so that no older run is stale.
        parts += [agent] if (agent := self.plugins.agent.facts.digest) else []
        return digest_of("\n".join(parts))

    def chain_rollout(self, seed: int, position: int) -> Rollout:
        """The sequential arm's finished rollout of a task. Raises KeyError if there is none.

        The journal, which is long, is read again only where it is not known yet.
        """
        chain = self._chains.get(seed, {})
        if position not in chain:
            place, rollouts = (SEQUENTIAL, seed), self.store.journal().rollouts
            chain = {r.position: r for r in rollouts if r.graded and (r.arm, r.seed) == place}
            self._chains[seed] = chain
        return chain[position]

    def prefetch_grading(self, cell: Cell, position: int) -> None:
        """Open the grader's sandbox while the agent works, if it is likely to be needed."""
        if self.patches >= LIKELY:
            self.sandboxes.prefetch(SandboxRequest(cell, position, for_agent=False))

    def prefetch_next(self, cell: Cell, position: int, *, has_patch: bool) -> None:
        """Open the next task's sandbox of a chain while this one, ended, is graded."""
        self.patches += 1 if has_patch else -1
        upcoming = cell.next_position(position) if cell.carries_memory else None
        # Where code is carried, the verdict decides what the next one starts from; what is worked
        # on ahead opens its own.
        ahead = self.code.follows(cell) or self.speculation.covers(cell)
        if upcoming is not None and not ahead:
            self.sandboxes.prefetch(SandboxRequest(cell, upcoming, for_agent=True))

    def _memory(self, cell: Cell) -> MeteredMemory:
        return self.plugins.make_memory(self.services, cell)


def check_keys(store: RunDirectory, context: RunContext, rollouts: Iterable[Rollout]) -> None:
    """Refuse to add to results that depend on another image or version than is here."""
    for rollout in rollouts:
        instance = context.instances[rollout.position]
        key = context.key(instance, rollout.memory_before, rollout.code_before)
        if rollout.graded and rollout.key != key:
            raise RunDirError(
                f"{store.root} was made with another Python, other packages, another recipe of the "
                f"agent or another version of SeqSWE ({store.info.seqswe}; first at "
                f"{rollout.instance_id})",
                "Bring back what it was made with, or start a new run.",
            )
